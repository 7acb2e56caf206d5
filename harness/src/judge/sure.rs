//! Making sure of what a trial showed: that it shows again when the victim is started anew, and whether it takes a race.

use super::engine::Engine;
use crate::attacker::{Move, Verb};
use crate::error::Error;
use crate::rules::{Hit, Rule};
use crate::schedule::{Act, Schedule};

impl Engine<'_> {
    /// Runs the trial on the bench again where its findings are not facts yet, and leaves on the bench the easiest one
    /// that shows them; returns its schedule, and whether it did show them.
    pub(super) fn make_sure(
        &mut self,
        schedule: &Schedule,
        hits: &[(&'static Rule, Hit)],
    ) -> Result<(Schedule, bool), Error> {
        let new: Vec<(&'static Rule, String)> = hits
            .iter()
            .filter(|(rule, hit)| !self.knows(rule, hit))
            .map(|(rule, hit)| (*rule, hit.path.clone()))
            .collect();
        let early = self.before_the_start(schedule);
        let copied = self.world.was_copied();
        if !copied && early.is_none() {
            return Ok((schedule.clone(), true));
        }
        let (easiest, sure) = self.anew(|engine| match early {
            Some(early) if engine.shows_all(&early, &new)? => Ok((early, true)),
            _ => Ok((schedule.clone(), engine.shows_all(schedule, &new)?)),
        })?;
        if !sure {
            self.note_unsure();
        }
        Ok((easiest, sure))
    }

    pub(super) fn note_unsure(&mut self) {
        self.miss("a finding did not show again when its trial was repeated");
    }

    /// The same plants, made before the victim's first call: what needs no race is easier to do, and a fault still when
    /// the race is closed. Only names that are known before the start can be planted at.
    fn before_the_start(&self, schedule: &Schedule) -> Option<Schedule> {
        let first = self.first.as_ref()?;
        let is_known = |does: &Move| does.verb == Verb::Plant && !does.target.contains('<');
        let known = |act: &Act| act.as_move().is_some_and(is_known);
        let late = |act: &Act| act.at != *first;
        let possible = schedule.acts.iter().all(known) && schedule.acts.iter().any(late);
        let early = |act: &Act| Act { at: first.clone(), does: act.does.clone() };
        possible.then(|| Schedule { acts: schedule.acts.iter().map(early).collect(), second: false })
    }

    fn shows_all(&mut self, schedule: &Schedule, new: &[(&'static Rule, String)]) -> Result<bool, Error> {
        self.run(schedule)?;
        let found = self.hits(schedule);
        let all =
            new.iter().all(|(rule, path)| found.iter().any(|(r, hit)| r.id == rule.id && hit.path == *path));
        Ok(all && self.bench.evidence.has_happened(schedule))
    }
}
