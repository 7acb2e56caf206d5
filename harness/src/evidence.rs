//! What happened in one trial: every call with its result, every move, and what each changed in the tree.
//!
//! Filled while the victim may be held inside malloc, so it lives in buffers made beforehand; when they are too
//! small it says so, and the trial counts as not explored.

use crate::arena::sight::Sight;
use crate::arena::tree::{Difference, Entry, Ident, Maker, Tree, What};
use crate::ending::Ending;
use crate::schedule::Schedule;
use crate::world::Outcome;
use crate::world::calls::Sys;
use crate::world::labels::Labels;
use crate::world::stop::Stop;
use std::ops::Range;

const MOST_STEPS: usize = 16 * 1024;
const MOST_CHANGES: usize = 32 * 1024;
const MOST_INHERITED: usize = 1024;
const MOST_READINGS: usize = 4096;
const TEXT_BYTES: usize = 2 * 1024 * 1024;

type Span = (u32, u32);

/// One step of victim or attacker.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) deed: Deed,
    pub(crate) outcome: Outcome,
    changes: Range<u32>,
    target: Span,
}

/// What a step was.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Call(CallStep),
    /// The act of that index in the schedule, a move.
    Move(usize),
    /// The act of that index in the schedule, a fault of the call that follows.
    Fault(usize),
    /// The act of that index in the schedule, by which the other copy goes on.
    Switch(usize),
    /// This copy, the second if true, waits for the other, which goes on.
    Waits(bool),
}

/// A call as evidence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallStep {
    pub(crate) sys: &'static Sys,
    /// The second copy of the victim made it.
    pub(crate) second: bool,
    pub(crate) task: u16,
    pub(crate) flags: u32,
    pub(crate) mode: u32,
    pub(crate) length: u64,
    pub(crate) creates: bool,
    pub(crate) writes: bool,
    pub(crate) by_descriptor: bool,
    pub(crate) occurrence: u32,
    labels: [Span; 2],
    paths: [Span; 2],
    count: usize,
    inherited: Span,
}

/// A difference that a step made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) what: What,
    pub(crate) was: Option<Entry>,
    pub(crate) is: Option<Entry>,
    /// Who made the directory that holds the entry.
    pub(crate) ground: Maker,
    /// The entry is somewhere in a directory that the victim made.
    pub(crate) on_own_ground: bool,
    /// Others can reach the entry through its directories.
    pub(crate) reachable: bool,
    label: Span,
    path: Span,
}

/// What another process read at an entry that the victim replaces, after a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Which of the entries that are read.
    pub(crate) which: usize,
    /// The step before it; `None` for what stood there at the start.
    pub(crate) step: Option<usize>,
    pub(crate) sight: Sight,
}

/// A descriptor that a program which the victim starts gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited {
    pub(crate) ident: Ident,
    label: Span,
    path: Span,
}

/// A prediction that came true.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foretold {
    pub(crate) path: Vec<u8>,
    /// The scheme of the name, in words.
    pub(crate) scheme: String,
    /// The name is the same in every run.
    pub(crate) constant: bool,
}

/// How one of two copies ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// How many steps were made before.
    pub(crate) after: usize,
    pub(crate) second: bool,
    pub(crate) ending: Ending,
}

/// Everything about one trial.
#[derive(Debug)]
pub(crate) struct Evidence {
    text: Vec<u8>,
    pub(crate) steps: Vec<Step>,
    changes: Vec<Change>,
    inherited: Vec<Inherited>,
    readings: Vec<Reading>,
    /// Numbers of the descriptors that were open still when a body was done, as outcomes tell them.
    pub(crate) kept_open: Vec<u32>,
    /// How the victim ended; of two copies, how the one that came off worse did.
    pub(crate) ending: Ending,
    /// How each of two copies ended, in order.
    pub(crate) ends: Vec<End>,
    /// Why nothing follows from the trial, if that is so.
    pub(crate) doubt: Option<&'static str>,
    /// The tree when the victim was done.
    pub(crate) last: Tree,
    /// How many acts of the schedule happened.
    pub(crate) landed: usize,
    /// An act was refused by the kernel with this errno.
    pub(crate) refused: Option<i32>,
    pub(crate) full: bool,
    /// The victim made more calls than the limit.
    pub(crate) endless: bool,
    /// What came true of a prediction by which something was planted, and the path.
    pub(crate) foretold: Option<Foretold>,
    /// A call looked up names behind a link of the victim's own, or before a `..`, which its path does not show.
    pub(crate) winding: bool,
}

