//! One trial with two copies of the victim, of which one is at work at a time: taking turns as the schedule says, and
//! where one can only wait for the other.

use super::acts::Script;
use super::trial::Bench;
use crate::arena::Reset;
use crate::arena::tree::is_below;
use crate::ending::Ending;
use crate::error::Error;
use crate::evidence::{CallStep, Deed, Step};
use crate::limits::Limits;
use crate::schedule::{Does, Schedule};
use crate::world::calls::Op;
use crate::world::stop::Stop;
use crate::world::{Next, Outcome, World};

/// How often a copy makes the same call, with nothing changed in between, before it counts as one that waits for what the
/// other does. One that gives up earlier is not kept from it.
const TRIES: usize = 10;

/// A FIFO's other end may be the other copy's.
const FIFO: &str = "one of two copies opened a FIFO whose other end may be the other's, which was held; that was not examined";

/// Calls of a copy while the other was held.
const ENDLESS: &str = "one of two copies made more calls than the limit while the other was held";

/// The copy that is not at work.
enum Other {
    NotStarted,
    /// Held before a call; `in_vain` when it only asks for the same again and again.
    Held {
        stop: Box<Stop>,
        in_vain: bool,
    },
    /// Waits inside of a call.
    Waits,
    Over,
}

/// Where a trial of two copies stands.
struct Pair<'s> {
    script: Script<'s>,
    other: Other,
    /// Stops of the first copy and of the second.
    stops: [u32; 2],
    /// The stop that the copy at work was held at when it last was at work.
    resumed: Option<Box<Stop>>,
}

impl Bench {
    /// Runs the first copy, which has begun, and a second one.
    pub(super) fn run_pair(
        &mut self,
        world: &mut dyn World,
        schedule: &Schedule,
        limits: &Limits,
    ) -> Result<Reset, Error> {
        let script = Script::of(schedule);
        let mut pair = Pair { script, other: Other::NotStarted, stops: [0; 2], resumed: None };
        let worst = loop {
            let next = match pair.resumed.take() {
                Some(stop) => {
                    (self.stop, self.displaced) = (*stop, true);
                    Next::Stop
                }
                None => world.next(&mut self.stop)?,
            };
            let over = match next {
                Next::Ended(ending) => self.end_of_turn(world, &mut pair, ending)?,
                Next::Stop => self.stop_of_pair(world, &mut pair, limits)?,
            };
            if let Some(worst) = over {
                break worst;
            }
        };
        self.finish(world, worst)
    }

    /// The copy at work has ended, or shows no life. The ending of the trial, if that is all.
    fn end_of_turn(
        &mut self,
        world: &mut dyn World,
        pair: &mut Pair<'_>,
        ending: Ending,
    ) -> Result<Option<Ending>, Error> {
        self.evidence.doubt = world.doubts();
        if self.evidence.doubt.is_some() || world.spoiled().is_some() {
            return Ok(Some(Ending::Hung));
        }
        if ending == Ending::Hung {
            let both_wait =
                matches!(pair.other, Other::Over) || self.turn_was_idle_beside(&pair.other, false);
            if both_wait {
                return Ok(Some(self.all_hang(pair)));
            }
            self.catch_up(world);
            self.evidence.note_wait(self.second);
            return self.turn(world, pair, Other::Waits).map(|()| None);
        }
        self.look(world, self.worker());
        self.read_replaced(world);
        self.evidence.note_end(self.second, ending);
        if matches!(pair.other, Other::Over) {
            return Ok(Some(self.worst()));
        }
        self.turn(world, pair, Other::Over).map(|()| None)
    }

    /// The copy at work has come to a stop.
    fn stop_of_pair(
        &mut self,
        world: &mut dyn World,
        pair: &mut Pair<'_>,
        limits: &Limits,
    ) -> Result<Option<Ending>, Error> {
        let stops = &mut pair.stops[usize::from(self.second)];
        *stops += 1;
        if *stops > limits.stops {
            let alone = matches!(pair.other, Other::Over);
            self.evidence.endless = true;
            self.evidence.doubt = (!alone).then_some(ENDLESS);
            return Ok(Some(self.all_hang(pair)));
        }
        self.arrive(world);
        let fault = self.disturb(world, &mut pair.script);
        if self.is_to_switch(pair) {
            self.evidence.steps.pop();
            self.evidence.note_switch(pair.script.done);
            self.evidence.landed += 1;
            pair.script.done += 1;
            return self.hold(world, pair, false).map(|()| None);
        }
        if !matches!(pair.other, Other::Over | Other::NotStarted)
            && self.tries_in_vain(limits)
            && !self.turn_was_idle_beside(&pair.other, true)
        {
            self.evidence.steps.pop();
            self.evidence.note_wait(self.second);
            return self.hold(world, pair, true).map(|()| None);
        }
        if self.pass(world, fault) == Outcome::Blocks {
            self.evidence.doubt = (!matches!(pair.other, Other::Over)).then_some(FIFO);
            return Ok(Some(self.all_hang(pair)));
        }
        Ok(None)
    }

