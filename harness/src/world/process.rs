//! The kernel through a process tree: a program, contained, each of its tasks held at every call that touches the
//! arena, in one order that we choose.
//!
//! The supervisor's thread shares the program's mount namespace. It makes calls that name paths in the program's place
//! (see `perform`), so that their results are exact; the others it lets run, and their effect is looked at afterwards.

mod contain;
mod copies;
mod ends;
mod perform;
mod template;
mod writable;

pub(crate) use contain::prepare_to_contain;
pub(crate) use writable::check as check_writable;

use super::calls::Sys;
use super::decode::{Decoder, Place, Stop};
use super::no_excl::NoExcl;
use super::proc::Proc;
use super::pulse::Crowd;
use super::tasks::Tasks;
use super::{Next, Outcome, Start, World};
use crate::arena::tree::Tree;
use crate::arena::{Arena, Reset, Stage};
use crate::attacker::Move;
use crate::attacker::hands::Hands;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::host::Host;
use crate::sys::cell::{Cell, Plan, Told};
use crate::sys::notify::{Listener, Notification, Ready};
use crate::victim::Program;
use ends::{start_cell, unexpected};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Duration;
use template::{Prologue, Template};
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
    patience: Timespec,
    silence: Duration,
    tasks: Tasks,
    /// Of the tasks that came to a stop, as the program itself knows them.
    pids: Vec<u32>,
    descriptors: u32,
    held: Option<u64>,
    /// How the first process ended, once it has.
    ended: Option<i32>,
    notes: BTreeSet<String>,
    no_excl: NoExcl,
    writable: Writable,
}

