//! The kernel through a process tree: a program, contained, each of its tasks held at every call that touches the
//! arena, in one order that we choose.
//!
//! The supervisor's thread shares the program's mount namespace. It makes calls that name paths in the program's place
//! (see `perform`), so that their results are exact; the others it lets run, and their effect is looked at afterwards.

mod bounds;
mod contain;
mod devices;
mod output;
mod perform;
mod subordinate;
mod ticks;

pub(crate) use contain::prepare_to_contain;

use super::calls::{NAMESPACES, REFUSED, Sys, WATCHED};
use super::decode::{Decoder, Place, Stop};
use super::proc::Proc;
use super::pulse::Crowd;
use super::tasks::Tasks;
use super::{Next, Outcome, World};
use crate::arena::tree::Tree;
use crate::arena::{Arena, Reset, Stage};
use crate::attacker::Move;
use crate::attacker::hands::Hands;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::host::Host;
use crate::sys::cell::{Cell, Plan, Told};
use crate::sys::notify::{Listener, Notification};
use crate::sys::streams::Terminal;
use crate::sys::thread as own_thread;
use crate::victim::Program;
use bounds::{Bounds, MAKE_TASKS};
use output::Output;
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Duration;
use ticks::Ticks;

/// Places among the plans.
const PROGRAM: u8 = 0;
const SETUP: u8 = 1;

/// What there is to do next.
enum Event {
    /// A call waits for its answer.
    Stopped,
    /// The keeper has something to tell.
    Told,
    /// Time has passed.
    Tick,
    /// No task is left that could be held.
    Gone,
}

/// How much of what a setup printed is told when it fails.
const MOST_SHOWN: usize = 400;

