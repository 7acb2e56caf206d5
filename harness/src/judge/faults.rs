//! Trying faults: every one at every call, signals, and every move in what a victim does after an error.

use super::engine::Engine;
use crate::arena::tree::{Entry, Maker};
use crate::error::Error;
use crate::explore::faults::{faults, signals};
use crate::explore::key_of;
use crate::fault::Fault;
use crate::schedule::{Key, Schedule};
use crate::world::Start;
use std::collections::BTreeSet;

/// The stops of a recorded run, and the faults that its calls can meet.
pub(super) struct Recorded {
    stops: BTreeSet<String>,
    faults: Vec<Schedule>,
    signals: Vec<Schedule>,
}

impl Engine<'_> {
    /// Keeps what later trials need of the run on the bench.
    pub(super) fn remember(&self) -> Recorded {
        let evidence = &self.bench.evidence;
        let stops = evidence.calls().map(|(_, call)| key_of(evidence, call).to_string()).collect();
        // Libraries keep in a static that a call is missing, and a victim in this process would not forget it.
        let forgets = self.victim.is_program();
        let wanted = self.judge.tries_faults(self.victim);
        let faults = if wanted { faults(evidence, forgets) } else { Vec::new() };
        let signals = if self.judge.tries_signals(self.victim) { signals(evidence) } else { Vec::new() };
        Recorded { stops, faults, signals }
    }

    /// Every fault at every call, with nobody else about. What comes of them does not depend on the umask, so it is tried
    /// under the first only.
    pub(super) fn try_faults(&mut self, recorded: &Recorded) -> Result<(), Error> {
        if self.judge.umasks.first() != Some(&self.umask) || self.report.hangs_alone {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        for schedule in &recorded.faults {
            if self.must_stop() {
                return Ok(());
            }
            self.try_fault(schedule)?;
            let new = self.new_stops(recorded);
            if !new.is_empty() && seen.insert(new) {
                self.error_paths.push(schedule.clone());
            }
        }
        if !self.victim.is_program() {
            self.note_programs_only(recorded);
            return Ok(());
        }
        for schedule in &recorded.signals {
            if self.must_stop() {
                return Ok(());
            }
            if signal_of(schedule) == Some("SIGKILL") {
                self.try_next_start(schedule)?;
            } else {
                self.try_fault(schedule)?;
            }
        }
        Ok(())
    }

    /// Nothing can clean up after SIGKILL, so what stays is no finding; whether the next start can live with it is told.
    fn try_next_start(&mut self, schedule: &Schedule) -> Result<(), Error> {
        if !self.kill_and_keep(schedule)? && self.world.was_copied() {
            // What stands there now is of a run that went its usual way.
            self.run(&Schedule::default())?;
            self.world.start_from(Start::Anew)?;
            self.kill_and_keep(schedule)?;
        }
        self.count(schedule);
        let stays = self.left_behind();
        self.run(&Schedule::default())?;
        self.world.start_from(self.judge.start)?;
        let ending = self.bench.evidence.ending.clone();
        let at = &schedule.acts[0].at;
        if ending != self.ended_alone {
            self.tell(format!(
                "after SIGKILL at {at} the next start does not end as usual: {}",
                ending.phase()
            ));
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
        ran.map(|()| self.bench.evidence.landed == schedule.acts.len())
    }

    /// The entries below `shared/` that the victim of the trial on the bench has made and left.
    fn left_behind(&self) -> Vec<String> {
        let evidence = &self.bench.evidence;
        let own = |entry: &&Entry| entry.maker == Maker::Victim;
        let paths = evidence.last.entries().iter().filter(own).map(|entry| evidence.last.path(entry));
        let shared = paths.filter(|path| path.starts_with(b"shared/"));
        shared.filter_map(|path| evidence.label_of(path).map(str::to_owned)).collect()
    }

    fn tell(&mut self, what: String) {
        const MOST: usize = 16;
        if self.report.notes.len() < MOST && !self.report.notes.contains(&what) {
            self.report.notes.push(what);
        }
    }

    fn note_programs_only(&mut self, recorded: &Recorded) {
        const WHY: &str = "tried on programs only; this victim runs within linkbait";
        if !recorded.faults.is_empty() {
            self.note(format!("missing calls: {WHY} and would remember"));
        }
        if !recorded.signals.is_empty() {
            self.note(format!("signals: {WHY}, which would end"));
        }
    }

    /// One trial. What a copy has behind it cannot fail any more, so that takes a start anew.
    fn try_fault(&mut self, schedule: &Schedule) -> Result<(), Error> {
        self.run(schedule)?;
        let anew = self.bench.evidence.landed < schedule.acts.len() && self.world.was_copied();
        if anew {
            self.world.start_from(Start::Anew)?;
            self.run(schedule)?;
        }
        self.settle(schedule)?;
        if anew { self.world.start_from(self.judge.start) } else { Ok(()) }
    }

    /// The stops of the trial on the bench that the recorded run does not have.
    fn new_stops(&self, recorded: &Recorded) -> Vec<String> {
        let evidence = &self.bench.evidence;
        let keys = evidence.calls().map(|(_, call)| key_of(evidence, call).to_string());
        keys.filter(|key| !recorded.stops.contains(key)).collect()
    }

    /// Every move at a stop that only an error brings about. Moves at other stops are tried without one.
    pub(super) fn try_moves_after_faults(&mut self, recorded: &Recorded) -> Result<(), Error> {
        for path in self.error_paths.clone() {
            if self.must_stop() {
                return Ok(());
            }
            self.run(&path)?;
            if self.bench.evidence.landed < path.acts.len() {
                continue;
            }
            let new = |at: &Key| !recorded.stops.contains(&at.to_string());
            let after = self.schedules().into_iter().filter(|one| one.acts.iter().all(|act| new(&act.at)));
            let both = after.map(|mut one| {
                one.acts.splice(0..0, path.acts.iter().cloned());
                one
            });
            let both = both.collect();
            self.try_moves(both)?;
        }
        Ok(())
    }
}

/// The signal of a schedule, if it has one.
pub(super) fn signal_of(schedule: &Schedule) -> Option<&'static str> {
    schedule.faults().find_map(Fault::signal)
}