impl ProcessWorld {
    /// Contains a new arena and starts the keeper. Must be called on a thread made for this: it enters a mount
    /// namespace of its own.
    pub(crate) fn new(host: &Host, program: &Program, silence: Duration) -> Result<ProcessWorld, Error> {
        super::become_supervisor(host)?;
        let attacker = host.attacker();
        let decoder = Decoder::new(
            contain::ARENA.as_bytes().to_vec(),
            contain::TEMPORARY.iter().map(|top| top.as_bytes().to_vec()).collect(),
            Vec::new(),
        )
        .map_err(|e| Error::ours("open(\"/proc\")", e))?
        .mounted();
        let mut plans = vec![contain::plan(program, true)?];
        if let Some(text) = &program.setup {
            plans.push(contain::plan(&contain::shell(program, text), false)?);
        }
        let (arena, writable) = contain::arena(host, attacker, &program.writable)?;
        let mut notes = BTreeSet::new();
        if contain::start_elsewhere()? {
            notes.insert(
                "its working directory is below one that the arena covers; it starts in its home".to_owned(),
            );
        }
        plans.iter_mut().for_each(|plan| plan.cwd = contain::fresh_directory(&writable));
        let hands = Hands::new(contain::ARENA.as_ref(), attacker)?;
        let (cell, inside) = start_cell(&plans)?;
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
            patience: super::patience(silence),
            silence,
            tasks: Tasks::with_room(u16::MAX),
            pids: Vec::new(),
            descriptors: 3,
            held: None,
            ended: None,
            notes,
            no_excl: NoExcl::new(!host.is_exclusive()),
            writable,
        })
    }

    fn listener(&self) -> Result<&Listener, Error> {
        self.listener.as_ref().ok_or_else(|| Error::ours("wait for the program", "it was not started"))
    }

    /// Waits for a stop; `None` when the keeper has something to tell.
    fn wait(&self) -> Result<Option<Ready>, Error> {
        let listener = self.listener()?;
        let mut fds = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::from_borrowed_fd(self.cell.as_fd(), PollFlags::IN),
        ];
        loop {
            match poll(&mut fds, Some(&self.patience)) {
                Ok(0) => return Ok(Some(Ready::TimedOut)),
                Ok(_) if fds[0].revents().contains(PollFlags::IN) => return Ok(Some(Ready::Stopped)),
                Ok(_) if !fds[1].revents().is_empty() => return Ok(None),
                Ok(_) => return Ok(Some(Ready::Gone)),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::ours("poll", e)),
            }
        }
    }

    fn take(&mut self, seen: &Notification, stop: &mut Stop) -> Result<Option<Next>, Error> {
        let Some(sys) = Sys::of(seen.nr) else {
            let template = self.template.as_ref();
            match template.and_then(|t| t.answer(seen.nr, seen.tid, seen.args, self.decoder.proc())) {
                Some(value) => self.listener()?.answer(seen.id, value),
                None => self.listener()?.let_run(seen.id),
            }
            return Ok(None);
        };
        self.decoder.decode(seen, sys, false, stop);
        if let Some(place) = stop.changes_elsewhere(|p| is_spared(p) || self.writable.has(&p.path)) {
            let path = place.path.escape_ascii();
            self.notes.insert(format!(
                "changes outside of the arena were made impossible: {}(\"{path}\")",
                sys.name
            ));
        }
        if !stop.touches_arena() {
            self.listener()?.let_run(seen.id);
            return Ok(None);
        }
        if self.wants_template() && !Prologue::admits(stop) && self.make_template(seen)? {
            return Ok(None);
        }
        if !self.tasks.knows(seen.tid) {
            self.pids.extend(self.decoder.proc().own_numbers(seen.tid));
        }
        stop.task = self.tasks.number(seen.tid);
        self.held = Some(seen.id);
        if self.no_excl.concerns(stop) {
            let was_taken = self.would_find(stop);
            self.no_excl.arrive(stop, was_taken);
        }
        Ok(Some(Next::Stop))
    }

    /// Runs the setup, unwatched, and takes what it made for part of the stage.
    fn set_up(&mut self) -> Result<(), Error> {
        if self.plans.len() < 2 {
            return Ok(());
        }
        const DOING: &str = "run the setup";
        self.writable.begin_stage()?;
        self.cell.begin(SETUP, 0o022).map_err(|e| Error::ours(DOING, e))?;
        match self.hear(DOING)? {
            Told::Ended(0) => {}
            Told::Ended(status) => {
                let what = format!("its setup ended with status {}", libc::WEXITSTATUS(status));
                return Err(Error::victim(DOING, what));
            }
            other => return Err(unexpected(DOING, &other)),
        }
        self.clear()?;
        self.writable.end_stage()?;
        self.arena.adopt()
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

    fn start_after_pid(&mut self, pid: u32) -> Result<(), Error> {
        const DOING: &str = "choose the program's pid";
        self.cell.start_after(pid).map_err(|e| Error::ours(DOING, e))?;
        self.hear_back(DOING).map(drop)
    }

    fn pids(&self) -> Vec<u32> {
        self.pids.clone()
    }

    fn begin(&mut self) -> Result<(), Error> {
        const DOING: &str = "start the program";
        self.writable.renew()?;
        self.tasks.clear();
        self.pids.clear();
        (self.descriptors, self.held, self.ended) = (3, None, None);
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
        self.cell.begin(PROGRAM, self.umask).map_err(|e| Error::ours(DOING, e))?;
        match self.hear(DOING)? {
            Told::Started(listener) => self.listener = Some(listener),
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
                Some(Ready::Stopped) => {
                    let lost = |e: std::io::Error| Error::ours("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", e);
                    let seen = self.listener()?.receive().map_err(lost)?;
                    if let Some(seen) = seen
                        && let Some(next) = self.take(&seen, stop)?
                    {
                        return Ok(next);
                    }
                }
                // When its last task is gone the keeper is about to say how.
                None | Some(Ready::Gone) => {
                    if let Some(end) = self.listen()? {
                        return Ok(end);
                    }
                }
                Some(Ready::TimedOut) => {
                    let spared = self.template.as_ref().map(Template::pid);
                    let over = crowd.shows_no_life(&self.inside, spared, self.silence);
                    match self.ended {
                        Some(status) if over => {
                            self.notes.insert("processes that it left running were ended".to_owned());
                            self.clear()?;
                            return Ok(self.finished(status));
                        }
                        None if over => return Ok(Next::Ended(Ending::Hung)),
                        _ => {}
                    }
                }
            }
        }
    }

    fn act(&mut self, act: &Move, path: &[u8]) -> rustix::io::Result<()> {
        self.hands.act(self.arena.root(), act, path)
    }

    fn release(&mut self, stop: &Stop) -> Outcome {
        if let Some(outcome) = self.prologue.pass() {
            return outcome;
        }
        self.held = None;
        let outcome = self.perform(stop);
        if self.wants_template() {
            self.prologue.add(stop, outcome);
        }
        outcome
    }

    fn look(&mut self, tree: &mut Tree) {
        self.arena.look(tree);
    }

    fn look_at(&mut self, path: &[u8], tree: &mut Tree) {
        tree.refresh(self.arena.root(), path);
    }

    fn look_at_stage(&self, tree: &mut Tree) {
        self.arena.look_at_stage(tree);
    }

    fn give_up(&mut self) -> Result<(), Error> {
        self.clear()
    }

    fn reset(&mut self, seen: &Tree) -> Result<Reset, Error> {
        let reset = self.arena.reset(seen)?;
        if reset == Reset::Rebuilt {
            if self.prologue.holds_entries() {
                self.drop_template()?;
            }
            self.set_up()?;
        }
        Ok(reset)
    }

    fn spoiled(&self) -> Option<&'static str> {
        None
    }

    fn not_examined(&self) -> Vec<String> {
        const MOST: usize = 8;
        self.no_excl.not_examined().into_iter().chain(self.notes.iter().cloned()).take(MOST).collect()
    }
}

/// What a program may change outside of the arena.
fn is_spared(place: &Place) -> bool {
    place.path.starts_with(b"/dev/") || place.path.starts_with(b"/proc/")
}