/// A program and its cell.
pub(crate) struct ProcessWorld {
    arena: Arena,
    hands: Hands,
    decoder: Decoder,
    /// The program and, if there is one, its setup.
    plans: Vec<Plan>,
    cell: Cell,
    /// `/proc` as the program sees it.
    inside: Proc,
    listener: Option<Listener>,
    umask: u32,
    silence: Duration,
    ticks: Ticks,
    output: Output,
    bounds: Bounds,
    tasks: Tasks,
    descriptors: u32,
    held: Option<u64>,
    /// How the first process ended, once it has.
    ended: Option<i32>,
    notes: BTreeSet<String>,
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
        let (output, writer) = Output::new()?;
        let mut plans = vec![contain::plan(program, &writer, true)?];
        if let Some(text) = &program.setup {
            plans.push(contain::plan(&contain::shell(program, text), &writer, false)?);
        }
        let arena = contain::arena(host, attacker)?;
        let mut notes = BTreeSet::new();
        if contain::start_elsewhere()? {
            notes.insert(
                "its working directory is below one that the arena covers; it starts in its home".to_owned(),
            );
        }
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
            umask: 0o022,
            silence,
            ticks: Ticks::new(silence)?,
            output,
            bounds: Bounds::default(),
            tasks: Tasks::with_room(u16::MAX),
            descriptors: 3,
            held: None,
            ended: None,
            notes,
        })
    }

    fn listener(&self) -> Result<&Listener, Error> {
        self.listener.as_ref().ok_or_else(|| Error::ours("wait for the program", "it was not started"))
    }

    /// Waits, and meanwhile reads what is printed. What the keeper tells comes before any call: a daemon that never
    /// rests must not keep us from hearing that the program has ended.
    fn wait(&mut self) -> Result<Event, Error> {
        let listener = self.listener.as_ref();
        let listener = listener.ok_or_else(|| Error::ours("wait for the program", "it was not started"))?;
        loop {
            let source = self.output.source();
            let mut fds = [
                PollFd::new(listener, PollFlags::IN),
                PollFd::from_borrowed_fd(self.cell.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.ticks.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(source.unwrap_or(self.ticks.as_fd()), PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::ours("poll", e)),
            }
            let [call, told, tick, printed] = fds.map(|fd| fd.revents());
            if !printed.is_empty() {
                self.output.drain();
            }
            match () {
                () if !told.is_empty() => return Ok(Event::Told),
                () if call.contains(PollFlags::IN) => return Ok(Event::Stopped),
                () if !tick.is_empty() => return Ok(Event::Tick),
                () if !call.is_empty() => return Ok(Event::Gone),
                () => {}
            }
        }
    }

    fn take(&mut self, seen: &Notification, stop: &mut Stop) -> Result<Option<Next>, Error> {
        self.ticks.hear();
        let Some(sys) = Sys::of(seen.nr) else {
            return self.make_task(seen);
        };
        self.decoder.decode(seen, sys, false, stop);
        if let Some(place) = stop.changes_elsewhere(is_spared) {
            let path = place.path.escape_ascii();
            self.notes.insert(format!(
                "changes outside of the arena were made impossible: {}(\"{path}\")",
                sys.name
            ));
        }
        if !stop.touches_arena() {
            self.listener()?.let_run(seen.id);
            return self.pass();
        }
        self.bounds.rest();
        if !self.bounds.has_disk(self.arena.root()) {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        stop.task = self.tasks.number(seen.tid);
        self.held = Some(seen.id);
        Ok(Some(Next::Stop))
    }

    /// A process or thread is about to be made.
    fn make_task(&mut self, seen: &Notification) -> Result<Option<Next>, Error> {
        if MAKE_TASKS.contains(&seen.nr) && !self.bounds.may_make_task(&self.inside) {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        self.listener()?.let_run(seen.id);
        self.pass()
    }

    /// A call that is none of our business went on.
    fn pass(&mut self) -> Result<Option<Next>, Error> {
        match self.ended {
            _ if self.bounds.may_call(self.ended.is_some()) => Ok(None),
            Some(status) => self.outlived(status).map(Some),
            None => Ok(Some(Next::Ended(Ending::Hung))),
        }
    }

    /// What the first process left running was given its time.
    fn outlived(&mut self, status: i32) -> Result<Next, Error> {
        self.notes.insert("processes that it left running were ended".to_owned());
        self.finished(status)
    }

    /// Time has passed: looks whether the program takes too much, and, when it was silent, whether it lives.
    fn tick(&mut self, crowd: &mut Crowd) -> Result<Option<Next>, Error> {
        let silent = self.ticks.take();
        if !self.bounds.has_memory(&self.inside) || !self.bounds.has_disk(self.arena.root()) {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        if !silent || !crowd.shows_no_life(&self.inside, self.silence) {
            return Ok(None);
        }
        if let Some(status) = self.ended {
            return self.outlived(status).map(Some);
        }
        if self.inside.tasks().into_iter().any(|tid| self.inside.state(tid) == Some('T')) {
            self.notes.insert(STOPPED.to_owned());
        }
        Ok(Some(Next::Ended(Ending::Hung)))
    }

    /// Takes what the keeper tells of the program while it runs.
    fn hear(&mut self) -> Result<Option<i32>, Error> {
        match self.cell.hear().map_err(|e| Error::ours("wait for the program", e))? {
            Told::Ended(status) => Ok(Some(status)),
            other => Err(Error::ours("wait for the program", format!("unexpected answer {other:?}"))),
        }
    }

    /// How the trial ended, judged by the first process. What still runs is killed: it had its time.
    fn finished(&mut self, status: i32) -> Result<Next, Error> {
        self.output.drain();
        self.bounds.has_disk(self.arena.root());
        self.clear()?;
        Ok(Next::Ended(match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
            (true, _) => Ending::Signal(libc::WTERMSIG(status)),
            (false, 0) => Ending::Success,
            (false, code) => Ending::Error(format!("exit_{code}")),
        }))
    }

    fn clear(&mut self) -> Result<(), Error> {
        // Closing the listener first would make every call of a daemon fail with ENOSYS, in a storm.
        self.cell.clear().map_err(|e| Error::ours("end the program", e))?;
        loop {
            match self.cell.hear().map_err(|e| Error::ours("end the program", e))? {
                Told::Cleared => break,
                Told::Lost => {
                    (self.cell, self.inside) = start_cell(&self.plans)?;
                    break;
                }
                _ => {}
            }
        }
        self.listener = None;
        Ok(())
    }

    /// Nothing was printed or taken yet.
    fn start_trial(&mut self) {
        self.output.restart();
        self.bounds.restart(&self.inside, self.arena.root());
    }

    /// Waits for the setup, whose calls we do not see; `None` when it does not end.
    fn run_unwatched(&mut self) -> Result<Option<i32>, Error> {
        let mut crowd = Crowd::default();
        loop {
            self.output.drain();
            let source = self.output.source().unwrap_or(self.ticks.as_fd());
            let mut fds = [self.cell.as_fd(), self.ticks.as_fd(), source]
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::ours("poll", e)),
            }
            if !fds[0].revents().is_empty() {
                let ended = self.hear()?;
                self.output.drain();
                return Ok(ended);
            }
            if !fds[1].revents().is_empty() {
                let (silent, proc) = (self.ticks.take(), &self.inside);
                let kept = self.bounds.has_memory(proc)
                    && self.bounds.has_disk(self.arena.root())
                    && self.bounds.has_few_tasks(proc);
                if !kept || (silent && crowd.shows_no_life(proc, self.silence)) {
                    self.give_up()?;
                    return Ok(None);
                }
            }
        }
    }

    /// Runs the setup, unwatched, and takes what it made for part of the stage.
    fn set_up(&mut self) -> Result<(), Error> {
        if self.plans.len() < 2 {
            return Ok(());
        }
        let failed = |e: std::io::Error| Error::ours("run the setup", e);
        self.start_trial();
        self.cell.begin(SETUP, 0o022).map_err(failed)?;
        match self.run_unwatched()? {
            Some(0) => {}
            status => {
                let how = status.map_or("did not end".to_owned(), |status| {
                    format!("ended with status {}", libc::WEXITSTATUS(status))
                });
                let (printed, _) = self.output.printed();
                let end = printed.len().saturating_sub(MOST_SHOWN);
                let end = String::from_utf8_lossy(&printed[end..]);
                return Err(Error::victim(
                    "run the setup",
                    format!("its setup {how}; it printed: {}", end.trim()),
                ));
            }
        }
        self.clear()?;
        self.arena.adopt()
    }
}