    /// True when the schedule lets the other copy go on here, and that can go on.
    fn is_to_switch(&self, pair: &Pair<'_>) -> bool {
        let here = pair.script.next().is_some_and(|act| act.does == Does::Switch && self.is_at(act));
        // Until it is the program, a first process shares memory with the keeper, which can start only one at a time.
        let starts = self.stop.sys.op == Op::Run && self.evidence.calls().nth(1).is_none();
        let can = match pair.other {
            Other::Over => false,
            Other::NotStarted => !starts,
            Other::Held { .. } | Other::Waits => true,
        };
        here && can
    }

    /// Holds the copy at work where it is; the other goes on.
    fn hold(&mut self, world: &mut dyn World, pair: &mut Pair<'_>, in_vain: bool) -> Result<(), Error> {
        let stop = Box::new(self.stop.clone());
        self.turn(world, pair, Other::Held { stop, in_vain })
    }

    /// Puts the other copy to work; `aside` is what becomes of the one that was.
    fn turn(&mut self, world: &mut dyn World, pair: &mut Pair<'_>, aside: Other) -> Result<(), Error> {
        self.second = !self.second;
        match std::mem::replace(&mut pair.other, aside) {
            Other::NotStarted => return world.begin_second(),
            Other::Held { stop, .. } => pair.resumed = Some(stop),
            Other::Waits | Other::Over => {}
        }
        world.turn();
        Ok(())
    }

    /// The steps of this turn, from the last one back.
    fn turn_back(&self) -> impl Iterator<Item = (usize, &Step)> {
        let began = self.evidence.ends.last().map_or(0, |end| end.after);
        let steps = self.evidence.steps.iter().enumerate().skip(began).rev();
        steps.take_while(|(_, step)| !matches!(step.deed, Deed::Switch(_) | Deed::Waits(_)))
    }

    /// True when the other copy waits for what this one does, and this one has done nothing since: neither could go on.
    /// One that asks again and again may give up, so it is not left out unless that is wanted.
    fn turn_was_idle_beside(&self, other: &Other, asking_counts: bool) -> bool {
        let waits = match other {
            Other::Waits => true,
            Other::Held { in_vain, .. } => *in_vain && asking_counts,
            Other::NotStarted | Other::Over => false,
        };
        let does = |step: &Step| match &step.deed {
            Deed::Call(call) => call.sys.op == Op::Lock || !self.evidence.changes(step).is_empty(),
            _ => false,
        };
        waits && !self.turn_back().any(|(_, step)| does(step))
    }

    /// True when the copy at work only asks for what the other has: it has made the call that it is held at many times in
    /// this turn, on what the other has changed, and nothing has changed since; or when it makes very many calls.
    fn tries_in_vain(&self, limits: &Limits) -> bool {
        let Some((_, this)) = self.evidence.calls().last() else { return false };
        // Each try may be one of a new process.
        let same = |call: &CallStep| {
            std::ptr::eq(call.sys, this.sys) && self.evidence.label(call) == self.evidence.label(this)
        };
        let quiet = self.turn_back().take_while(|(_, step)| self.evidence.changes(step).is_empty());
        let tries = quiet.filter(|(_, step)| matches!(&step.deed, Deed::Call(call) if same(call))).count();
        // The last one is the call itself.
        (tries > TRIES && self.is_changed_by_other(this))
            || self.turn_back().count() > limits.stops as usize * 3 / 4
    }

    /// True when the other copy has changed something at what a call names, or above or below it.
    fn is_changed_by_other(&self, this: &CallStep) -> bool {
        let others = self.evidence.calls().filter(|(_, call)| call.second != this.second);
        let mut changes = others.flat_map(|(at, _)| self.evidence.changes(&self.evidence.steps[at]));
        changes.any(|change| {
            let changed = self.evidence.changed_path(change);
            self.evidence.paths(this).any(|path| is_below(path, changed) || is_below(changed, path))
        })
    }

    /// Nothing goes on any more.
    fn all_hang(&mut self, pair: &Pair<'_>) -> Ending {
        let copies =
            [(self.second, true), (!self.second, !matches!(pair.other, Other::Over | Other::NotStarted))];
        for (second, _) in copies.into_iter().filter(|(_, runs)| *runs) {
            self.evidence.note_end(second, Ending::Hung);
        }
        Ending::Hung
    }

    /// How the copy that came off worse has ended.
    fn worst(&self) -> Ending {
        let badness = |ending: &Ending| match ending {
            Ending::Success => 0,
            Ending::Error(_) => 1,
            Ending::Panic { .. } | Ending::Signal(_) => 2,
            Ending::Hung => 3,
        };
        let endings = self.evidence.ends.iter().map(|end| &end.ending);
        endings.max_by_key(|ending| badness(ending)).cloned().unwrap_or_default()
    }
}
