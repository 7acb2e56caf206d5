//! Doing what a schedule says at a stop: the attacker's moves, the environment's faults. Decides nothing about when.

use super::trial::Bench;
use crate::arena::tree::Maker;
use crate::attacker::permits::permits;
use crate::attacker::{Bait, Move, Verb};
use crate::evidence::{Deed, Step};
use crate::fault::Fault;
use crate::world::{Outcome, World};
use rustix::io::Errno;

impl Bench {
    /// Makes a move; its step goes before the call that was just noted.
    pub(super) fn act(&mut self, world: &mut dyn World, does: &Move, index: usize) {
        self.path.clear();
        let known = self.labels.resolve(&does.target, &mut self.path);
        let held = self.evidence.steps.pop();
        self.evidence.note_move(index, &self.path);
        let result = match known {
            true if self.may(does) => world.act(does, &self.path),
            true => Err(Errno::PERM),
            false => Err(Errno::NOENT),
        };
        match result {
            Ok(()) => {
                self.evidence.landed += 1;
                self.evidence.note_outcome(Outcome::Value(0));
            }
            Err(e) => {
                self.evidence.refused = Some(e.raw_os_error());
                self.evidence.note_outcome(Outcome::Failed(e.raw_os_error()));
            }
        }
        // A move that failed can have been made in part.
        self.look_after_move(world, does, result.is_ok());
        self.put_back(held);
    }

    /// Notes a fault before the call that was just noted.
    pub(super) fn note_fault(&mut self, index: usize) {
        let held = self.evidence.steps.pop();
        self.evidence.note_fault(index);
        self.put_back(held);
    }

    fn put_back(&mut self, held: Option<Step>) {
        if let Some(mut step) = held {
            step.rebase(self.evidence.change_count());
            self.evidence.steps.push(step);
        }
    }

    /// Lets the held call happen, with a fault if there is one. A fault that the world cannot make has not landed.
    pub(super) fn release(&mut self, world: &mut dyn World, fault: Option<Fault>) -> Outcome {
        match fault.and_then(|fault| world.release_with(&self.stop, fault)) {
            Some(outcome) => {
                self.evidence.landed += self.faults_noted();
                outcome
            }
            None => world.release(&self.stop),
        }
    }

    /// How many faults stand right before the call that was noted last; none for one that goes on missing.
    fn faults_noted(&self) -> usize {
        let before = self.evidence.steps.iter().rev().skip(1);
        before
            .take_while(|step| matches!(step.deed, Deed::Fault(_) | Deed::Move(_)))
            .filter(|s| matches!(s.deed, Deed::Fault(_)))
            .count()
    }

    fn may(&self, does: &Move) -> bool {
        let guarded = self.guards_links && does.bait == Bait::HardLink;
        self.kernel_decides || (!guarded && permits(self.class, does, &self.path, &self.now))
    }

    fn look_after_move(&mut self, world: &mut dyn World, does: &Move, whole: bool) {
        let one_entry = does.verb == Verb::Plant && !matches!(does.bait, Bait::HardLink | Bait::HostileDir);
        if !whole || !one_entry || self.everywhere || self.blind || !self.now.is_direct(&self.path) {
            return self.look(world, Maker::Attacker);
        }
        self.next.copy_from(&self.now);
        world.look_at(&self.path, &mut self.next);
        self.succeed(Maker::Attacker);
    }

    /// Takes the very name that the victim is about to make.
    pub(super) fn grab(&mut self, world: &mut dyn World, does: &Move) {
        self.path.clear();
        if let Some(place) = self.stop.places().last() {
            self.path.extend_from_slice(&place.path);
        }
        // A name that is taken already serves as well, and one that the attacker cannot take is the victim's luck.
        if self.may(does) && world.act(does, &self.path).is_ok() {
            self.look(world, Maker::Attacker);
        }
    }
}
