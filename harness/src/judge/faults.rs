//! Trying single faults: every one at every call, and signals.

use super::engine::Engine;
use crate::arena::tree::Entry;
use crate::error::Error;
use crate::explore::{Next, key_of};
use crate::rules::LEFTOVER;
use crate::schedule::{Act, Key, Schedule};
use std::collections::HashSet;

/// The stops of a recorded run.
pub(super) type Stops = HashSet<Key>;

impl Engine<'_> {
    /// The stops of the run on the bench, in order.
    pub(super) fn stops(&self) -> impl Iterator<Item = Key> {
        let evidence = &self.bench.evidence;
        evidence.calls().map(|(_, call)| key_of(evidence, call))
    }

    /// Every fault at every call of the run on the bench, which must be the recorded one, with nobody else about.
    pub(super) fn try_faults(&mut self) -> Result<(), Error> {
        let recorded = self.stops().collect();
        let (faults, signals) = (singles(self.next_faults()), singles(self.next_signals()));
        self.try_errors(&faults, &recorded)?;
        self.try_signals(&signals)?;
        if !self.victim.is_program() {
            self.note_for_programs_only(!faults.is_empty(), !signals.is_empty());
        }
        Ok(())
    }

    fn note_for_programs_only(&mut self, faults: bool, signals: bool) {
        const WHY: &str = "tried on programs only; this victim runs within linkbait";
        if faults {
            self.note(format!("missing calls: {WHY} and would remember"));
        }
        if signals {
            self.note(format!("signals but SIGKILL: {WHY}, which has handlers of its own"));
        }
    }

    fn try_errors(&mut self, faults: &[Schedule], recorded: &Stops) -> Result<(), Error> {
        let mut seen = HashSet::new();
        for schedule in faults {
            if self.must_stop() {
                break;
            }
            self.try_one(schedule)?;
            let new: Vec<Key> = self.stops().filter(|stop| !recorded.contains(stop)).collect();
            if !new.is_empty() && seen.insert(new) {
                self.error_paths.push(schedule.clone());
            }
        }
        Ok(())
    }

    fn try_signals(&mut self, signals: &[Schedule]) -> Result<(), Error> {
        for schedule in signals {
            if self.must_stop() {
                break;
            }
            if schedule.acts.iter().any(Act::is_kill) {
                self.try_next_start(schedule)?;
            } else {
                self.try_one(schedule)?;
            }
        }
        Ok(())
    }

    /// Nothing can clean up after SIGKILL, so what stays is no finding; whether the next start can live with it is told.
    fn try_next_start(&mut self, schedule: &Schedule) -> Result<(), Error> {
        if self.kill_and_keep(schedule)? || !self.world.was_copied() {
            return self.start_after(schedule);
        }
        // What stands there now is of a run that went its usual way.
        self.run(&Schedule::default())?;
        self.anew(|engine| {
            engine.kill_and_keep(schedule)?;
            engine.start_after(schedule)
        })
    }

    /// Judges the trial on the bench, in which it was killed, and the start after it.
    fn start_after(&mut self, schedule: &Schedule) -> Result<(), Error> {
        self.count(schedule);
        let landed = self.bench.evidence.has_happened(schedule);
        let hits = if landed { self.hits(schedule) } else { Vec::new() };
        let (phase, stays) = (landed.then(|| self.tally(schedule)), self.left_behind(schedule));
        self.run(&Schedule::default())?;
        let ending = self.bench.evidence.ending.clone();
        if hits.iter().any(|(rule, hit)| !self.knows(rule, hit)) {
            // What was on the bench is gone.
            self.run(schedule)?;
            self.keep_new(schedule, &hits)?;
        }
        let at = &schedule.acts[0].at;
        if ending != self.ended_alone {
            self.tell(format!(
                "after SIGKILL at {at} the next start does not end as usual: {}",
                ending.phase()
            ));
        }
        if let Some(phase) = phase {
            self.tally_broken(phase, &hits);
            (!stays.is_empty()).then(|| self.tally_noted(phase, LEFTOVER));
        }
        if !stays.is_empty() {
            self.tell(format!("after SIGKILL at {at} stays {}", stays.join(", ")));
        }
        Ok(())
    }

    /// True when the signal came; what the trial left stands for the next one.
    fn kill_and_keep(&mut self, schedule: &Schedule) -> Result<bool, Error> {
        self.bench.keep = true;
        let ran = self.run(schedule);
        self.bench.keep = false;
        ran.map(|()| self.bench.evidence.has_happened(schedule))
    }

    /// The entries below `shared/` that the victim of the trial on the bench has made and left, but for those that it is
    /// meant to leave.
    pub(super) fn left_behind(&self, schedule: &Schedule) -> Vec<String> {
        let (evidence, case) = (&self.bench.evidence, self.case(schedule));
        let own = |entry: &&Entry| entry.maker.is_victim();
        let paths = evidence.last.entries().iter().filter(own).map(|entry| evidence.last.path(entry));
        let shared = paths.filter(|path| path.starts_with(b"shared/") && !case.is_kept(path));
        shared.filter_map(|path| evidence.label_of(path).map(str::to_owned)).collect()
    }

    fn tell(&mut self, what: String) {
        const MOST: usize = 16;
        if self.report.notes.len() < MOST && !self.report.notes.contains(&what) {
            self.report.notes.push(what);
        }
    }
}

/// Schedules of one act.
pub(super) fn singles(next: Vec<Next>) -> Vec<Schedule> {
    next.into_iter().map(|next| Schedule::from(next.act)).collect()
}
