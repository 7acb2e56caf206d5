//! A rule that was broken in a trial, and the verdict on a victim.

use crate::class::Class;
use crate::determinism::Determinism;
use crate::ending::Ending;
use crate::scene::Scene;
use crate::schedule::Schedule;
use crate::stack::CallSite;
use std::fmt;

/// A rule broken in a trial.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Rule id.
    pub rule: &'static str,
    /// CWE numbers, the rule's own first; 367 when the schedule acts between two calls of the victim.
    pub cwe: Vec<u16>,
    /// The weakest class of attacker that shows it.
    pub attacker: Class,
    /// After what the victim was looked at: `success`, `error`, `panic`, `hang`.
    pub phase: &'static str,
    /// Label of the path, relative to the arena.
    pub path: String,
    /// The path as it was in the trial shown, escaped. Where nothing of the victim's chance is fixed, one with names
    /// that differ from run to run is the label; where that was left to the machine, to prove a prediction, what varies in the
    /// name is `X`.
    pub example: String,
    /// What happened, one sentence.
    pub message: String,
    /// Number of the step of the timeline that broke the rule; `None` when only the end shows it.
    pub step: Option<usize>,
    /// Number of the trial that showed it, from 1; 0 when it was sampled.
    pub trial: u64,
    /// The umask of the trial.
    pub umask: u32,
    /// True when a move has to come between two calls of the victim; false when it can be made before the victim
    /// starts, or when there is none.
    pub raced: bool,
    /// The file system of the trial.
    pub file_system: &'static str,
    /// True for a suspicion: something that is usually wrong, with no effect shown.
    pub suspicion: bool,
    /// What stood in the arena right before the step; where only the end shows it, before the first.
    pub before: Scene,
    /// And right after it.
    pub after: Scene,
    /// Where in the victim it comes from.
    pub site: CallSite,
    /// The moves.
    pub schedule: Schedule,
    /// The timeline, which is also the replay file.
    pub timeline: String,
}

impl Finding {
    /// Two findings with the same identity are the same fault. Which of several random names it happened at does not
    /// count.
    #[must_use]
    pub fn identity(&self) -> (&'static str, String) {
        (self.rule, shape(&self.path))
    }
}

/// A label without the numbers of its fresh names.
pub(crate) fn shape(label: &str) -> String {
    let names = label.split('/').map(|name| if name.starts_with('<') { "<>" } else { name });
    names.collect::<Vec<_>>().join("/")
}

/// The verdict on a victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing found, everything tried.
    Pass,
    /// Something found.
    Fail,
    /// Nothing found, but not everything could be tried.
    Inconclusive,
    /// This machine cannot judge it.
    Unsupported,
    /// It did nothing in the shared directory, so there was nothing to attack: see [`crate::Judge::looks_first`].
    NothingToAttack,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Unsupported => "unsupported",
            Verdict::NothingToAttack => "n/a",
        })
    }
}

/// A run of a program in which no one interfered.
#[derive(Clone, Debug)]
pub struct Alone {
    /// How it ended.
    pub ending: Ending,
    /// The end of what it printed, 64 KiB at most; what is no text is replaced. It may hold control characters.
    pub output: String,
    /// It printed more before that.
    pub cut: bool,
}

/// Schedules drawn by chance, beyond those of which all are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Samples {
    /// How many were drawn.
    pub drawn: u64,
    /// Those of which every act happened. Others ended early: the victim came by no stop where they could go on.
    pub landed: u64,
    /// Acts in each.
    pub acts: u32,
    /// What they follow from.
    pub seed: u64,
}

/// What stands behind a rule after one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Rule id.
    pub rule: &'static str,
    /// How the trials ended, or the signal that they got: one of [`crate::rules::PHASES`].
    pub phase: &'static str,
    /// Trials that could have broken the rule.
    pub trials: u64,
    /// Those that broke it.
    pub broken: u64,
    /// Those of which there is a note: what stays after SIGKILL is no finding.
    pub noted: u64,
}

/// What judging a victim came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The victim's name.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Trials in which every move happened.
    pub trials: u64,
    /// Trials whose move the kernel or the class refused: no attacker of this class can make it here.
    pub refused: u64,
    /// Trials whose move was never made, because the victim did not come by that stop.
    pub unreached: u64,
    /// Schedules left out because they show nothing that others do not show.
    pub reduced: u64,
    /// Acts in the longest schedules, all of which were tried unless something was not reached.
    pub depth: u32,
    /// What was drawn beyond these.
    pub samples: Option<Samples>,
    /// Stops of the longest undisturbed run.
    pub stops: usize,
    /// It hung although no one interfered, so no attack was tried; findings are of what it did until then.
    pub hangs_alone: bool,
    /// How a program ended, and what it printed, when no one interfered.
    pub alone: Option<Alone>,
    /// Findings, weakest attacker first.
    pub findings: Vec<Finding>,
    /// How much of its chance was fixed.
    pub determinism: Determinism,
    /// What stands behind each rule after each phase; without those of no trial.
    pub cells: Vec<Cell>,
    /// What was seen beside the findings: what stays after SIGKILL, and whether the next start can live with it.
    pub notes: Vec<String>,
    /// What was not looked at, and why.
    pub not_examined: Vec<String>,
    /// The file systems that it was judged on, with the verdict on each.
    pub file_systems: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// Nothing tried yet.
    #[must_use]
    pub fn new(name: &str) -> Report {
        Report {
            name: name.to_owned(),
            verdict: Verdict::Inconclusive,
            trials: 0,
            refused: 0,
            unreached: 0,
            reduced: 0,
            depth: 1,
            samples: None,
            stops: 0,
            hangs_alone: false,
            alone: None,
            findings: Vec::new(),
            determinism: Determinism::OFF,
            cells: Vec::new(),
            notes: Vec::new(),
            not_examined: Vec::new(),
            file_systems: Vec::new(),
        }
    }
}
