//! Who made the calls that findings come from: the victim's stack there, taken in one more run of the same schedule.

use super::engine::Engine;
use crate::arena::tree::What;
use crate::attacker::Verb;
use crate::error::Error;
use crate::evidence::Deed;
use crate::rules::Hit;
use crate::schedule::Schedule;
use crate::stack::{CallSite, NO_PROGRAM, Stack};
use crate::timeline::{self, Timeline};
use std::sync::atomic::Ordering;

const NO_CALL: &str = "no call of its own shows it";
const NOT_TAKEN: &str = "no further run was made for it";

impl Engine<'_> {
    /// The call that a hit of the trial on the bench comes from. The stack there is still to be taken.
    pub(super) fn site(&self, hit: &Hit) -> CallSite {
        let is_call = |at: &usize| matches!(self.bench.evidence.steps[*at].deed, Deed::Call(_));
        let at = hit.at.or_else(|| self.maker(&hit.example)).filter(is_call);
        let why = match at {
            _ if !self.victim.is_program() => NO_PROGRAM,
            None => NO_CALL,
            Some(_) => NOT_TAKEN,
        };
        CallSite { step: at.map(|at| at + 1), stack: Err(why) }
    }

    /// The step that made what stands at a path.
    fn maker(&self, path: &[u8]) -> Option<usize> {
        let evidence = &self.bench.evidence;
        let makes = |at: &usize| {
            let mut changes = evidence.changes(&evidence.steps[*at]).iter();
            changes.any(|change| change.what == What::Appeared && evidence.changed_path(change) == path)
        };
        (0..evidence.steps.len()).rev().find(makes)
    }

    /// Takes the stacks for all findings from this one on, which were found under the attacker and umask of now.
    pub(super) fn take_stacks(&mut self, from: usize) -> Result<(), Error> {
        for number in from..self.report.findings.len() {
            let finding = &self.report.findings[number];
            let Some(step) = finding.site.step.filter(|_| self.victim.is_program()) else { continue };
            // Findings are worth as many calls again as it took to find them.
            let dear = self.calls / 2 >= self.limits.calls;
            if dear || self.world.spoiled().is_some() || self.judge.stop.load(Ordering::Relaxed) {
                break;
            }
            let (schedule, told) = (finding.schedule.clone(), finding.timeline.clone());
            let stack = match cannot_run(&schedule) {
                Some(why) => Err(why),
                None => self.anew(|engine| engine.stack_at(step, &schedule, &told))?,
            };
            self.report.findings[number].site.stack = stack;
        }
        Ok(())
    }

    /// The stack at a step of a timeline; none if the victim comes by something else there.
    fn stack_at(
        &mut self,
        step: usize,
        schedule: &Schedule,
        told: &str,
    ) -> Result<Result<Stack, &'static str>, Error> {
        self.bench.stack_at = Some(step);
        let ran = self.run(schedule);
        self.bench.stack_at = None;
        let taken = self.bench.stack.take();
        ran?;
        let steps = timeline::steps(&self.bench.evidence, schedule);
        let told = Timeline::parse(told)?.steps;
        let call = |steps: &[String]| {
            let step = steps.get(step - 1)?;
            Some(step.rsplit_once(" = ").map_or(step.clone(), |(call, _)| call.to_owned()))
        };
        let same = call(&steps).is_some() && call(&steps) == call(&told);
        Ok(taken.filter(|_| same).unwrap_or(Err("it did something else when it was run for that")))
    }
}

/// Why a schedule cannot simply be run again.
fn cannot_run(schedule: &Schedule) -> Option<&'static str> {
    let predicted = |verb| verb == Verb::PlantPredicted;
    match () {
        () if schedule.second => Some("two copies of it were at work"),
        () if schedule.moves().any(|does| predicted(does.verb)) => {
            Some("what was planted there was predicted for that run alone")
        }
        () => None,
    }
}
