//! Which schedules to try: from the recorded run, every move that can matter, in the last window where it can.
//!
//! A move at a path changes nothing for calls that do not look that path up, so it is tried only right before each
//! call that does: a move made earlier has the same effect there. Calls on open descriptors look nothing up. It may have
//! been possible earlier only, though: what is below a directory is attacked before its mode or owner changes, too.

mod acts;
pub(crate) mod faults;
pub(crate) mod foresight;
pub(crate) mod independence;
mod pair;
pub(crate) mod trial;

use crate::arena::tree::{Tree, What};
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::evidence::{CallStep, Evidence};
use crate::schedule::{Key, Schedule};
use crate::world::calls::Op;
use std::collections::{BTreeMap, BTreeSet};

/// Every schedule of one move for a recorded run.
pub(crate) fn enumerate(recorded: &Evidence, stage: &Tree, class: Class) -> Vec<Schedule> {
    if class == Class::None {
        return Vec::new();
    }
    let mut there = standing(recorded, stage);
    let mut schedules = Vec::new();
    for (at, call) in recorded.calls() {
        let key = key_of(recorded, call);
        let closing = if call.sys.op == Op::Alter { used_below(recorded, at, call) } else { BTreeSet::new() };
        for target in targets(recorded, call).union(&closing) {
            let moves = moves_at(target, there.get(target).copied(), class, names_something(call));
            schedules.extend(moves.into_iter().map(|does| Schedule::of(key.clone(), does)));
        }
        for change in recorded.changes(&recorded.steps[at]) {
            let label = recorded.changed(change);
            if change.what == What::Vanished {
                there.remove(label);
            } else if let Some(is) = change.is {
                there.insert(label.to_owned(), is.is_dir());
            }
        }
    }
    schedules
}

/// Which of the names that the run used stand before the start, with true for directories.
fn standing(recorded: &Evidence, stage: &Tree) -> BTreeMap<String, bool> {
    let label = |path: &[u8]| recorded.label_of(path).map(str::to_owned);
    stage.entries().iter().filter_map(|entry| Some((label(stage.path(entry))?, entry.is_dir()))).collect()
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
fn targets(evidence: &Evidence, call: &CallStep) -> BTreeSet<String> {
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

/// The moves at a name; `there` is `None` for a free name, true for a directory.
fn moves_at(target: &str, there: Option<bool>, class: Class, naming: bool) -> Vec<Move> {
    let make = |verb, bait| Move { verb, bait, target: target.to_owned() };
    let Some(is_dir) = there else {
        let mut moves: Vec<Move> = Bait::ALL.iter().map(|bait| make(Verb::Plant, *bait)).collect();
        // Fresh names run out only after tens of thousands of tries, which proves nothing about the loop.
        if naming && !target.contains('<') {
            moves.push(make(Verb::TakeNames, Bait::Link));
        }
        return moves;
    };
    let directly_shared = target.matches('/').count() == 1;
    if class == Class::OtherUser && directly_shared {
        // The sticky bit keeps other users from touching what they do not own.
        return Vec::new();
    }
    let mut moves: Vec<Move> = Bait::ALL.iter().map(|bait| make(Verb::Exchange, *bait)).collect();
    moves.push(make(Verb::MoveAway, Bait::Link));
    if !is_dir {
        // rename(2) replaces a file by anything but a directory, and a full directory by nothing.
        let files = Bait::ALL.iter().filter(|bait| !matches!(bait, Bait::Dir | Bait::HostileDir));
        moves.extend(files.map(|bait| make(Verb::SwapOver, *bait)));
        moves.push(make(Verb::Unlink, Bait::Link));
        moves.extend([Bait::OpenFile, Bait::Link].map(|bait| make(Verb::Recreate, bait)));
    }
    moves
}
