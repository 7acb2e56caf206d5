//! What linkbait costs: one measurement a module, each figure beside its floor in the same rounds.
//!
//! Owns what is measured and how. Does not own how it is shown, which is the command's (`linkbait bench`), nor what linkbait does.
//! Compare figures of one run only: machines differ, and one machine differs from minute to minute.

mod calls;
mod cores;
mod engines;
mod explorer;
mod floor;
mod kept;
mod luck;
mod memory;
mod model;
mod orders;
mod prefix;
mod programs;
mod roster;
mod rows;
mod stops;
mod trials;
mod turns;

pub use calls::run as run_trials;
pub use rows::{Amount, Promise, Ratio, Row, Section};

use linkbait::{Host, Victim};

/// What is measured, and how long for.
pub struct Setup {
    /// The machine.
    pub host: Host,
    /// Rounds in which jobs take turns, at most.
    pub rounds: usize,
    /// Trials after which the memory is looked at.
    pub trials: u64,
    /// The built-in victims.
    pub roster: Vec<Victim>,
    /// A command that calls [`run_trials`] with the two arguments that follow it, and prints what that returns. Without one
    /// calls are not counted.
    pub own: Vec<String>,
}

impl Setup {
    /// All rounds, and no victims.
    #[must_use]
    pub fn new(host: Host) -> Setup {
        Setup { host, rounds: usize::MAX, trials: 100_000, roster: Vec::new(), own: Vec::new() }
    }
}

/// One measurement.
pub struct Part {
    /// What it is called.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    /// Takes longer than anybody waits for who has not asked for it.
    pub only_named: bool,
    /// Takes programs to be contained.
    pub programs: bool,
    measure: fn(&Setup) -> anyhow::Result<Vec<Section>>,
}

impl Part {
    /// Measures it.
    ///
    /// # Errors
    /// When the machine cannot judge, and when work of ours fails.
    pub fn measure(&self, setup: &Setup) -> anyhow::Result<Vec<Section>> {
        (self.measure)(setup)
    }
}

/// Every part, in the order in which they are measured.
pub const PARTS: [Part; 12] = [
    part("stop", "a stop, let go or made, against a futex ping-pong", stops::measure),
    part(
        "trial",
        "a trial left alone, and planted and undone, against the same file work bare",
        trials::measure,
    ),
    part("calls", "the calls of a trial by name, counted by strace", calls::measure),
    part("explorer", "what judging costs beyond its trials, and what rules cost", explorer::measure),
    part("memory", "what many trials in one process leave behind", memory::measure),
    part("engines", "two engines at once, against one", engines::measure),
    part("model", "calls and trials of the model, against the kernel's", model::measure),
    part("orders", "every order of two processes of the model, against a futex ping-pong", orders::measure),
    Part {
        programs: true,
        ..part("program", "a program bare, under strace, started anew and as a copy", programs::measure)
    },
    Part {
        programs: true,
        ..part("prefix", "what calls before the act cost a copy of a program", prefix::measure)
    },
    Part { programs: true, ..part("roster", "the wall time of the built-in victims", roster::measure) },
    Part {
        only_named: true,
        ..part("luck", "how often a free-running attacker hits what is found stepped", luck::measure)
    },
];

const fn part(
    name: &'static str,
    what: &'static str,
    measure: fn(&Setup) -> anyhow::Result<Vec<Section>>,
) -> Part {
    Part { name, what, only_named: false, programs: false, measure }
}
