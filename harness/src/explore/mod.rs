//! Which schedules to try: from the recorded run, every move that can matter, in the last window where it can.
//!
//! A move at a path changes nothing for calls that do not look that path up, so it is tried only right before each
//! call that does: a move made earlier has the same effect there. Calls on open descriptors look nothing up. It may have
//! been possible earlier only, though: what is below a directory is attacked before its mode or owner changes, too.
//!
//! A run in which acts were made is a record as good as one without: what comes next is read from it, from the stop of
//! the last act on. So schedules of several acts are the paths of a tree, and stops that only an act brings about are
//! attacked like all others.

mod acts;
pub(crate) mod faults;
pub(crate) mod foresight;
#[cfg(feature = "arbitrary")]
pub(crate) mod guide;
#[cfg(feature = "arbitrary")]
pub(crate) mod improvise;
pub(crate) mod independence;
pub(crate) mod interleavings;
pub(crate) mod orders;
mod pair;
pub(crate) mod trial;

use crate::arena::tree::{Entry, Maker, Tree, What};
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::evidence::{CallStep, Deed, Evidence};
use crate::schedule::{Act, Key};
use crate::world::calls::Op;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// An act that can come next in a recorded run, and the step of the call that it comes before.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) at: usize,
    pub(crate) act: Act,
}

/// What stands at a name.
#[derive(Clone, Copy)]
struct Standing {
    is_dir: bool,
    /// The attacker made it.
    own: bool,
}

/// After an act that keeps the victim in a loop, the calls of the loop that are attacked.
pub(crate) const OF_A_LOOP: usize = 4;

/// Every move that can come next in a recorded run: at any stop, or, where acts have been made, from that of the last.
pub(crate) fn moves(recorded: &Evidence, stage: &Tree, class: Class) -> Vec<Next> {
    if class == Class::None {
        return Vec::new();
    }
    let after = open_stops(recorded);
    let mut there = standing(recorded, stage);
    let mut next = Vec::new();
    for (at, step) in recorded.steps.iter().enumerate().take(after.end) {
        if let Deed::Call(call) = &step.deed
            && after.contains(&at)
        {
            let key = key_of(recorded, call);
            let closing =
                if call.sys.op == Op::Alter { used_below(recorded, at, call) } else { BTreeSet::new() };
            for target in targets(recorded, call).union(&closing).filter(|target| is_open(target, &there)) {
                let moves =
                    moves_at(target, there.get(target).copied().flatten(), class, names_something(call));
                next.extend(
                    moves.into_iter().map(|m| Next { at, act: Act { at: key.clone(), does: m.into() } }),
                );
            }
        }
        for change in recorded.changes(step) {
            let label = recorded.changed(change);
            if change.what == What::Vanished {
                there.insert(label.to_owned(), None);
            } else if let Some(is) = change.is {
                there.insert(label.to_owned(), Some(Standing::of(&is)));
            }
        }
    }
    next
}

/// The steps of the calls before which something can be done yet. A call that was made to fail was never made, so what
/// is done before it is done as well before the next one; only moves can follow a move at its own stop.
pub(crate) fn open_stops(recorded: &Evidence) -> Range<usize> {
    let end = recorded.steps.len();
    let Some(last) = recorded.steps.iter().rposition(|step| !matches!(step.deed, Deed::Call(_))) else {
        return 0..end;
    };
    let start = if matches!(recorded.steps[last].deed, Deed::Fault(_)) { last + 2 } else { last + 1 };
    start..if recorded.endless { end.min(start + OF_A_LOOP) } else { end }
}

/// What is known to stand at the names that the run used, `None` for what is gone.
type There = BTreeMap<String, Option<Standing>>;

/// Which of the names that the run used stand before the start.
fn standing(recorded: &Evidence, stage: &Tree) -> There {
    let label = |path: &[u8]| recorded.label_of(path).map(str::to_owned);
    let entries = stage.entries().iter();
    entries.filter_map(|entry| Some((label(stage.path(entry))?, Some(Standing::of(entry))))).collect()
}

