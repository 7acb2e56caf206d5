//! Schedules of several acts, as the paths of a tree: what comes next is read from the run that the acts before it gave.
//! Owns the walk, not which acts there are (`explore`) nor which paths repeat others (`explore::independence`).

use super::engine::Engine;
use super::faults::Stops;
use crate::arena::tree::Tree;
use crate::class::Class;
use crate::error::Error;
use crate::explore::independence::{Known, Seen, repeats};
use crate::explore::{Next, OF_A_LOOP, faults, moves};
use crate::schedule::{Act, Schedule};

impl Engine<'_> {
    /// Every act that can come next in the run on the bench, in the order of their stops. SIGKILL is not among them:
    /// nothing is done after it, and what it leaves is told of single ones.
    pub(super) fn next_acts(&self) -> Vec<Next> {
        let mut next = self.next_moves();
        next.extend(self.next_faults());
        next.extend(self.next_signals().into_iter().filter(|next| !next.act.is_kill()));
        // Stable, so that at one stop moves stand before faults.
        next.sort_by_key(|next| next.at);
        next
    }

    /// Every move that can come next in the run on the bench.
    pub(super) fn next_moves(&self) -> Vec<Next> {
        let mut stage = Tree::default();
        self.world.look_at_stage(&mut stage);
        moves(&self.bench.evidence, &stage, self.class)
    }

    /// Every fault, if they are asked for. Libraries keep in a static that a call is missing, and a victim in this process
    /// would not forget it.
    pub(super) fn next_faults(&self) -> Vec<Next> {
        let wanted = self.judge.tries_faults(self.victim);
        if wanted { faults::faults(&self.bench.evidence, self.victim.is_program()) } else { Vec::new() }
    }

    /// Every signal, if they are asked for. A victim in this process can be killed only: a handler would be linkbait's own.
    pub(super) fn next_signals(&self) -> Vec<Next> {
        let evidence = &self.bench.evidence;
        match self.judge.tries_signals(self.victim) {
            true if self.victim.is_program() => faults::signals(evidence),
            true => faults::kills(evidence),
            false => Vec::new(),
        }
    }

    /// Schedules of two acts and more, one length after the other; those of one act have been tried. What only the
    /// environment does is tried where nobody else is about.
    pub(super) fn try_deeper(&mut self) -> Result<(), Error> {
        let deepest = self.judge.depth_of(self.victim);
        if deepest < 2 {
            return Ok(());
        }
        let mut known = self.judge.reduces.then(Known::default).filter(|_| !self.winds);
        if let Some(known) = &mut known {
            self.learn_single_acts(known)?;
        }
        for acts in 2..=deepest {
            self.descend(&Schedule::default(), acts, &mut known)?;
        }
        Ok(())
    }

    /// Runs each act alone again for what it came in touch with; its findings are known.
    fn learn_single_acts(&mut self, known: &mut Known) -> Result<(), Error> {
        self.run(&Schedule::default())?;
        let alone = Seen::of(&self.bench.evidence, &Schedule::default());
        for next in self.next_acts() {
            if self.must_stop() {
                break;
            }
            let schedule = Schedule::from(next.act);
            if self.lands(&schedule)? {
                known.learn(&alone, &schedule.acts[0], &self.bench.evidence);
            }
        }
        Ok(())
    }

    /// Tries every way to add this many acts to a beginning.
    fn descend(&mut self, beginning: &Schedule, acts: u32, known: &mut Option<Known>) -> Result<(), Error> {
        if !self.lands(beginning)? {
            return Ok(());
        }
        self.note_loop(beginning);
        let seen = known.is_some().then(|| Seen::of(&self.bench.evidence, beginning));
        let mut last = Vec::new();
        for Next { act, .. } in self.next_acts() {
            let repeated = known.is_some() && repeats(beginning, &act);
            let schedule = beginning.and(act);
            let told = |known: &Known, seen| schedule.acts.last().is_some_and(|act| known.has(seen, act));
            if repeated {
                self.report.reduced += 1;
            } else if acts > 1 {
                if self.must_stop() {
                    break;
                }
                self.descend(&schedule, acts - 1, known)?;
            } else if self.class != Class::None && schedule.moves().next().is_none() {
                // Tried with nobody else about.
            } else if known.as_ref().zip(seen.as_ref()).is_some_and(|(known, seen)| told(known, seen)) {
                self.report.reduced += 1;
            } else {
                last.push(schedule);
            }
        }
        self.try_moves(last, &mut known.as_mut().zip(seen.as_ref()))
    }

    /// One path for each list of stops that only a fault brings about, and every move at them. With more than one act asked
    /// for they are among the others.
    pub(super) fn try_error_paths(&mut self, recorded: &Stops) -> Result<(), Error> {
        if self.judge.depth_of(self.victim) > 1 {
            return Ok(());
        }
        for path in self.error_paths.clone() {
            if self.must_stop() {
                return Ok(());
            }
            if self.lands(&path)? {
                let new = self.next_moves().into_iter().filter(|next| !recorded.contains(&next.act.at));
                let both = new.map(|next| path.and(next.act)).collect();
                self.try_moves(both, &mut None)?;
            }
        }
        Ok(())
    }

    /// Runs a schedule that is not counted; true when all its acts happened.
    pub(super) fn lands(&mut self, schedule: &Schedule) -> Result<bool, Error> {
        self.run_whole(schedule)?;
        Ok(self.bench.evidence.has_happened(schedule))
    }

    /// Says so where acts keep the victim in a loop, of which not every round is attacked.
    fn note_loop(&mut self, beginning: &Schedule) {
        if self.bench.evidence.endless && !beginning.acts.is_empty() {
            self.miss(format!(
                "where acts keep it calling for ever, only the next {OF_A_LOOP} calls were attacked again"
            ));
        }
    }
}

impl Schedule {
    /// This schedule with one more act.
    pub(super) fn and(&self, act: Act) -> Schedule {
        Schedule { acts: self.acts.iter().cloned().chain([act]).collect(), second: self.second }
    }
}
