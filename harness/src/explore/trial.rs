//! One trial: drives a world through a schedule and fills the evidence. Knows no rules.

use super::acts::Script;
use crate::arena::Reset;
use crate::arena::tree::{self, Entry, Maker, Tree};
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::evidence::{Deed, Evidence};
use crate::explore::foresight::Foresight;
#[cfg(feature = "arbitrary")]
use crate::explore::improvise::Improviser;
use crate::fault::Fault;
use crate::host::Host;
use crate::limits::Limits;
#[cfg(feature = "arbitrary")]
use crate::schedule::Act;
use crate::schedule::Schedule;
use crate::stack::Stack;
use crate::world::calls::Op;
use crate::world::labels::Labels;
use crate::world::stop::{Space, Stop};
use crate::world::{Next, Outcome, World};
use rustix::fs::FileType;
use std::mem;

/// The buffers of one engine, made once and used for every trial.
pub(crate) struct Bench {
    pub(crate) evidence: Evidence,
    pub(crate) labels: Labels,
    pub(crate) class: Class,
    /// The kernel can tell attacker and victim apart, so that it, not we, says what the class may do.
    pub(crate) kernel_decides: bool,
    /// The kernel lets nobody link to what is another's (`fs.protected_hardlinks`).
    pub(super) guards_links: bool,
    /// Look at the whole arena after every step.
    pub(crate) everywhere: bool,
    /// Leave the arena as the trial leaves it; the next trial begins with that.
    pub(crate) keep: bool,
    kept: bool,
    /// What is planted by prediction in the next trial, in the place of its schedule.
    pub(crate) foresight: Option<Foresight>,
    /// Decides what is done in the next trial, in the place of its schedule, and what that was.
    #[cfg(feature = "arbitrary")]
    pub(crate) improviser: Option<Box<dyn Improviser>>,
    #[cfg(feature = "arbitrary")]
    pub(crate) made: Vec<Act>,
    /// The step of the next trial, counted from 1, at whose call the victim's stack is taken, which ends the trial; and what
    /// came of that.
    pub(crate) stack_at: Option<usize>,
    pub(crate) stack: Option<Result<Stack, &'static str>>,
    /// The second of two copies of the victim is at work.
    pub(super) second: bool,
    /// The files that the victim replaces, which are read at every step of a trial without moves.
    pub(crate) replaced: Vec<Vec<u8>>,
    reads: bool,
    /// A call was made whose effect has not been looked at, and can be anywhere.
    pub(super) blind: bool,
    /// The same at this entry alone; empty if there was none.
    late: Vec<u8>,
    /// What the held call leads to by a descriptor can have got another name since the call came.
    pub(super) displaced: bool,
    /// Something may have changed, or may yet change, without a call that shows it.
    unseen: bool,
    /// The last undisturbed run of this victim ended in a tree that its calls do not explain.
    surprises: bool,
    pub(super) now: Tree,
    pub(super) next: Tree,
    pub(super) stop: Stop,
    pub(super) path: Vec<u8>,
}

impl Bench {
    pub(crate) fn new(host: &Host, everywhere: bool) -> Bench {
        Bench {
            evidence: Evidence::default(),
            labels: Labels::default(),
            class: Class::None,
            kernel_decides: host.kernel_decides(),
            guards_links: host.guards_links(),
            everywhere,
            keep: false,
            kept: false,
            foresight: None,
            #[cfg(feature = "arbitrary")]
            improviser: None,
            #[cfg(feature = "arbitrary")]
            made: Vec::new(),
            stack_at: None,
            stack: None,
            second: false,
            replaced: Vec::new(),
            reads: false,
            blind: false,
            late: Vec::with_capacity(8192),
            displaced: false,
            unseen: false,
            surprises: true,
            now: Tree::default(),
            next: Tree::default(),
            stop: Stop::default(),
            path: Vec::with_capacity(8192),
        }
    }

    /// Runs one trial and puts the world back. The evidence is in `self.evidence` afterwards.
    pub(crate) fn run(
        &mut self,
        world: &mut dyn World,
        schedule: &Schedule,
        limits: &Limits,
    ) -> Result<Reset, Error> {
        let nothing = Schedule::default();
        self.evidence.restart();
        self.labels.restart();
        (self.blind, self.unseen, self.second) = (false, self.foresight.is_some(), false);
        self.displaced = false;
        self.late.clear();
        // What the attacker puts there, or takes away, is not the victim's doing.
        self.reads = schedule.moves().next().is_none() && self.foresight.is_none();
        if !mem::take(&mut self.kept) {
            world.look_at_stage(&mut self.now);
        }
        self.plant_ahead(world);
        self.read_replaced(world);
        world.begin()?;
        if schedule.second {
            return self.run_pair(world, schedule, limits);
        }
        let mut script = Script::of(if self.foresight.is_some() { &nothing } else { schedule });
        let mut stops = 0;
        let ending = loop {
            match world.next(&mut self.stop)? {
                Next::Ended(ending) => break ending,
                Next::Stop => {}
            }
            stops += 1;
            if stops > limits.stops {
                self.evidence.endless = true;
                break Ending::Hung;
            }
            self.arrive(world);
            self.foresee(world);
            let fault = self.disturb(world, &mut script);
            if self.stack_at == Some(self.evidence.steps.len()) {
                self.stack = Some(world.stack(&self.stop));
                break Ending::Hung;
            }
            if self.pass(world, fault) == Outcome::Blocks {
                return self.end_unseen(world, limits, Ending::Hung);
            }
            if world.unwinds() {
                return self.end_unseen(world, limits, Ending::Signal(libc::SIGKILL));
            }
        };
        self.finish(world, ending)
    }

