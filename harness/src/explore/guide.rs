//! What is new about a trial, told to a fuzzer: each pair of windows and what was done there, each outcome, each state that the
//! arena was in.
//!
//! Labels stand for names, and of outcomes only what kind they are counts, so that nothing is new each time. Owns what is
//! told, not who hears it (`sys::extra_counters`).

use crate::arena::tree::Entry;
use crate::attacker::{Bait, Move};
use crate::evidence::{Deed, Evidence, Step};
use crate::finding::shape;
use crate::schedule::{Does, Schedule};
use crate::sys::extra_counters::count;
use crate::world::Outcome;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether libFuzzer is told anything.
static TELLS: AtomicBool = AtomicBool::new(true);

/// Whether trials tell libFuzzer what victim and attacker did to each other, as they do unless this says otherwise. Without
/// it a target is guided by the coverage of code alone.
pub fn guide_by_races(wanted: bool) {
    TELLS.store(wanted, Ordering::Relaxed);
}

/// Of a call that is made again and again so many are told apart.
const TURNS: u32 = 3;

/// Tells what a trial of the victim of this name has shown. Returns a number for all of it, the same for trials that cannot be
/// told apart by this.
pub(crate) fn tell(victim: &str, evidence: &Evidence, schedule: &Schedule) -> u64 {
    let (mut before, mut last_act, mut all) = (0, 0, 0);
    let tells = TELLS.load(Ordering::Relaxed);
    let mut count = |shown: u64| {
        all = hash((all, shown));
        if tells {
            count(shown);
        }
    };
    for (at, step) in evidence.steps.iter().enumerate() {
        let (here, outcome) = (deed(evidence, schedule, step), kind(step.outcome));
        if let Deed::Call(_) = step.deed {
            count(hash((victim, "call", here, outcome)));
        } else {
            let next = evidence.steps[at + 1..].iter().find(|step| matches!(step.deed, Deed::Call(_)));
            let next = next.map(|step| deed(evidence, schedule, step));
            count(hash((victim, "window", before, next, here, outcome)));
            // Apart from the window: with each in each of them nearly all would be new.
            count(hash((victim, "bait", bait(schedule, step), next)));
            last_act = here;
        }
        for change in evidence.changes(step) {
            let stands = change.is.as_ref().map(|entry| hash(state(entry)));
            count(hash((victim, "state", shape(evidence.changed(change)), stands, last_act)));
        }
        before = here;
    }
    count(hash((victim, "end", last_act, discriminant(&evidence.ending))));
    all
}

/// What a step was, by its labels.
fn deed(evidence: &Evidence, schedule: &Schedule, step: &Step) -> u64 {
    let does = |index: usize| match &schedule.acts[index].does {
        Does::Move(Move { verb, target, .. }) => hash((verb, shape(target))),
        other => hash(other),
    };
    match &step.deed {
        Deed::Call(call) => {
            hash((call.sys.name, shape(evidence.label(call)), call.second, call.occurrence.min(TURNS)))
        }
        Deed::Move(index) | Deed::Fault(index) | Deed::Switch(index) => does(*index),
        Deed::Waits(second) => hash(("waits", second)),
    }
}

fn bait(schedule: &Schedule, step: &Step) -> Option<Bait> {
    let Deed::Move(index) = step.deed else { return None };
    schedule.acts[index].as_move().map(|does| does.bait)
}

/// The kind of an outcome: how it failed, if it did, and not which number it gave.
fn kind(outcome: Outcome) -> (u8, i32) {
    match outcome {
        Outcome::Value(_) => (0, 0),
        Outcome::Descriptor(..) => (1, 0),
        Outcome::Failed(errno) => (2, errno),
        Outcome::Blocks => (3, 0),
        Outcome::Unknown => (4, 0),
    }
}

/// What of an entry can matter to a rule, and is the same in every run.
fn state(entry: &Entry) -> impl Hash + use<> {
    (entry.kind.as_raw_mode(), entry.mode, entry.maker as u8, entry.namer as u8, entry.size > 0)
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
