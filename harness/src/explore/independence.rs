//! Which schedules of several acts can show nothing that shorter or earlier ones do not show. Owns the relation, not the
//! order in which schedules are tried.
//!
//! **One move does as much.** Two moves at the same stop and name leave there what one move of the set leaves there; the
//! first is seen by nobody. At most something of the attacker's stays beside it, which would stay as well without.
//!
//! **One order is enough.** Two moves at the same stop commute when neither name is, or lies below, the other: nobody
//! looks in between, and neither changes whether the other is possible. Those are tried in the order of their names.
//!
//! **What nobody can tell apart.** Let `p` and `q` be two beginnings, the empty one among them, and `b` an act that can
//! follow both. Call *view* what the victim was told in a run: its calls with their arguments, but not the path of a
//! descriptor; their results, but not which file a descriptor is for; the faults; the end. Call *marks* the names at which
//! an attacker's move changed something, those that the victim renamed or linked to or from a mark, and those outside of its
//! directories that it changed, as behind a link. A successful look at a mark, or opening, listing, entering or running one,
//! tells the victim things that no result shows: such a run, and one in which the attacker goes on taking names, has a view
//! of its own that equals no other. Then `q b` is left out if
//!
//! 1. `p` and `q` have the same view, and
//! 2. the run of `p b`, which has been tried, from the stop of `b` on names nothing, changes nothing and has no descriptor
//!    of anything that is, lies above, or lies below a mark of `p` or of `q`.
//!
//! For the same calls with the same results leave trees that differ at marks only. By 1 the victim knows the same when it
//! comes to `b`, so it makes the same call next. By 2 that call meets the same files after `q` as after `p`, and so has the
//! same result. So it goes on to the end: from `b` on `q b` is `p b`, and up to there it is `q`. Whatever a rule can see in `q b` is in one of them. With `p` empty
//! this says that `b` does not depend on `q`; with `q` like `p` but for the bait, that it does not matter which bait
//! it was that kept a name from the victim.
//!
//! No use is made of it where the recorded run looks up names that its calls do not show (a link of the victim's own, a
//! `..`). It does not see what a victim asks of a descriptor that it had before a move (fstat(2) tells how many names a
//! file has), nor what it keeps from one trial to the next.

use crate::arena::tree::{Maker, is_below};
use crate::attacker::Verb;
use crate::evidence::{CallStep, Change, Deed, Evidence};
use crate::schedule::{Act, Schedule};
use crate::world::Outcome;
use crate::world::calls::Op;
use md5::{Digest, Md5};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

/// True when the schedule with this act at its end does the same as another that is tried: a shorter one, or the same
/// moves in another order.
pub(crate) fn repeats(beginning: &Schedule, next: &Act) -> bool {
    let Some(last) = beginning.acts.last().filter(|last| last.at == next.at) else { return false };
    let (Some(first), Some(second)) = (last.as_move(), next.as_move()) else { return false };
    let goes_on = [first, second].iter().any(|does| does.verb == Verb::TakeNames);
    let one_name = first.target == second.target;
    !goes_on && (one_name || (!related(&first.target, &second.target) && second.target < first.target))
}

/// What a run showed the victim, and what in it is not as it would have been without the attacker.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    view: [u8; 16],
    marks: BTreeSet<String>,
}

impl Seen {
    /// Of the run of a schedule that landed.
    pub(crate) fn of(evidence: &Evidence, schedule: &Schedule) -> Seen {
        let mut view = String::new();
        let mut marks = BTreeSet::new();
        let mut tells = schedule.moves().any(|does| does.verb == Verb::TakeNames);
        for step in &evidence.steps {
            // Writing to a string cannot fail.
            let _ = match &step.deed {
                Deed::Move(_) => {
                    marks.extend(evidence.changes(step).iter().map(|c| evidence.changed(c).to_owned()));
                    Ok(())
                }
                Deed::Fault(act) => writeln!(view, "{}", schedule.acts[*act].does),
                Deed::Call(call) => {
                    tells |= told(call, step.outcome) && is_marked(evidence, call, &marks);
                    // Not all directories are looked at, so what a name is carried to is marked whatever was seen there.
                    if matches!(call.sys.op, Op::Rename | Op::Link) && is_marked(evidence, call, &marks) {
                        marks.extend(evidence.labels(call).map(str::to_owned));
                    }
                    let carried = evidence.changes(step).iter().filter(|c| is_of_the_attacker(evidence, c));
                    marks.extend(carried.map(|c| evidence.changed(c).to_owned()));
                    note_call(&mut view, evidence, call);
                    note_result(&mut view, step.outcome);
                    Ok(())
                }
            };
        }
        let _ = writeln!(view, "{:?} {}", evidence.ending, evidence.endless);
        if tells {
            let _ = writeln!(view, "{:?}", schedule.acts);
        }
        Seen { view: Md5::digest(view).into(), marks }
    }

