//! Acts decided on while a trial runs, at the stop that the victim has come to, in the place of a schedule made before it: so
//! stops that only an act brings about are met in the same trial.
//!
//! The one thing that may allocate while the victim is held: at a call in the arena, which no allocator makes.

use super::acts::Script;
use super::key_of;
use super::trial::Bench;
use crate::attacker::Verb;
use crate::evidence::{Deed, Evidence};
use crate::fault::Fault;
use crate::schedule::{Act, Does};
use crate::world::World;
use std::borrow::Cow;

/// Who decides.
pub(crate) trait Improviser {
    /// What is done next before the call that was noted last, if anything is.
    fn next(&mut self, evidence: &Evidence) -> Option<Does>;
}

impl Bench {
    /// Does what the improviser says at this stop, if there is one; returns the fault that the call is to meet.
    pub(super) fn improvise(&mut self, world: &mut dyn World, script: &mut Script<'_>) -> Option<Fault> {
        let mut improviser = self.improviser.take()?;
        let mut fault = None;
        while let Some(does) = improviser.next(&self.evidence) {
            let Some(at) = self.evidence.calls().last().map(|(_, call)| key_of(&self.evidence, call)) else {
                break;
            };
            let (index, landed) = (self.made.len(), self.evidence.landed);
            match &does {
                Does::Move(does) => {
                    self.forget_readings();
                    self.act(world, does, index);
                    if self.never_was(landed) {
                        continue;
                    }
                    if does.verb == Verb::TakeNames {
                        script.grabbing = Some(Cow::Owned(does.clone()));
                    }
                }
                Does::Fault(does) => {
                    self.note_fault(index);
                    fault = Some(*does);
                }
                Does::Switch => break,
            }
            self.made.push(Act { at, does });
        }
        self.improviser = Some(improviser);
        fault
    }

    /// Takes the last move out of the evidence if it was refused and changed nothing.
    fn never_was(&mut self, landed: usize) -> bool {
        // The call that is held comes after it.
        let at = self.evidence.steps.len().saturating_sub(2);
        let refused = self.evidence.landed == landed;
        let without_effect =
            self.evidence.steps.get(at).is_some_and(|step| {
                matches!(step.deed, Deed::Move(_)) && self.evidence.changes(step).is_empty()
            });
        if refused && without_effect {
            self.evidence.steps.remove(at);
            self.evidence.refused = None;
        }
        refused && without_effect
    }
}
