//! Explores all interleavings of a model by loom and counts them. Owns that no limit of loom's ends an exploration in
//! silence. Exists with `--cfg loom` only.

use loom::model::Builder;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Steps in one interleaving; loom panics beyond that, so a model that never ends is no pass.
const MOST_STEPS: usize = 10_000;

/// What an exploration came to.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Interleavings that were run: orders of the threads' steps, each with every value that a load may see. Some of
    /// them differ in nothing that the model can tell.
    pub interleavings: usize,
    /// What went wrong, in how many of them.
    pub wrong: BTreeMap<String, usize>,
}

/// Runs `model`, which returns what went wrong, in every interleaving of its threads. A panic goes wrong, too, a deadlock
/// that loom notices for one; it is the last interleaving that is run.
///
/// # Panics
/// When the environment sets a limit that would let loom stop early and look as if all was explored, and when an
/// interleaving has more steps than loom allows.
pub fn explore(model: impl Fn() -> BTreeSet<&'static str> + Send + Sync + 'static) -> Explored {
    let mut builder = Builder::new();
    let limits = [
        ("LOOM_MAX_PERMUTATIONS", builder.max_permutations.is_some()),
        ("LOOM_MAX_DURATION", builder.max_duration.is_some()),
        ("LOOM_MAX_PREEMPTIONS", builder.preemption_bound.is_some()),
        ("LOOM_CHECKPOINT_FILE", builder.checkpoint_file.is_some()),
    ];
    for (name, is_set) in limits {
        assert!(!is_set, "{name} would leave out interleavings and not say so; unset it");
    }
    builder.max_branches = MOST_STEPS;
    // Of the standard library, so that counting is no step of the model.
    let explored = Arc::new(Mutex::new(Explored::default()));
    let count = Arc::clone(&explored);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        builder.check(move || {
            lock(&count).interleavings += 1;
            let wrong = model();
            wrong.into_iter().for_each(|what| lock(&count).note(what));
        });
    }));
    let mut explored = lock(&explored).clone();
    if let Err(panic) = ended {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text");
        assert!(
            !text.contains("Model exceeded"),
            "not explored, over {MOST_STEPS} steps in one of {explored}"
        );
        // Of a deadlock loom also tells what each thread is at.
        explored.note(text.split("; threads").next().unwrap_or(text));
    }
    explored
}

impl Explored {
    fn note(&mut self, what: &str) {
        *self.wrong.entry(what.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} interleavings, ", self.interleavings)?;
        let wrong = self.wrong.iter().map(|(what, times)| format!("{what} in {times}"));
        let wrong = wrong.collect::<Vec<_>>().join(", ");
        f.write_str(if wrong.is_empty() { "clean" } else { &wrong })
    }
}

fn lock(explored: &Mutex<Explored>) -> std::sync::MutexGuard<'_, Explored> {
    explored.lock().unwrap_or_else(PoisonError::into_inner)
}