    /// Notes the stop that the victim has come to.
    pub(super) fn arrive(&mut self, world: &mut dyn World) {
        self.catch_up(world);
        self.evidence.note_call(&self.stop, &mut self.labels);
        self.evidence.winding |= winds(&self.stop, &self.now);
    }

    /// Looks at what was made unseen: it is the victim's, and must not be put down to a move that comes next.
    pub(super) fn catch_up(&mut self, world: &mut dyn World) {
        if self.blind {
            self.look(world, self.worker());
        } else if !self.late.is_empty() {
            self.path.clone_from(&self.late);
            self.late.clear();
            self.look_at_one(world, self.worker());
        } else {
            return;
        }
        self.read_replaced(world);
    }

    /// Lets the call of the stop happen, and looks at what came of it.
    pub(super) fn pass(&mut self, world: &mut dyn World, fault: Option<Fault>) -> Outcome {
        let outcome = self.release(world, fault);
        self.settle_call(outcome);
        if outcome != Outcome::Blocks {
            self.look_after_call(world, outcome);
            self.read_replaced(world);
        }
        outcome
    }

    /// The copy of the victim that is at work.
    pub(super) fn worker(&self) -> Maker {
        if self.second { Maker::Second } else { Maker::Victim }
    }

    /// The call would never have returned, or the victim was killed there, so nothing that it does from here on can happen.
    /// It is let go on, because a thread cannot be ended anywhere, but no evidence is taken of it.
    fn end_unseen(&mut self, world: &mut dyn World, limits: &Limits, ending: Ending) -> Result<Reset, Error> {
        self.evidence.ending = ending;
        self.come_true();
        self.evidence.last.copy_from(&self.now);
        self.evidence.full |= self.now.is_full();
        let mut over = false;
        for left in (0..limits.stops).rev() {
            match world.next(&mut self.stop)? {
                Next::Ended(ending) => {
                    over = ending != Ending::Hung;
                    break;
                }
                // One that goes on for ever can be ended where it is held.
                Next::Stop if left == 0 => {}
                Next::Stop => drop(world.release(&self.stop)),
            }
        }
        if !over {
            world.give_up()?;
        }
        if self.keep && world.unwinds() {
            self.kept = true;
            return Ok(Reset::Undone);
        }
        world.look(&mut self.next);
        world.reset(&self.next)
    }

    pub(super) fn finish(&mut self, world: &mut dyn World, ending: Ending) -> Result<Reset, Error> {
        if ending == Ending::Hung {
            world.give_up()?;
        }
        self.evidence.ending = ending;
        let kept_open = &mut self.evidence.kept_open;
        let seen = world.still_open(&mut |number| kept_open.push(number));
        self.evidence.full |= !seen;
        self.come_true();
        self.look_at_last(world);
        self.evidence.last.copy_from(&self.now);
        self.evidence.full |= self.now.is_full();
        if self.keep {
            self.kept = true;
            return Ok(Reset::Undone);
        }
        world.reset(&self.now)
    }

    /// Looks at what the victim leaves. After an attack there is no need to where every change came by a call that was looked
    /// at, as in the undisturbed run, which is always looked at, and whose end its calls explained.
    fn look_at_last(&mut self, world: &mut dyn World) {
        let explained = !self.unseen && !self.blind && !self.everywhere && world.sees_all();
        if explained && !self.surprises && self.evidence.landed > 0 {
            return;
        }
        let known = self.evidence.change_count();
        self.look(world, self.worker());
        self.read_replaced(world);
        if self.evidence.landed == 0 {
            self.surprises = self.evidence.change_count() > known;
        }
    }

    /// Reads no more, as an attacker is about, and forgets what was read.
    #[cfg(feature = "arbitrary")]
    pub(super) fn forget_readings(&mut self) {
        self.reads = false;
        self.evidence.forget_readings();
    }

    /// Reads what the victim replaces, as any other process can at this moment.
    pub(super) fn read_replaced(&mut self, world: &dyn World) {
        for (which, path) in self.replaced.iter().enumerate().filter(|_| self.reads) {
            self.evidence.note_reading(which, world.read(path));
        }
    }

    fn settle_call(&mut self, outcome: Outcome) {
        if let Some(step) = self.evidence.steps.iter_mut().rev().find(|s| matches!(s.deed, Deed::Call(_))) {
            step.outcome = outcome;
        }
    }