impl Default for Evidence {
    fn default() -> Evidence {
        Evidence {
            text: Vec::with_capacity(TEXT_BYTES),
            steps: Vec::with_capacity(MOST_STEPS),
            changes: Vec::with_capacity(MOST_CHANGES),
            inherited: Vec::with_capacity(MOST_INHERITED),
            readings: Vec::with_capacity(MOST_READINGS),
            kept_open: Vec::with_capacity(MOST_STEPS),
            ending: Ending::Success,
            ends: Vec::new(),
            doubt: None,
            last: Tree::default(),
            landed: 0,
            refused: None,
            full: false,
            endless: false,
            foretold: None,
            winding: false,
        }
    }
}

impl Evidence {
    pub(crate) fn restart(&mut self) {
        self.text.clear();
        self.steps.clear();
        self.changes.clear();
        self.inherited.clear();
        self.readings.clear();
        self.kept_open.clear();
        self.ending = Ending::Success;
        self.ends.clear();
        self.doubt = None;
        (self.landed, self.refused, self.full, self.endless) = (0, None, false, false);
        self.winding = false;
        self.foretold = None;
    }

    /// Notes a stop before its call happens; returns the label of its first path.
    pub(crate) fn note_call(&mut self, stop: &Stop, labels: &mut Labels) {
        let mut call = CallStep {
            sys: stop.sys,
            second: stop.second,
            task: stop.task,
            flags: stop.flags,
            mode: stop.mode,
            length: stop.length,
            creates: stop.creates(),
            writes: stop.writes(),
            by_descriptor: stop.places().first().is_some_and(|p| p.by_descriptor),
            occurrence: 0,
            labels: [(0, 0); 2],
            paths: [(0, 0); 2],
            count: stop.count,
            inherited: (0, 0),
        };
        for (at, place) in stop.places().iter().enumerate() {
            (call.paths[at], call.labels[at]) = self
                .told_last(at, &place.path)
                .unwrap_or_else(|| (self.keep(&place.path), self.keep_label(&place.path, labels)));
        }
        // The last one is near where a victim goes round in a loop, which is where there are many.
        let before = self.calls().rev().find(|(_, c)| self.same_stop(c, &call));
        call.occurrence = before.map_or(0, |(_, c)| c.occurrence + 1);
        call.inherited = self.keep_inherited(stop, labels);
        self.push(Deed::Call(call), (0, 0));
    }

    fn keep_inherited(&mut self, stop: &Stop, labels: &mut Labels) -> Span {
        self.full |= stop.handed.full;
        let start = self.inherited.len() as u32;
        for (ident, path) in stop.handed.iter() {
            if self.inherited.len() == MOST_INHERITED {
                self.full = true;
                break;
            }
            let (label, path) = (self.keep_label(path, labels), self.keep(path));
            self.inherited.push(Inherited { ident, label, path });
        }
        (start, self.inherited.len() as u32)
    }

    /// Says where the move of that index turned out to be.
    pub(crate) fn note_target(&mut self, index: usize, target: &[u8]) {
        let target = self.keep(target);
        let is_it = |step: &&mut Step| matches!(step.deed, Deed::Move(at) if at == index);
        self.steps.iter_mut().find(is_it).into_iter().for_each(|step| step.target = target);
    }

    pub(crate) fn note_move(&mut self, index: usize, target: &[u8]) {
        let target = self.keep(target);
        self.push(Deed::Move(index), target);
    }

    pub(crate) fn note_fault(&mut self, index: usize) {
        self.push(Deed::Fault(index), (0, 0));
    }

    /// Notes that the other copy goes on by the act of that index.
    pub(crate) fn note_switch(&mut self, index: usize) {
        self.push(Deed::Switch(index), (0, 0));
    }

    /// Notes that a copy waits for the other.
    pub(crate) fn note_wait(&mut self, second: bool) {
        self.push(Deed::Waits(second), (0, 0));
    }