    /// What stands for this view followed by an act.
    fn with(&self, act: &Act) -> [u8; 16] {
        Md5::new().chain_update(self.view).chain_update(format!("{act:?}")).finalize().into()
    }
}

fn note_call(view: &mut String, evidence: &Evidence, call: &CallStep) {
    let _ = write!(view, "{} {} {} {} {}", call.task, call.sys.name, call.flags, call.mode, call.length);
    for (at, label) in evidence.labels(call).enumerate() {
        if at > 0 || !call.by_descriptor {
            let _ = write!(view, " {label}");
        }
    }
}

fn note_result(view: &mut String, outcome: Outcome) {
    let _ = match outcome {
        Outcome::Descriptor(number, _) => writeln!(view, " = {number}"),
        other => writeln!(view, " = {other:?}"),
    };
}

/// True when the call may have told the victim more than its result shows.
fn told(call: &CallStep, outcome: Outcome) -> bool {
    let asks = matches!(call.sys.op, Op::Look | Op::Open | Op::List | Op::Enter | Op::Run);
    outcome == Outcome::Unknown || (asks && outcome.succeeded())
}

fn is_marked(evidence: &Evidence, call: &CallStep, marks: &BTreeSet<String>) -> bool {
    evidence.labels(call).any(|label| marks.iter().any(|mark| related(mark, label)))
}

fn is_of_the_attacker(evidence: &Evidence, change: &Change) -> bool {
    let theirs = [change.was, change.is]
        .into_iter()
        .flatten()
        .any(|entry| [entry.maker, entry.namer].contains(&Maker::Attacker));
    theirs || evidence.changed(change).starts_with("outside/")
}

/// True when one of two names is the other or lies above it.
fn related(one: &str, other: &str) -> bool {
    is_below(one.as_bytes(), other.as_bytes()) || is_below(other.as_bytes(), one.as_bytes())
}

/// A set of names, by its number.
type SetOfNames = u32;

/// What was tried so far: after which view, with which act, and what came in touch with each other from there on.
#[derive(Debug, Default)]
pub(crate) struct Known {
    numbers: HashMap<Vec<String>, SetOfNames>,
    sets: Vec<Vec<String>>,
    /// Marks of the beginning, and what the run touched behind it.
    tried: HashMap<[u8; 16], (SetOfNames, SetOfNames)>,
}

impl Known {
    /// Takes the run of an act behind a beginning into account. The act must have landed.
    pub(crate) fn learn(&mut self, beginning: &Seen, act: &Act, evidence: &Evidence) {
        let key = beginning.with(act);
        if !self.tried.contains_key(&key) {
            let marks = self.number(beginning.marks.iter().cloned().collect());
            let touched = self.number(touched(evidence, act));
            self.tried.insert(key, (marks, touched));
        }
    }

    /// True when the act behind this beginning shows nothing that is not known.
    pub(crate) fn has(&self, beginning: &Seen, act: &Act) -> bool {
        let Some((marks, touched)) = self.tried.get(&beginning.with(act)) else { return false };
        let marks = self.sets[*marks as usize].iter().chain(&beginning.marks);
        let touched = &self.sets[*touched as usize];
        marks.into_iter().all(|mark| touched.iter().all(|name| !related(mark, name)))
    }

    fn number(&mut self, names: Vec<String>) -> SetOfNames {
        if let Some(number) = self.numbers.get(&names) {
            return *number;
        }
        let number = self.sets.len() as SetOfNames;
        self.sets.push(names.clone());
        self.numbers.insert(names, number);
        number
    }
}

/// The names that a run came in touch with from the stop of its last act on.
fn touched(evidence: &Evidence, act: &Act) -> Vec<String> {
    let target = act.as_move().map(|does| does.target.as_str());
    let last = evidence.steps.iter().rposition(|step| !matches!(step.deed, Deed::Call(_)));
    let since = &evidence.steps[last.unwrap_or_default()..];
    let mut names: BTreeSet<&str> = target.into_iter().collect();
    for step in since {
        if let Deed::Call(call) = &step.deed {
            names.extend(evidence.labels(call));
        }
        names.extend(evidence.changes(step).iter().map(|change| evidence.changed(change)));
    }
    names.into_iter().map(str::to_owned).collect()
}
