//! How many trials stand behind each rule after each phase, and how many of them broke it.

use super::engine::Engine;
use crate::finding::Cell;
use crate::rules::{Hit, PHASES, Rule};
use crate::schedule::Schedule;

/// Counts for each rule of the judge, in its order, and each phase.
#[derive(Clone, Default)]
pub(super) struct Tally(Vec<[Count; PHASES.len()]>);

#[derive(Clone, Copy, Default)]
struct Count {
    trials: u64,
    broken: u64,
    noted: u64,
}

impl Tally {
    pub(super) fn new(rules: usize) -> Tally {
        Tally(vec![[Count::default(); PHASES.len()]; rules])
    }
}

impl Engine<'_> {
    /// Counts the trial on the bench for each rule that it could have broken; returns its phase.
    pub(super) fn tally(&mut self, schedule: &Schedule) -> usize {
        let mut tally = std::mem::take(&mut self.tally);
        let case = self.case(schedule);
        let at = PHASES.iter().position(|phase| *phase == case.phase()).unwrap_or_default();
        for (rule, counts) in self.judge.rules.iter().zip(&mut tally.0) {
            counts[at].trials += u64::from((rule.counts)(&case));
        }
        self.tally = tally;
        at
    }

    /// Counts what became findings of the hits of one trial.
    pub(super) fn tally_broken(&mut self, phase: usize, hits: &[(&'static Rule, Hit)]) {
        for (at, rule) in self.judge.rules.iter().enumerate() {
            let known = hits.iter().any(|(broken, hit)| broken.id == rule.id && self.knows(broken, hit));
            self.tally.0[at][phase].broken += u64::from(known);
        }
    }

    /// Counts a trial of which one rule has only a note.
    pub(super) fn tally_noted(&mut self, phase: usize, id: &str) {
        let at = self.judge.rules.iter().position(|rule| rule.id == id);
        at.into_iter().for_each(|at| self.tally.0[at][phase].noted += 1);
    }

    /// Counts runs of which one rule had nothing to say, all of them after success.
    pub(super) fn tally_runs(&mut self, id: &str, runs: u64) {
        let at = self.judge.rules.iter().position(|rule| rule.id == id);
        at.into_iter().for_each(|at| self.tally.0[at][0].trials += runs);
    }

    /// The counts that are not nothing.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let of_rule = |(rule, counts): (&&'static Rule, &[Count; PHASES.len()])| {
            let cell = |(phase, count): (&&'static str, &Count)| {
                let Count { trials, broken, noted } = *count;
                Cell { rule: rule.id, phase, trials, broken, noted }
            };
            PHASES.iter().zip(counts).map(cell).collect::<Vec<_>>()
        };
        let all = self.judge.rules.iter().zip(&self.tally.0).flat_map(of_rule);
        all.filter(|cell| cell.trials > 0).collect()
    }
}