/// What a program that job control has stopped looks like.
const STOPPED: &str = "it was stopped by a signal, as job control does (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU), and nobody continues it";

/// Starts a keeper, and opens the `/proc` that it has mounted.
fn start_cell(plans: &[Plan]) -> Result<(Cell, Proc), Error> {
    let watched: Vec<u32> = WATCHED.iter().filter_map(Sys::number).chain(MAKE_TASKS).collect();
    let refused: Vec<u32> = REFUSED.into_iter().chain(NAMESPACES).collect();
    let cell =
        Cell::start(plans, &refused, &watched).map_err(|e| contain::refusal("clone(CLONE_NEWPID)", e))?;
    match cell.hear().map_err(|e| Error::ours("start the keeper", e))? {
        Told::Cleared => {}
        Told::Failed(errno) => {
            return Err(contain::refusal("mount(\"/proc\")", std::io::Error::from_raw_os_error(errno)));
        }
        other => return Err(Error::ours("start the keeper", format!("unexpected answer {other:?}"))),
    }
    Ok((cell, Proc::open().map_err(|e| Error::ours("open(\"/proc\")", e))?))
}

impl World for ProcessWorld {
    fn prepare(&mut self, class: Class, umask: u32, stage: Stage) -> Result<(), Error> {
        self.umask = umask;
        self.hands.know(stage.decoys.iter().map(|(name, _)| name.clone()));
        self.arena.build(class, stage)?;
        self.set_up()
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.tasks.clear();
        (self.descriptors, self.held, self.ended) = (3, None, None);
        self.start_trial();
        let failed = |e: std::io::Error| Error::ours("start the program", e);
        self.cell.begin(PROGRAM, self.umask).map_err(failed)?;
        let mut told = self.cell.hear().map_err(failed)?;
        if let Told::Terminal(master) = told {
            self.output.attach(Terminal::adopt(master).map_err(failed)?);
            told = self.cell.hear().map_err(failed)?;
        }
        match told {
            Told::Started(listener) => self.listener = Some(listener),
            Told::Failed(errno) => {
                return Err(contain::refusal("start the program", std::io::Error::from_raw_os_error(errno)));
            }
            other => return Err(Error::ours("start the program", format!("unexpected answer {other:?}"))),
        }
        Ok(())
    }

    fn next(&mut self, stop: &mut Stop) -> Result<Next, Error> {
        let mut crowd = Crowd::default();
        loop {
            match self.wait()? {
                Event::Stopped => {
                    let lost = |e: std::io::Error| Error::ours("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", e);
                    let seen = self.listener()?.receive().map_err(lost)?;
                    if let Some(seen) = seen
                        && let Some(next) = self.take(&seen, stop)?
                    {
                        return Ok(next);
                    }
                }
                Event::Told => self.ended = self.hear()?,
                Event::Gone => {
                    // Its last task is gone; the keeper has said how, or is about to.
                    if let Some(status) = self.ended.map_or_else(|| self.hear(), |status| Ok(Some(status)))? {
                        return self.finished(status);
                    }
                }
                Event::Tick => {
                    if let Some(next) = self.tick(&mut crowd)? {
                        return Ok(next);
                    }
                }
            }
        }
    }

    fn act(&mut self, act: &Move, path: &[u8]) -> rustix::io::Result<()> {
        self.hands.act(self.arena.root(), act, path)
    }

    fn release(&mut self, stop: &Stop) -> Outcome {
        self.held = None;
        // The program has none of the rights that its namespace gives to us.
        own_thread::without_file_capabilities(|| self.perform(stop))
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
        // The keeper may be waiting for the program, so it goes too, and all else with it.
        (self.cell, self.inside) = start_cell(&self.plans)?;
        self.listener = None;
        Ok(())
    }

    fn reset(&mut self, seen: &Tree) -> Result<Reset, Error> {
        let reset = self.arena.reset(seen)?;
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
        self.notes.iter().take(MOST).cloned().collect()
    }
}

/// What a program may change outside of the arena.
fn is_spared(place: &Place) -> bool {
    place.path.starts_with(b"/dev/") || place.path.starts_with(b"/proc/")
}
