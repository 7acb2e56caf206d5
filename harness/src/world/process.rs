//! The kernel through a process tree: a program, contained, each of its tasks held at every call that touches the
//! arena, in one order that we choose.
//!
//! The supervisor's thread shares the program's mount namespace. It makes calls that name paths in the program's place
//! (see `perform`), so that their results are exact; the others it lets run, and their effect is looked at afterwards.

mod bounds;
mod chance;
mod clock;
mod contain;
mod copies;
mod devices;
mod ends;
mod events;
mod faults;
mod held;
mod identity;
mod image;
mod next_call;
mod order;
mod output;
mod perform;
mod pids;
mod random_device;
mod second;
mod senders;
mod setup;
mod stacks;
mod subordinate;
mod surroundings;
mod template;
mod ticks;
mod vdso;
mod writable;

pub(crate) use contain::prepare_to_contain;
pub(crate) use writable::check as check_writable;

use super::calls::{MAKE_TASKS, Op, Sys, Watch};
use super::decode::Decoder;
use super::no_excl::NoExcl;
use super::proc::Proc;
use super::pulse::Crowd;
use super::stop::{Place, Stop};
use super::tasks::Tasks;
use super::{Next, Outcome, Start, Terms, World};
use crate::arena::sight::Sight;
use crate::arena::tree::Tree;
use crate::arena::{Arena, Reset, Stage};
use crate::attacker::Move;
use crate::attacker::hands::Hands;
use crate::class::Class;
use crate::determinism::Level;
use crate::ending::Ending;
use crate::error::Error;
use crate::fault::Fault;
use crate::host::Host;
use crate::stack::Stack;
use crate::sys::cell::{Cell, Plan, Told};
use crate::sys::notify::{Listener, Notification};
use crate::sys::streams::Terminal;
use crate::sys::thread as own_thread;
use crate::victim::Program;
use bounds::Bounds;
use chance::Chance;
use ends::{start_cell, unexpected};
use events::Event;
use held::Held;
use identity::Identity;
use next_call::NextCall;
use order::{Order, Scene};
use output::Output;
use pids::Pids;
use second::Pair;
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Duration;
use template::{Prologue, Template};
use ticks::Ticks;
use writable::Writable;

/// Places among the plans.
const PROGRAM: u8 = 0;
const SETUP: u8 = 1;

/// A program and its cell.
pub(crate) struct ProcessWorld {
    arena: Arena,
    hands: Hands,
    decoder: Decoder,
    /// The program and, if there is one, its setup.
    plans: Vec<Plan>,
    /// Dropped before the cell: a keeper cannot end before we have let go of all its processes.
    template: Option<Template>,
    cell: Cell,
    /// `/proc` as the program sees it.
    inside: Proc,
    listener: Option<Listener>,
    start: Start,
    prologue: Prologue,
    /// It was tried to make a template, and cannot be.
    no_template: bool,
    umask: u32,
    silence: Duration,
    ticks: Ticks,
    next_call: NextCall,
    identity: Identity,
    output: Output,
    bounds: Bounds,
    watch: Watch,
    tasks: Tasks,
    chance: Chance,
    order: Order,
    pids: Pids,
    descriptors: u32,
    held: Option<u64>,
    /// How the first process ended, once it has.
    ended: Option<i32>,
    /// Whether there is another copy, and what is kept of it.
    pair: Pair,
    notes: BTreeSet<String>,
    no_excl: NoExcl,
    writable: Writable,
}

