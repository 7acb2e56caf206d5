//! A victim kept ready under one attacker and umask, so that a caller can run schedules of its own at full speed.

use super::engine::Engine;
use crate::class::Class;
use crate::error::Error;
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
        let stops = engine.stops().collect();
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
        let findings = std::mem::take(&mut self.engine.report.findings);
        Ok(Tried { landed, findings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Judge;
    use crate::host::Host;
    use std::env::set_current_dir;
    use std::fs::File;

    /// A victim that leaves the arena by chdir(2) must not be taken to be in it still.
    #[test]
    fn a_relative_path_means_what_it_says_after_the_victim_has_left_the_arena() {
        let victim = crate::victim("leaves", |dir| {
            set_current_dir(dir)?;
            File::create_new("in-the-arena")?;
            set_current_dir("/")?;
            File::create_new("linkbait-was-let-out")
        });
        let stops = Judge::new(Host::detect())
            .session(&victim, Class::None, 0o022, |session| Ok(session.stops()))
            .expect("this machine can judge");
        let let_out = std::fs::remove_file("/linkbait-was-let-out").is_ok();
        assert!(!let_out, "a file was made at the root of this machine");
        let paths: Vec<&str> = stops.iter().map(|key| key.path.as_str()).collect();
        assert_eq!(paths, ["shared", "shared/in-the-arena"]);
    }
}