    /// Notes that one of two copies has ended.
    pub(crate) fn note_end(&mut self, second: bool, ending: Ending) {
        self.ends.push(End { after: self.steps.len(), second, ending });
    }

    /// True when the other one of two copies had ended before this step.
    pub(crate) fn other_had_ended(&self, second: bool, step: usize) -> bool {
        self.ends.iter().any(|end| end.second != second && end.after <= step)
    }

    /// Notes how the last step came out.
    pub(crate) fn note_outcome(&mut self, outcome: Outcome) {
        if let Some(step) = self.steps.last_mut() {
            step.outcome = outcome;
        }
    }

    /// Notes one difference that the last step made.
    pub(crate) fn note_change(&mut self, told: &Difference<'_>, before: &Tree, labels: &mut Labels) {
        if self.changes.len() == MOST_CHANGES {
            self.full = true;
            return;
        }
        let label = self.keep_label(told.path, labels);
        let path = self.keep(told.path);
        let ground = before.parent(told.path).map_or(Maker::Stage, |dir| dir.maker);
        let on_own_ground = before.dirs_above(told.path).any(|dir| dir.maker.is_victim());
        let reachable = before.reachable(told.path);
        let (what, was, is) = (told.what, told.was.copied(), told.is.copied());
        self.changes.push(Change { what, was, is, ground, on_own_ground, reachable, label, path });
        if let Some(step) = self.steps.last_mut() {
            step.changes.end = self.changes.len() as u32;
        }
    }

    /// Notes what was read at one of the entries that the victim replaces, if it is something new.
    pub(crate) fn note_reading(&mut self, which: usize, sight: Sight) {
        let last = self.readings.iter().rfind(|reading| reading.which == which);
        if last.is_some_and(|last| last.sight == sight) {
            return;
        }
        if self.readings.len() == MOST_READINGS {
            self.full = true;
            return;
        }
        let step = self.steps.len().checked_sub(1);
        self.readings.push(Reading { which, step, sight });
    }