impl ProcessWorld {
    /// Contains a new arena and starts the keeper. Must be called on a thread made for this: it enters a mount
    /// namespace of its own.
    pub(crate) fn new(host: &Host, program: &Program, terms: Terms) -> Result<ProcessWorld, Error> {
        let chance = Chance::new(terms.fixed)?;
        super::become_supervisor(host)?;
        let attacker = host.attacker();
        let decoder = Decoder::new(
            surroundings::ARENA.as_bytes().to_vec(),
            surroundings::TEMPORARY.iter().map(|top| top.as_bytes().to_vec()).collect(),
            Vec::new(),
        )
        .map_err(|e| Error::ours("open(\"/proc\")", e))?
        .mounted();
        let (output, writer) = Output::new()?;
        let mut plans = vec![contain::plan(program, &writer, true)?];
        if let Some(text) = &program.setup {
            plans.push(contain::plan(&contain::shell(program, text), &writer, false)?);
        }
        let (arena, writable) = contain::arena(host, attacker, &program.writable)?;
        let mut notes = BTreeSet::new();
        if contain::start_elsewhere()? && program.cwd.is_none() {
            notes.insert(
                "its working directory is below one that the arena covers; it starts in its home".to_owned(),
            );
        }
        contain::start_in(&mut plans, program, &writable)?;
        let hands = Hands::new(surroundings::ARENA.as_ref(), attacker)?;
        let (cell, inside) = start_cell(&plans, &chance, terms.watch)?;
        let ticks = Ticks::new(terms.silence)?;
        Ok(ProcessWorld {
            arena,
            hands,
            decoder,
            cell,
            inside,
            plans,
            listener: None,
            start: Start::Anew,
            template: None,
            prologue: Prologue::default(),
            no_template: false,
            umask: 0o022,
            silence: terms.silence,
            next_call: NextCall::new(ticks.every)?,
            ticks,
            identity: Identity::default(),
            output,
            bounds: Bounds::default(),
            watch: terms.watch,
            tasks: Tasks::with_room(u16::MAX),
            chance,
            order: Order::default(),
            pids: Pids::default(),
            descriptors: 3,
            held: None,
            ended: None,
            pair: Pair::default(),
            notes,
            no_excl: NoExcl::new(!host.is_exclusive()),
            writable,
        })
    }

    fn listener(&self) -> Result<&Listener, Error> {
        self.listener.as_ref().ok_or_else(|| Error::ours("wait for the program", "it was not started"))
    }

    fn receive(&mut self) -> Result<Option<Notification>, Error> {
        let received = self.ordered(|order, scene, level| match level {
            Level::Full => order.next(scene),
            Level::Off | Level::Random => order.next_to_come(scene.listener),
        })?;
        Ok(received.flatten())
    }