/// True unless a directory above the name is gone, or is something else: behind a link the attacker has no business.
fn is_open(target: &str, there: &There) -> bool {
    let above = target.match_indices('/').map(|(slash, _)| &target[..slash]);
    above.filter_map(|dir| there.get(dir)).all(|known| known.is_some_and(|standing| standing.is_dir))
}

impl Standing {
    fn of(entry: &Entry) -> Standing {
        Standing { is_dir: entry.is_dir(), own: entry.maker == Maker::Attacker }
    }
}

/// Names the stop of a recorded call.
pub(crate) fn key_of(evidence: &Evidence, call: &CallStep) -> Key {
    Key {
        second: call.second,
        task: call.task,
        call: call.sys.name.to_owned(),
        path: evidence.label(call).to_owned(),
        occurrence: call.occurrence,
    }
}

/// The names below `shared/` that the call looks up, from the top down.
pub(crate) fn targets(evidence: &Evidence, call: &CallStep) -> BTreeSet<String> {
    let mut targets = BTreeSet::new();
    for (at, label) in evidence.labels(call).enumerate() {
        let looked_up = !(at == 0 && call.by_descriptor) && label.starts_with("shared/");
        if looked_up && !label.ends_with("(unnamed)") {
            let ends = label.match_indices('/').map(|(slash, _)| slash).skip(1).chain([label.len()]);
            targets.extend(ends.map(|end| label[..end].to_owned()));
        }
    }
    targets
}

/// The names below the call's own that later calls look up.
fn used_below(recorded: &Evidence, at: usize, call: &CallStep) -> BTreeSet<String> {
    let directory = format!("{}/", recorded.label(call));
    let later = recorded.calls().filter(|(step, _)| *step > at);
    let used = later.flat_map(|(_, later)| targets(recorded, later));
    used.filter(|target| target.starts_with(&directory)).collect()
}

fn names_something(call: &CallStep) -> bool {
    call.creates || matches!(call.sys.op, Op::Create | Op::Link)
}

/// The moves at a name; `there` is `None` for a free one.
fn moves_at(target: &str, there: Option<Standing>, class: Class, naming: bool) -> Vec<Move> {
    let make = |verb, bait| Move { verb, bait, target: target.to_owned() };
    let with = |verb, which: fn(Bait) -> bool| {
        Bait::ALL.into_iter().filter(move |bait| which(*bait)).map(move |bait| make(verb, bait))
    };
    let directly_shared = target.matches('/').count() == 1;
    match there {
        None => {
            let mut moves: Vec<Move> = with(Verb::Plant, |_| true).collect();
            // Fresh names run out only after tens of thousands of tries, which proves nothing about the loop.
            if naming && !target.contains('<') {
                moves.push(make(Verb::TakeNames, Bait::Link));
            }
            moves
        }
        // Nobody has to keep what is the attacker's own, so it is replaced in the plainest way.
        Some(Standing { own: true, is_dir: true }) => {
            with(Verb::Exchange, |_| true).chain([make(Verb::MoveAway, Bait::Link)]).collect()
        }
        Some(Standing { own: true, is_dir: false }) => {
            let over = with(Verb::SwapOver, |bait| !bait.is_dir()).chain(with(Verb::Exchange, Bait::is_dir));
            over.chain([make(Verb::Unlink, Bait::Link)]).collect()
        }
        // The sticky bit keeps other users from touching what they do not own.
        Some(_) if class == Class::OtherUser && directly_shared => Vec::new(),
        Some(Standing { is_dir, .. }) => {
            let mut moves: Vec<Move> = with(Verb::Exchange, |_| true).collect();
            moves.push(make(Verb::MoveAway, Bait::Link));
            if !is_dir {
                // rename(2) replaces a file by anything but a directory, and a full directory by nothing.
                moves.extend(with(Verb::SwapOver, |bait| !bait.is_dir()));
                moves.push(make(Verb::Unlink, Bait::Link));
                moves.extend([Bait::OpenFile, Bait::Link].map(|bait| make(Verb::Recreate, bait)));
            }
            moves
        }
    }
}