    /// As if nothing had been read.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn forget_readings(&mut self) {
        self.readings.clear();
    }

    fn push(&mut self, deed: Deed, target: Span) {
        if self.steps.len() == MOST_STEPS {
            self.full = true;
            return;
        }
        let at = self.changes.len() as u32;
        self.steps.push(Step { deed, outcome: Outcome::Unknown, changes: at..at, target });
    }

    /// Where path and label of a name of the victim's are, if the call before named it in the same place.
    fn told_last(&self, at: usize, path: &[u8]) -> Option<(Span, Span)> {
        let (_, last) = self.calls().next_back()?;
        // The label of a name elsewhere can become another.
        let same = path.starts_with(b"shared/") && self.bytes(last.paths[at]) == path;
        same.then_some((last.paths[at], last.labels[at]))
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        if self.text.len() + bytes.len() > TEXT_BYTES {
            self.full = true;
            return (0, 0);
        }
        let start = self.text.len() as u32;
        self.text.extend_from_slice(bytes);
        (start, self.text.len() as u32)
    }

    fn keep_label(&mut self, path: &[u8], labels: &mut Labels) -> Span {
        // An escaped byte takes four.
        if self.text.len() + 4 * path.len() + 16 > TEXT_BYTES {
            self.full = true;
            return (0, 0);
        }
        let start = self.text.len() as u32;
        labels.label(path, &mut self.text);
        (start, self.text.len() as u32)
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.text[span.0 as usize..span.1 as usize]
    }

    fn text(&self, span: Span) -> &str {
        std::str::from_utf8(self.bytes(span)).unwrap_or("?")
    }

    fn same_stop(&self, a: &CallStep, b: &CallStep) -> bool {
        let same_task = (a.second, a.task) == (b.second, b.task);
        same_task && std::ptr::eq(a.sys, b.sys) && self.bytes(a.labels[0]) == self.bytes(b.labels[0])
    }

    /// The victim's calls with their step numbers.
    pub(crate) fn calls(&self) -> impl DoubleEndedIterator<Item = (usize, &CallStep)> {
        self.steps.iter().enumerate().filter_map(|(at, step)| match &step.deed {
            Deed::Call(call) => Some((at, call)),
            Deed::Move(_) | Deed::Fault(_) | Deed::Switch(_) | Deed::Waits(_) => None,
        })
    }

    /// True when the last so many calls, if there were that many, were about a few names.
    pub(crate) fn goes_round(&self, calls: usize) -> bool {
        const FEW: usize = 4;
        let last = self.calls().rev().take(calls);
        let mut names: Vec<&str> = last.map(|(_, call)| self.label(call)).collect();
        let enough = names.len() == calls;
        names.sort_unstable();
        names.dedup();
        enough && names.len() <= FEW
    }

    /// Labels of a call's paths.
    pub(crate) fn labels(&self, call: &CallStep) -> impl Iterator<Item = &str> {
        call.labels[..call.count].iter().map(|span| self.text(*span))
    }

    /// Label of a call's first path, empty if it has none.
    pub(crate) fn label(&self, call: &CallStep) -> &str {
        self.text(call.labels[0])
    }

    /// A call's paths as they really were.
    pub(crate) fn paths(&self, call: &CallStep) -> impl Iterator<Item = &[u8]> {
        call.paths[..call.count].iter().map(|span| self.bytes(*span))
    }

    /// What was read at the entries that the victim replaces: of each what stood there at first, then what was new.
    pub(crate) fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// What the program that a call starts gets of the arena: the file, its label, its path.
    pub(crate) fn inherited(&self, call: &CallStep) -> impl Iterator<Item = (Ident, &str, &[u8])> {
        let (start, end) = call.inherited;
        let all = self.inherited[start as usize..end as usize].iter();
        all.map(|one| (one.ident, self.text(one.label), self.bytes(one.path)))
    }

    /// What a step changed.
    pub(crate) fn changes(&self, step: &Step) -> &[Change] {
        &self.changes[step.changes.start as usize..step.changes.end as usize]
    }

    /// Label of a change's path.
    pub(crate) fn changed(&self, change: &Change) -> &str {
        self.text(change.label)
    }

    /// A change's path as it really was.
    pub(crate) fn changed_path(&self, change: &Change) -> &[u8] {
        self.bytes(change.path)
    }

    /// Label of a path that a call named or something changed at.
    pub(crate) fn label_of(&self, path: &[u8]) -> Option<&str> {
        let named = self.calls().flat_map(|(_, call)| self.paths(call).zip(self.labels(call)));
        let changed = self.changes.iter().map(|change| (self.bytes(change.path), self.changed(change)));
        named.chain(changed).find(|(known, _)| *known == path).map(|(_, label)| label)
    }

    /// The path that a move was made at.
    pub(crate) fn target(&self, step: &Step) -> &[u8] {
        self.bytes(step.target)
    }

    /// Who made the file with this identity, as far as this trial saw it.
    pub(crate) fn maker_of(&self, ident: Ident) -> Option<(Maker, bool)> {
        let mut entries = self.changes.iter().flat_map(|c| [c.is, c.was]).flatten();
        let changed = entries.rfind(|e| e.ident == ident);
        // What did not change stands there still.
        changed.or_else(|| self.last.by_ident(ident).copied()).map(|e| (e.maker, e.is_dir()))
    }
}

impl Evidence {
    /// True when all that the schedule says has come about and was seen.
    pub(crate) fn has_happened(&self, schedule: &Schedule) -> bool {
        self.landed == schedule.acts.len() && !self.full && self.doubt.is_none()
    }

    /// What the step of this index changed, and what was changed after it; of no step what all of them did.
    pub(crate) fn changes_from(&self, step: Option<usize>) -> (&[Change], &[Change]) {
        let Some(step) = step.and_then(|at| self.steps.get(at)) else { return (&self.changes, &[]) };
        (self.changes(step), &self.changes[step.changes.end as usize..])
    }

    /// Lets the last step begin after the changes noted so far.
    pub(crate) fn rebase_last(&mut self) {
        let count = self.change_count();
        if let Some(step) = self.steps.last_mut() {
            step.rebase(count);
        }
    }

    /// How many changes have been noted.
    pub(crate) fn change_count(&self) -> u32 {
        self.changes.len() as u32
    }
}

impl Step {
    /// Makes the step begin after the changes noted so far.
    pub(crate) fn rebase(&mut self, at: u32) {
        self.changes = at..at;
    }
}