    /// Receives calls in an order; `None` when the program has not been started.
    fn ordered<T>(
        &mut self,
        receive: impl FnOnce(&mut Order, &Scene<'_>, Level) -> std::io::Result<T>,
    ) -> Result<Option<T>, Error> {
        let Some(listener) = &self.listener else { return Ok(None) };
        let (proc, inside, clock) = (self.decoder.proc(), &self.inside, self.chance.clock());
        let scene = Scene { listener, proc, inside, clock, template: self.template.as_ref() };
        let received = receive(&mut self.order, &scene, self.chance.level());
        received.map(Some).map_err(|e| Error::ours("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", e))
    }

    fn take(&mut self, seen: &Notification, stop: &mut Stop) -> Result<Option<Next>, Error> {
        self.ticks.hear();
        let Some(listener) = &self.listener else { return Ok(None) };
        let held = Held { seen, listener, proc: self.decoder.proc() };
        if !self.chance.meet(&held) {
            self.notes
                .insert("the clock and the random bytes of a program that it ran are its own".to_owned());
        }
        let Some(sys) = Sys::of(seen.nr) else {
            return self.answer_other(seen);
        };
        self.pair.arrives(seen.tid);
        self.decoder.decode(seen, sys, false, stop);
        // What starts the program is ours, and has only what we give it.
        if !self.pids.arrives(seen.tid) {
            self.decoder.find_handed(stop, false);
        }
        if sys.op == Op::Run {
            self.chance.expect_image(&held);
        }
        if let Some(device) = self.chance.device(stop) {
            let device = device.map_err(|e| Error::ours("pipe", e))?;
            listener.answer_with(seen.id, device.as_fd(), stop.flags & libc::O_CLOEXEC as u32 != 0);
            return self.pass();
        }
        if let Some(place) = stop.changes_elsewhere(|p| is_spared(p) || self.writable.has(&p.path)) {
            let path = place.path.escape_ascii();
            self.notes.insert(format!(
                "changes outside of the arena were made impossible: {}(\"{path}\")",
                sys.name
            ));
        }
        if !stop.touches_arena() {
            self.listener()?.let_run(seen.id);
            self.next_call.follows(stop);
            return self.pass();
        }
        self.chance.goes_on();
        self.bounds.rest();
        self.pair.comes_to_stop();
        if !self.bounds.has_disk(self.arena.root()) {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        if self.wants_template() && !Prologue::admits(stop) && self.make_template(seen)? {
            return Ok(None);
        }
        if !self.tasks.knows(seen.tid) {
            self.pids.note(seen.tid, self.template.as_ref(), self.decoder.proc());
        }
        (stop.task, stop.second) = (self.tasks.number(seen.tid), self.pair.second);
        self.held = Some(seen.id);
        if self.no_excl.concerns(stop) {
            let was_taken = own_thread::without_file_capabilities(|| self.would_find(stop));
            self.no_excl.arrive(stop, was_taken);
        }
        Ok(Some(Next::Stop))
    }

    /// Ends a stop at a call that is not one on files.
    fn answer_other(&mut self, seen: &Notification) -> Result<Option<Next>, Error> {
        self.identity.note(seen.nr);
        let spared = self.spared();
        if MAKE_TASKS.contains(&seen.nr) && !self.bounds.may_make_task(&self.inside, spared) {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        let Some(listener) = &self.listener else { return Ok(None) };
        let held = Held { seen, listener, proc: self.decoder.proc() };
        let template = self.template.as_ref();
        match template.and_then(|t| t.answer(seen.nr, seen.tid, seen.args, held.proc)) {
            Some(value) => held.answer(value),
            None if senders::sends(seen.nr) => self.let_send(seen)?,
            None if self.chance.answer(&held) && self.chance.only_waits() => {
                return self.endless().map(Some);
            }
            None => {}
        }
        if !senders::sends(seen.nr) {
            self.next_call.is_expected();
        }
        self.pass()
    }

    /// Nothing was printed or taken yet.
    fn start_trial(&mut self) {
        self.output.restart();
        self.next_call.forget();
        self.bounds.restart(&self.inside, self.arena.root());
    }
}

impl World for ProcessWorld {
    fn prepare(&mut self, class: Class, umask: u32, stage: Stage) -> Result<(), Error> {
        self.drop_template()?;
        self.umask = umask;
        self.hands.know(stage.decoys.iter().map(|(name, _)| name.clone()));
        self.arena.build(class, stage)?;
        self.set_up()
    }

    fn start_from(&mut self, start: Start) -> Result<(), Error> {
        self.start = start;
        if start == Start::Anew { self.drop_template() } else { Ok(()) }
    }

    fn was_copied(&self) -> bool {
        self.template.is_some()
    }

    fn vary(&mut self, variation: u64) {
        self.chance.vary(variation);
    }

    fn leave_to_the_machine(&mut self, left: bool) {
        self.chance.leave_to_the_machine(left);
    }

    fn start_after_pid(&mut self, pid: u32) -> Result<(), Error> {
        const DOING: &str = "choose the program's pid";
        self.cell.start_after(pid).map_err(|e| Error::ours(DOING, e))?;
        self.hear_back(DOING).map(drop)
    }

    fn pids(&self) -> Vec<u32> {
        self.pids.noted().to_vec()
    }

    fn begin(&mut self) -> Result<(), Error> {
        const DOING: &str = "start the program";
        self.writable.renew()?;
        self.tasks.clear();
        self.chance.restart();
        self.order.restart();
        self.pids.restart();
        (self.descriptors, self.held, self.ended) = (3, None, None);
        self.pair = Pair::default();
        self.start_trial();
        if self.template.is_some() {
            self.prologue.again();
            match self.start_copy() {
                Ok(()) => return Ok(()),
                // A copy has ended it, as one can that signals its own process group.
                Err(_) => self.drop_template()?,
            }
            self.no_template = true;
        }
        self.prologue.clear();
        self.identity.start(self.umask);
        self.cell
            .begin(PROGRAM, self.umask, self.chance.fixes_addresses())
            .map_err(|e| Error::ours(DOING, e))?;
        let mut told = self.hear(DOING)?;
        if let Told::Terminal(master) = told {
            self.output.attach(Terminal::adopt(master).map_err(|e| Error::ours(DOING, e))?);
            told = self.hear(DOING)?;
        }
        match told {
            Told::Started(listener, pid) => {
                self.listener = Some(listener);
                self.pids.start(pid);
                self.next_call.is_expected();
            }
            Told::Failed(errno) => {
                return Err(contain::refusal(DOING, std::io::Error::from_raw_os_error(errno)));
            }
            other => return Err(unexpected(DOING, &other)),
        }
        Ok(())
    }

    fn next(&mut self, stop: &mut Stop) -> Result<Next, Error> {
        if let Some(past) = self.prologue.stop() {
            stop.clone_from(past);
            return Ok(Next::Stop);
        }
        let mut crowd = Crowd::default();
        loop {
            match self.wait()? {
                Event::Received(seen) => {
                    if let Some(next) = self.take(&seen, stop)? {
                        return Ok(next);
                    }
                }
                Event::Stopped => {
                    if let Some(seen) = self.receive()?
                        && let Some(next) = self.take(&seen, stop)?
                    {
                        return Ok(next);
                    }
                }
                Event::Gone if let Some(end) = self.end_without_tasks() => return Ok(end),
                // When its last task is gone the keeper is about to say how.
                Event::Told | Event::Gone => {
                    if let Some(end) = self.listen()? {
                        return Ok(end);
                    }
                }
                Event::Pause if self.waits_for_lock() => return Ok(Next::Ended(Ending::Hung)),
                Event::Pause => {}
                Event::Tick => {
                    if let Some(end) = self.tick(&mut crowd)? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    fn begin_second(&mut self) -> Result<(), Error> {
        self.start_second()
    }

    fn turn(&mut self) {
        self.swap_copies();
    }

    fn doubts(&self) -> Option<&'static str> {
        self.pair.doubt
    }

    fn act(&mut self, act: &Move, path: &[u8]) -> rustix::io::Result<()> {
        self.hands.act(self.arena.root(), act, path)
    }

    fn release(&mut self, stop: &Stop) -> Outcome {
        if let Some(outcome) = self.prologue.pass() {
            return outcome;
        }
        self.held = None;
        self.expect_lock(stop);
        // The program has none of the rights that its namespace gives to us.
        let outcome = own_thread::without_file_capabilities(|| self.perform(stop));
        self.next_call.follows(stop);
        if self.wants_template() {
            self.prologue.add(stop, outcome);
        }
        outcome
    }

    fn release_with(&mut self, stop: &Stop, fault: Fault) -> Option<Outcome> {
        // A call that is only played back is not there to fail.
        if self.prologue.stop().is_some() {
            return None;
        }
        own_thread::without_file_capabilities(|| self.suffer(stop, fault))
    }

    fn stack(&mut self, stop: &Stop) -> Result<Stack, &'static str> {
        self.held = None;
        let listener = self.listener.as_ref().ok_or("it was not started")?;
        stacks::take(self.decoder.proc(), stop, |value| listener.answer(stop.id, value))
    }

    fn look(&mut self, tree: &mut Tree) {
        self.arena.look(tree);
    }

    fn look_at(&mut self, path: &[u8], tree: &mut Tree) {
        tree.refresh(self.arena.root(), path);
    }

    fn shows_reads(&self) -> bool {
        self.arena.shows_reads()
    }

    fn read(&self, path: &[u8]) -> Sight {
        Sight::of(self.arena.root(), path)
    }

    fn look_at_stage(&self, tree: &mut Tree) {
        self.arena.look_at_stage(tree);
    }

    fn give_up(&mut self) -> Result<(), Error> {
        self.clear()
    }

    fn reset(&mut self, seen: &Tree) -> Result<Reset, Error> {
        let reset = self.arena.reset(seen)?;
        if reset != Reset::Undone && self.prologue.holds_entries() {
            self.drop_template()?;
        }
        if reset == Reset::Rebuilt {
            self.set_up()?;
        }
        Ok(reset)
    }

    fn spoiled(&self) -> Option<&'static str> {
        self.bounds.passed()
    }

    fn cramped(&self) -> Option<&'static str> {
        self.bounds.touched()
    }

    fn printed(&self) -> Option<(&[u8], bool)> {
        Some(self.output.printed())
    }

    fn not_examined(&self) -> Vec<String> {
        const MOST: usize = 8;
        let disorder = "several of its tasks ran at once for long; the order of their calls was not ours";
        let disorder = self.order.gave_up().then(|| disorder.to_owned());
        let notes = self.notes.iter().take(MOST).cloned();
        self.no_excl.not_examined().into_iter().chain(notes).chain(disorder).collect()
    }
}

/// What a program may change outside of the arena.
fn is_spared(place: &Place) -> bool {
    place.path.starts_with(b"/dev/") || place.path.starts_with(b"/proc/")
}