    /// Looks at what the call that was just made can have changed.
    fn look_after_call(&mut self, world: &mut dyn World, outcome: Outcome) {
        let displaced = mem::take(&mut self.displaced);
        if outcome == Outcome::Unknown {
            self.note_unseen_effect(displaced);
        }
        self.unseen |=
            outcome == Outcome::Unknown || (outcome.succeeded() && self.stop.gives_what_was_there());
        if !outcome.succeeded() || !self.stop.mutates() {
            return;
        }
        if !self.shows_in_what_it_names(displaced) {
            return self.look(world, self.worker());
        }
        // What stands in `private/` is in no tree, so a link there can lead to anything. Another task may be of an earlier trial.
        let away = self.stop.places().iter().any(|p| !tree::is_below(&p.path, b"shared"));
        self.unseen |= away || self.stop.task != 0;
        let mut named = self.stop.places().iter().filter(|p| tree::is_below(&p.path, b"shared"));
        match (named.next(), named.next()) {
            (None, _) => {}
            (Some(one), None) => {
                self.path.clone_from(&one.path);
                self.look_at_one(world, self.worker());
            }
            (Some(one), Some(other)) => {
                self.next.copy_from(&self.now);
                for place in [one, other] {
                    world.look_at(&place.path, &mut self.next);
                }
                self.succeed(self.worker());
            }
        }
    }

    /// True when it is enough to look at what the call of the stop names.
    fn shows_in_what_it_names(&self, displaced: bool) -> bool {
        !self.everywhere && !self.blind && !displaced && is_narrow(&self.stop, &self.now)
    }

    /// Notes what the call that was just let go on may change.
    fn note_unseen_effect(&mut self, displaced: bool) {
        let one = match self.stop.places() {
            [place] if self.stop.sys.op == Op::Write && tree::is_below(&place.path, b"shared") => {
                Some(&place.path)
            }
            _ => None,
        };
        match one {
            Some(path) if self.late.is_empty() && self.shows_in_what_it_names(displaced) => {
                self.late.clone_from(path);
            }
            _ => self.blind |= self.stop.mutates() || self.stop.sys.op == Op::Run,
        }
    }

    /// Looks at the entry of `self.path`, the only one that can have changed.
    pub(super) fn look_at_one(&mut self, world: &mut dyn World, actor: Maker) {
        let was = self.now.get(&self.path).copied();
        world.look_at(&self.path, &mut self.now);
        let (evidence, labels) = (&mut self.evidence, &mut self.labels);
        self.now.succeed_at(&self.path, was, actor, |now, told| evidence.note_change(&told, now, labels));
    }

    pub(super) fn look(&mut self, world: &mut dyn World, actor: Maker) {
        self.blind = false;
        self.late.clear();
        world.look(&mut self.next);
        self.succeed(actor);
    }

    pub(super) fn succeed(&mut self, actor: Maker) {
        let (now, evidence, labels) = (&self.now, &mut self.evidence, &mut self.labels);
        self.next.succeed(now, actor, |told| {
            evidence.note_change(&told, now, labels);
        });
        mem::swap(&mut self.now, &mut self.next);
    }
}

/// True when a call looks up names that its path does not show: behind a link, or before a `..`. The attacker's links lead
/// out of `shared/`.
fn winds(stop: &Stop, tree: &Tree) -> bool {
    let is_link = |entry: &Entry| entry.kind == FileType::Symlink && entry.maker != Maker::Attacker;
    let never = (libc::O_NOFOLLOW | libc::O_EXCL) as u32;
    let follows = match stop.sys.op {
        Op::Open => stop.flags & never == 0,
        op => matches!(op, Op::Resize | Op::Enter),
    };
    let named = stop.places().iter().filter(|p| p.space == Space::Arena && !p.by_descriptor);
    named.into_iter().any(|p| {
        let on_the_way = tree.dirs_above(&p.path).any(is_link);
        p.climbs || on_the_way || (follows && tree.get(&p.path).is_some_and(is_link))
    })
}

/// True when a call changes at most the entries that it names: no link is in its way, and no directory moves.
fn is_narrow(stop: &Stop, tree: &Tree) -> bool {
    let inside = |path: &[u8]| path.starts_with(b"shared/") || path.starts_with(b"private/");
    let direct = stop.places().iter().all(|p| !p.climbs && inside(&p.path) && tree.is_direct(&p.path));
    let is_dir = |path: &[u8]| tree.get(path).map(Entry::is_dir);
    direct
        && match stop.sys.op {
            Op::Open | Op::Create | Op::Remove | Op::Write | Op::Resize | Op::Alter => true,
            // What comes from a place that is not looked at may be a directory.
            Op::Rename => match stop.places() {
                [from, to] => is_dir(&from.path) == Some(false) && is_dir(&to.path) != Some(true),
                _ => false,
            },
            _ => false,
        }
}
