//! Runs schedules again: a replay says whether a timeline still holds, minimising makes its schedule smaller.

use super::engine::Engine;
use super::findings::broken_line;
use crate::attacker::Verb;
use crate::error::Error;
use crate::finding::shape;
use crate::schedule::Schedule;
use crate::timeline::{self, Timeline};

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The steps are those of the file, one for one.
    pub same_steps: bool,
    /// The findings of the file were found again.
    pub same_findings: bool,
    /// The timeline of the replay.
    pub timeline: String,
}

type Broken = [(String, String)];

impl Engine<'_> {
    pub(super) fn replay(&mut self, file: &Timeline) -> Result<Replay, Error> {
        self.must_record(file.head.class, file.head.umask)?;
        self.anew(|engine| engine.replay_here(&file.schedule, file))
    }

    fn replay_here(&mut self, schedule: &Schedule, file: &Timeline) -> Result<Replay, Error> {
        let same_findings = self.shows(schedule, &file.broken)?;
        let hits = self.hits(schedule);
        let race = self.race(schedule);
        let broken: Vec<String> = hits.iter().map(|(rule, hit)| broken_line(rule, hit, race)).collect();
        let names: Vec<String> =
            self.bench.labels.fresh().map(|name| name.escape_ascii().to_string()).collect();
        Ok(Replay {
            same_steps: timeline::steps(&self.bench.evidence, schedule) == file.steps,
            same_findings,
            timeline: self.timeline(schedule, &names, &broken),
        })
    }

    /// Runs a schedule; true when all its moves happen and all these findings show.
    fn shows(&mut self, schedule: &Schedule, broken: &Broken) -> Result<bool, Error> {
        match schedule.acts[..] {
            [ref act] if act.as_move().is_some_and(|does| does.verb == Verb::PlantPredicted) => {
                self.predict_again(schedule)?;
            }
            _ => self.run(schedule)?,
        }
        let hits = self.hits(schedule);
        let found = |(rule, path): &(String, String)| {
            hits.iter().any(|(r, h)| r.id == rule && shape(&h.path) == shape(path))
        };
        Ok(self.bench.evidence.has_happened(schedule) && broken.iter().all(found))
    }

    pub(super) fn minimize(&mut self, file: &Timeline) -> Result<Replay, Error> {
        self.must_record(file.head.class, file.head.umask)?;
        if file.broken.is_empty() {
            return Err(Error::input(
                "minimize",
                "the timeline has no finding, a line that begins with \"!\"",
            ));
        }
        if !self.shows(&file.schedule, &file.broken)? {
            return Err(Error::input(
                "minimize",
                "the findings of the timeline do not show here; replay it first",
            ));
        }
        let fewest = self.fewest(&file.schedule, &file.broken)?;
        self.anew(|engine| engine.replay_here(&fewest, file))
    }

    /// Leaves out one move after the other for as long as the findings stay. The result is minimal in that none of
    /// its moves can be left out alone.
    pub(super) fn fewest(&mut self, schedule: &Schedule, broken: &Broken) -> Result<Schedule, Error> {
        let mut fewest = schedule.clone();
        let mut at = 0;
        while at < fewest.acts.len() {
            let mut fewer = fewest.clone();
            fewer.acts.remove(at);
            if self.shows(&fewer, broken)? {
                (fewest, at) = (fewer, 0);
            } else {
                at += 1;
            }
        }
        Ok(fewest)
    }
}
