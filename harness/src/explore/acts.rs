//! Doing what a schedule says at a stop: the attacker's moves, the environment's faults. Decides nothing about when.

use super::trial::Bench;
use crate::arena::tree::{Entry, Maker};
use crate::attacker::permits::permits;
use crate::attacker::{Bait, Move, Verb};
use crate::evidence::{Deed, Step};
use crate::fault::Fault;
use crate::schedule::{Act, Does, Schedule};
use crate::world::calls::Sys;
use crate::world::{Outcome, World};
use rustix::io::Errno;
use std::borrow::Cow;

/// What is left to do of a schedule, and what goes on since it was done.
pub(super) struct Script<'a> {
    all: &'a [Act],
    pub(super) done: usize,
    /// The move that takes every further name.
    pub(super) grabbing: Option<Cow<'a, Move>>,
    /// The call that is missing from now on.
    missing: Option<(&'static Sys, Fault)>,
}

impl Script<'_> {
    /// What is to be done next.
    pub(super) fn next(&self) -> Option<&Act> {
        self.all.get(self.done)
    }

    pub(super) fn of(schedule: &Schedule) -> Script<'_> {
        Script { all: &schedule.acts, done: 0, grabbing: None, missing: None }
    }
}

impl Bench {
    /// Makes the moves of this stop; returns the fault that its call is to meet.
    pub(super) fn disturb(&mut self, world: &mut dyn World, script: &mut Script<'_>) -> Option<Fault> {
        let same_call = |(sys, _): &(&Sys, Fault)| std::ptr::eq(*sys, self.stop.sys);
        let mut fault = script.missing.filter(same_call).map(|(_, fault)| fault);
        while let Some(act) = script.all.get(script.done).filter(|act| self.is_at(act)) {
            match &act.does {
                Does::Move(does) => {
                    self.act(world, does, script.done);
                    let takes_names = does.verb == Verb::TakeNames;
                    if takes_names {
                        script.grabbing = Some(Cow::Borrowed(does));
                    }
                }
                // Only one of two copies has another to let go on.
                Does::Switch => break,
                Does::Fault(does) => {
                    self.note_fault(script.done);
                    fault = Some(*does);
                }
            }
            script.done += 1;
        }
        #[cfg(feature = "arbitrary")]
        {
            fault = self.improvise(world, script).or(fault);
        }
        if let Some(does) = &script.grabbing
            && self.stop.creates_name()
        {
            self.grab(world, does);
        }
        if let Some(does @ Fault::Missing(_)) = fault {
            script.missing = Some((self.stop.sys, does));
        }
        fault
    }

    /// The stop was noted as the last call; true when it is the one the act waits for.
    pub(super) fn is_at(&self, act: &Act) -> bool {
        let last = self.evidence.calls().last();
        last.is_some_and(|(_, call)| {
            call.sys.name == act.at.call
                && call.second == act.at.second
                && call.task == act.at.task
                && call.occurrence == act.at.occurrence
                && self.evidence.label(call) == act.at.path
        })
    }

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
        // Without a prediction there is nowhere to plant: the label would be help from the stop.
        let predicts = does.verb == Verb::PlantPredicted;
        let guarded = self.guards_links && does.bait == Bait::HardLink;
        let allowed = || !guarded && permits(self.class, does, &self.path, &self.now);
        !predicts && (self.kernel_decides || allowed())
    }

    pub(super) fn look_after_move(&mut self, world: &mut dyn World, does: &Move, whole: bool) {
        let narrow = whole && !self.everywhere && !self.blind && self.is_narrow_move(does);
        if narrow { self.look_at_one(world, Maker::Attacker) } else { self.look(world, Maker::Attacker) }
    }

    /// True when the move to `self.path` has changed no other entry: no link is in its way and no directory goes.
    fn is_narrow_move(&self, does: &Move) -> bool {
        let one_entry = match does.verb {
            Verb::Plant | Verb::TakeNames | Verb::SwapOver | Verb::Recreate => {
                !matches!(does.bait, Bait::HardLink | Bait::HostileDir)
            }
            Verb::Unlink | Verb::Chmod => true,
            Verb::PlantPredicted | Verb::Exchange | Verb::MoveAway => false,
        };
        let is_dir = || self.now.get(&self.path).is_some_and(Entry::is_dir);
        one_entry && self.now.is_direct(&self.path) && !is_dir()
    }

    /// Takes the very name that the victim is about to make.
    fn grab(&mut self, world: &mut dyn World, does: &Move) {
        self.path.clear();
        if let Some(place) = self.stop.places().last() {
            self.path.extend_from_slice(&place.path);
        }
        // A name that is taken already serves as well, and one that the attacker cannot take is the victim's luck.
        if self.may(does) && world.act(does, &self.path).is_ok() {
            self.look_after_move(world, does, true);
            // It came before the call that is held, and is none of its doing.
            self.evidence.rebase_last();
        }
    }
}
