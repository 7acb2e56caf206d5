//! One trial: drives a world through a schedule and fills the evidence. Knows no rules.

use crate::arena::Reset;
use crate::arena::tree::{self, Entry, Maker, Tree};
use crate::attacker::permits::permits;
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::evidence::{Deed, Evidence, Foretold};
use crate::explore::foresight::Foresight;
use crate::host::Host;
use crate::limits::Limits;
use crate::schedule::{Act, Schedule};
use crate::world::calls::Op;
use crate::world::decode::{Space, Stop};
use crate::world::labels::Labels;
use crate::world::{Next, Outcome, World};
use rustix::fs::FileType;
use rustix::io::Errno;

/// The buffers of one engine, made once and used for every trial.
pub(crate) struct Bench {
    pub(crate) evidence: Evidence,
    pub(crate) labels: Labels,
    pub(crate) class: Class,
    /// The kernel can tell attacker and victim apart, so that it, not we, says what the class may do.
    pub(crate) kernel_decides: bool,
    /// The kernel lets nobody link to what is another's (`fs.protected_hardlinks`).
    guards_links: bool,
    /// Look at the whole arena after every step.
    pub(crate) everywhere: bool,
    /// What is planted by prediction in the next trial, in the place of its schedule.
    pub(crate) foresight: Option<Foresight>,
    /// A call was made whose effect has not been looked at.
    blind: bool,
    now: Tree,
    next: Tree,
    stop: Stop,
    path: Vec<u8>,
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
            foresight: None,
            blind: false,
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
        self.evidence.restart();
        self.labels.restart();
        self.blind = false;
        world.look_at_stage(&mut self.now);
        self.plant_ahead(world);
        world.begin()?;
        let mut pending = if self.foresight.is_some() { &[] } else { schedule.acts.as_slice() };
        let mut grabbing = None;
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
            if self.blind {
                // What was made unseen is the victim's, and must not be put down to a move that comes next.
                self.look(world, Maker::Victim);
            }
            self.evidence.note_call(&self.stop, &mut self.labels);
            self.foresee(world);
            self.evidence.winding |= winds(&self.stop, &self.now);
            while let Some((first, rest)) = pending.split_first() {
                if !self.is_at(first) {
                    break;
                }
                self.act(world, first, schedule.acts.len() - pending.len());
                grabbing = if first.does.verb == Verb::TakeNames { Some(first) } else { grabbing };
                pending = rest;
            }
            if let Some(act) = grabbing
                && self.stop.creates_name()
            {
                self.grab(world, act);
            }
            let outcome = world.release(&self.stop);
            self.settle_call(outcome);
            if outcome == Outcome::Blocks {
                return self.end_blocked(world, limits);
            }
            let may_change = self.stop.mutates() || self.stop.sys.op == Op::Run;
            self.blind |= outcome == Outcome::Unknown && may_change;
            if outcome.succeeded() && self.stop.mutates() {
                self.look_after_call(world);
            }
        };
        self.finish(world, ending)
    }

    /// The call would never have returned, so nothing that the victim does from here on can happen. It is let go on,
    /// because a thread cannot be ended anywhere, but no evidence is taken of it.
    fn end_blocked(&mut self, world: &mut dyn World, limits: &Limits) -> Result<Reset, Error> {
        self.evidence.ending = Ending::Hung;
        self.come_true();
        self.evidence.last.copy_from(&self.now);
        let mut over = false;
        for _ in 0..limits.stops {
            match world.next(&mut self.stop)? {
                Next::Ended(ending) => {
                    over = ending != Ending::Hung;
                    break;
                }
                Next::Stop => drop(world.release(&self.stop)),
            }
        }
        if !over {
            world.give_up()?;
        }
        world.look(&mut self.next);
        world.reset(&self.next)
    }

    /// Plants at every predicted name. What stands there then is for the victim to find, and no step of the trial.
    fn plant_ahead(&mut self, world: &mut dyn World) {
        let Some(mut foresight) = self.foresight.take() else { return };
        let plant = foresight.plant();
        foresight.ahead.sort_unstable();
        foresight.ahead.dedup();
        let (class, decides) = (self.class, self.kernel_decides);
        foresight.ahead.retain(|path| {
            let may = decides || permits(class, &plant, path, &self.now);
            may && world.act(&plant, path).is_ok()
        });
        if !foresight.ahead.is_empty() {
            world.look(&mut self.next);
            self.next.succeed(&self.now, Maker::Attacker, |_| ());
            std::mem::swap(&mut self.now, &mut self.next);
        }
        self.foresight = Some(foresight);
    }

    /// The stop was noted as the last call: notes what was planted before the first, plants behind the name that tells
    /// the next, and sees whether a prediction comes true.
    fn foresee(&mut self, world: &mut dyn World) {
        let Some(mut foresight) = self.foresight.take() else { return };
        let plant = foresight.plant();
        if !matches!(plant.bait, Bait::OpenFile)
            && self.evidence.steps.len() == 1
            && !foresight.ahead.is_empty()
        {
            self.note_plant(world, &plant, &[], true);
        }
        if let Some(path) = foresight.next(&self.evidence) {
            let may = self.kernel_decides || permits(self.class, &plant, path, &self.now);
            let done = may && world.act(&plant, path).is_ok();
            self.note_plant(world, &plant, path, done);
        }
        let hit = self.stop.places().iter().find(|place| foresight.foretold(&place.path));
        if let Some(place) = hit.filter(|_| !foresight.hit) {
            foresight.hit = true;
            self.evidence.landed = 1;
            self.evidence.note_target(0, &place.path);
        }
        self.foresight = Some(foresight);
    }

    fn note_plant(&mut self, world: &mut dyn World, plant: &Move, path: &[u8], done: bool) {
        let held = self.evidence.steps.pop();
        self.evidence.note_move(0, path);
        let outcome = if done { Outcome::Value(0) } else { Outcome::Failed(libc::EPERM) };
        self.evidence.note_outcome(outcome);
        if !path.is_empty() {
            self.path.clear();
            self.path.extend_from_slice(path);
            self.look_after_move(world, plant, done);
        }
        if let Some(mut step) = held {
            step.rebase(self.evidence.change_count());
            self.evidence.steps.push(step);
        }
    }

    fn finish(&mut self, world: &mut dyn World, ending: Ending) -> Result<Reset, Error> {
        if ending == Ending::Hung {
            world.give_up()?;
        }
        self.evidence.ending = ending;
        self.come_true();
        self.look(world, Maker::Victim);
        self.evidence.last.copy_from(&self.now);
        self.evidence.full |= self.now.is_full();
        world.reset(&self.now)
    }

    /// Puts the prediction into the evidence if the victim came by the name. The victim is done, so this may allocate.
    fn come_true(&mut self) {
        let is_plant = |deed: &Deed| matches!(deed, Deed::Move(0));
        let step = self.evidence.steps.iter().find(|step| is_plant(&step.deed));
        if let (Some(foresight), Some(step)) = (self.foresight.take().filter(|f| f.hit), step) {
            let path = self.evidence.target(step).to_vec();
            self.evidence.foretold = Some(Foretold { path, ..foresight.claim });
        }
    }

    /// The stop was noted as the last call; true when it is the one the act waits for.
    fn is_at(&self, act: &Act) -> bool {
        let last = self.evidence.calls().last();
        last.is_some_and(|(_, call)| {
            call.sys.name == act.at.call
                && call.task == act.at.task
                && call.occurrence == act.at.occurrence
                && self.evidence.label(call) == act.at.path
        })
    }

    /// Moves go before the call that was just noted, so the call's step is taken off and put back behind them.
    fn act(&mut self, world: &mut dyn World, act: &Act, index: usize) {
        self.path.clear();
        let known = self.labels.resolve(&act.does.target, &mut self.path);
        let held = self.evidence.steps.pop();
        self.evidence.note_move(index, &self.path);
        let result = match known {
            true if self.may(act) => world.act(&act.does, &self.path),
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
        self.look_after_move(world, &act.does, result.is_ok());
        if let Some(mut step) = held {
            step.rebase(self.evidence.change_count());
            self.evidence.steps.push(step);
        }
    }

    fn may(&self, act: &Act) -> bool {
        // Without a prediction there is nowhere to plant: the label would be help from the stop.
        let predicts = act.does.verb == Verb::PlantPredicted;
        let guarded = self.guards_links && act.does.bait == Bait::HardLink;
        let allowed = || !guarded && permits(self.class, &act.does, &self.path, &self.now);
        !predicts && (self.kernel_decides || allowed())
    }

    fn look_after_move(&mut self, world: &mut dyn World, act: &Move, whole: bool) {
        let one_entry = act.verb == Verb::Plant && !matches!(act.bait, Bait::HardLink | Bait::HostileDir);
        if !whole || !one_entry || self.everywhere || self.blind || !self.now.is_direct(&self.path) {
            return self.look(world, Maker::Attacker);
        }
        self.next.copy_from(&self.now);
        world.look_at(&self.path, &mut self.next);
        self.succeed(Maker::Attacker);
    }

    /// Takes the very name that the victim is about to make.
    fn grab(&mut self, world: &mut dyn World, act: &Act) {
        self.path.clear();
        if let Some(place) = self.stop.places().last() {
            self.path.extend_from_slice(&place.path);
        }
        // A name that is taken already serves as well, and one that the attacker cannot take is the victim's luck.
        if self.may(act) && world.act(&act.does, &self.path).is_ok() {
            self.look(world, Maker::Attacker);
        }
    }

    fn settle_call(&mut self, outcome: Outcome) {
        if let Some(step) = self.evidence.steps.iter_mut().rev().find(|s| matches!(s.deed, Deed::Call(_))) {
            step.outcome = outcome;
        }
    }

    /// Looks at what the call that was just made can have changed.
    fn look_after_call(&mut self, world: &mut dyn World) {
        let narrow = !self.everywhere && !self.blind && is_narrow(&self.stop, &self.now);
        if !narrow {
            return self.look(world, Maker::Victim);
        }
        self.next.copy_from(&self.now);
        for place in self.stop.places().iter().filter(|p| tree::is_below(&p.path, b"shared")) {
            world.look_at(&place.path, &mut self.next);
        }
        self.succeed(Maker::Victim);
    }

    fn look(&mut self, world: &mut dyn World, actor: Maker) {
        self.blind = false;
        world.look(&mut self.next);
        self.succeed(actor);
    }

    fn succeed(&mut self, actor: Maker) {
        let (now, evidence, labels) = (&self.now, &mut self.evidence, &mut self.labels);
        self.next.succeed(now, actor, |told| {
            evidence.note_change(&told, now, labels);
        });
        std::mem::swap(&mut self.now, &mut self.next);
    }
}

/// True when a call looks up names that its path does not show: behind a link, or before a `..`.
fn winds(stop: &Stop, tree: &Tree) -> bool {
    let is_link = |entry: &Entry| entry.kind == FileType::Symlink;
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
