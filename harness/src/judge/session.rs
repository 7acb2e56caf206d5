//! A victim kept ready under one attacker and umask, so that a caller can run schedules of its own at full speed.

use super::engine::Engine;
use crate::class::Class;
use crate::error::Error;
use crate::explore::key_of;
use crate::finding::Finding;
use crate::schedule::{Key, Schedule};

/// Made by [`super::Judge::session`].
pub struct Session<'a> {
    engine: Engine<'a>,
    stops: Vec<Key>,
    schedules: Vec<Schedule>,
}

/// What one schedule came to.
#[derive(Clone, Debug)]
pub struct Tried {
    /// All its moves happened. If not, nothing follows from there being no findings.
    pub landed: bool,
    /// The rules broken; each finding's schedule is the smallest part of this one that shows it.
    pub findings: Vec<Finding>,
}

impl<'a> Session<'a> {
    /// Takes over an engine that has just recorded.
    pub(super) fn new(engine: Engine<'a>) -> Session<'a> {
        let evidence = &engine.bench.evidence;
        let stops = evidence.calls().map(|(_, call)| key_of(evidence, call)).collect();
        let schedules = engine.schedules();
        Session { engine, stops, schedules }
    }

    /// The attacker.
    #[must_use]
    pub fn class(&self) -> Class {
        self.engine.class
    }

    /// The stops of a run in which no one interferes, in order.
    #[must_use]
    pub fn stops(&self) -> Vec<Key> {
        self.stops.clone()
    }

    /// Every schedule of one move that can matter.
    #[must_use]
    pub fn schedules(&self) -> Vec<Schedule> {
        self.schedules.clone()
    }

    /// Runs one schedule.
    ///
    /// # Errors
    /// Of kind ours when our own work fails.
    pub fn run(&mut self, schedule: &Schedule) -> Result<Tried, Error> {
        self.engine.report.findings.clear();
        let landed = self.engine.try_one(schedule)?;
        let mut findings = std::mem::take(&mut self.engine.report.findings);
        for finding in findings.iter_mut().filter(|f| f.schedule.acts.len() > 1) {
            let broken = [(finding.rule.to_owned(), finding.path.clone())];
            let fewest = self.engine.fewest(schedule, &broken)?;
            self.engine.try_one(&fewest)?;
            let found = std::mem::take(&mut self.engine.report.findings);
            let same = |f: &&Finding| f.rule == finding.rule && f.path == finding.path;
            if let Some(smaller) = found.iter().find(same) {
                *finding = smaller.clone();
            }
        }
        Ok(Tried { landed, findings })
    }
}
