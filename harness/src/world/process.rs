//! The kernel through a process tree: a program, contained, each of its tasks held at every call that touches the
//! arena, in one order that we choose.
//!
//! The supervisor's thread shares the program's mount namespace. It makes calls that name paths in the program's place
//! (see `perform`), so that their results are exact; the others it lets run, and their effect is looked at afterwards.

mod contain;
mod perform;
mod template;

pub(crate) use contain::prepare_to_contain;

use super::calls::{NAMESPACES, PIDS, REFUSED, Sys, WATCHED};
use super::decode::{Decoder, Place, Stop};
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
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::time::Duration;
use template::{Candidate, Prologue, Template};

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
        let mut plans = vec![contain::plan(program, true)?];
        if let Some(text) = &program.setup {
            plans.push(contain::plan(&contain::shell(program, text), false)?);
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
            start: Start::Anew,
            template: None,
            prologue: Prologue::default(),
            no_template: false,
            umask: 0o022,
            patience: super::patience(silence),
            silence,
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
        if let Some(place) = stop.changes_elsewhere(is_spared) {
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
        stop.task = self.tasks.number(seen.tid);
        self.held = Some(seen.id);
        Ok(Some(Next::Stop))
    }

    fn wants_template(&self) -> bool {
        self.start == Start::AtFirstCall && self.template.is_none() && !self.no_template
    }

    /// Makes the program, which is held, the template and goes on with a copy. False when the call is held still.
    fn make_template(&mut self, seen: &Notification) -> Result<bool, Error> {
        self.no_template = true;
        let Some(candidate) = Candidate::find(seen.tid, self.decoder.proc(), &self.inside) else {
            return Ok(false);
        };
        let listener = self.listener()?;
        // One that cannot be traced makes its call, which arrives again.
        let answer = |value| listener.answer(seen.id, value);
        if let Ok(template) = candidate.settle(&self.tasks, self.descriptors, answer) {
            self.cell.spare(template.pid()).map_err(|e| Error::ours("keep the program", e))?;
            self.template = Some(template);
            self.start_copy()?;
        }
        Ok(true)
    }

    fn start_copy(&mut self) -> Result<(), Error> {
        let Some(template) = &mut self.template else { return Ok(()) };
        let announce = |pid| {
            self.cell.follow(pid)?;
            self.cell.hear().map(drop)
        };
        template.copy(announce).map_err(|e| Error::ours("copy the program", e))?;
        template.count_on(&mut self.tasks, &mut self.descriptors);
        Ok(())
    }

    fn drop_template(&mut self) -> Result<(), Error> {
        if self.template.take().is_some() {
            self.cell.spare(0).map_err(|e| Error::ours("end the program", e))?;
        }
        (self.no_template, self.listener) = (false, None);
        Ok(())
    }

    /// How the trial ended, judged by the first process. What still runs is killed: it had its time.
    fn finished(&mut self, status: i32) -> Next {
        Next::Ended(match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
            (true, _) => Ending::Signal(libc::WTERMSIG(status)),
            (false, 0) => Ending::Success,
            (false, code) => Ending::Error(format!("exit_{code}")),
        })
    }

    /// Takes what the keeper tells; the end, if that is it.
    fn listen(&mut self) -> Result<Option<Next>, Error> {
        match (self.hear("wait for the program")?, self.ended) {
            (Told::Ended(status), _) => self.ended = Some(status),
            (Told::Empty, Some(status)) => {
                self.forget();
                return Ok(Some(self.finished(status)));
            }
            (other, _) => return Err(unexpected("wait for the program", &other)),
        }
        Ok(None)
    }

    fn hear(&self, doing: &str) -> Result<Told, Error> {
        self.cell.hear().map_err(|e| Error::ours(doing, e))
    }

    /// Ends all that still runs, but a template.
    fn clear(&mut self) -> Result<(), Error> {
        const DOING: &str = "end the program";
        // Closing the listener first would make every call of a daemon fail with ENOSYS, in a storm.
        self.cell.clear().map_err(|e| Error::ours(DOING, e))?;
        loop {
            match self.hear(DOING)? {
                Told::Done => break,
                Told::Crowded => {
                    self.drop_template()?;
                    self.cell.clear().map_err(|e| Error::ours(DOING, e))?;
                }
                Told::Lost => {
                    self.drop_template()?;
                    (self.cell, self.inside) = start_cell(&self.plans)?;
                    break;
                }
                _ => {}
            }
        }
        self.forget();
        Ok(())
    }

    /// The calls of a template's copies arrive at the listener of the template.
    fn forget(&mut self) {
        if self.template.is_none() {
            self.listener = None;
        }
    }

    /// Runs the setup, unwatched, and takes what it made for part of the stage.
    fn set_up(&mut self) -> Result<(), Error> {
        if self.plans.len() < 2 {
            return Ok(());
        }
        const DOING: &str = "run the setup";
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
        self.arena.adopt()
    }
}

/// Starts a keeper, and opens the `/proc` that it has mounted.
fn start_cell(plans: &[Plan]) -> Result<(Cell, Proc), Error> {
    let watched: Vec<u32> = WATCHED.iter().filter_map(Sys::number).chain(PIDS).collect();
    let refused: Vec<u32> = REFUSED.into_iter().chain(NAMESPACES).collect();
    let cell =
        Cell::start(plans, &refused, &watched).map_err(|e| contain::refusal("clone(CLONE_NEWPID)", e))?;
    match cell.hear().map_err(|e| Error::ours("start the keeper", e))? {
        Told::Done => {}
        Told::Failed(errno) => {
            return Err(contain::refusal("mount(\"/proc\")", std::io::Error::from_raw_os_error(errno)));
        }
        other => return Err(unexpected("start the keeper", &other)),
    }
    Ok((cell, Proc::open().map_err(|e| Error::ours("open(\"/proc\")", e))?))
}

fn unexpected(doing: &str, told: &Told) -> Error {
    Error::ours(doing, format!("unexpected answer {told:?}"))
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

    fn begin(&mut self) -> Result<(), Error> {
        const DOING: &str = "start the program";
        self.tasks.clear();
        (self.descriptors, self.held, self.ended) = (3, None, None);
        if self.template.is_some() {
            self.prologue.again();
            return self.start_copy();
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
            self.set_up()?;
        }
        Ok(reset)
    }

    fn spoiled(&self) -> Option<&'static str> {
        None
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
