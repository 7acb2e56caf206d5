//! The kernel through a thread of this process: a long-lived victim thread under a seccomp notification filter,
//! supervised from a thread on the same core.
//!
//! The supervisor makes the held call in the victim's place. It shares memory, descriptors, working directory and
//! umask with the victim, so the effect is the same and the result is known at once. Calls that could block, calls
//! of child processes and programs being started run in the victim itself.
//!
//! Between receiving a stop and answering it nothing here allocates or locks: the victim can be held inside malloc.

use super::calls::{EXIT_GROUP, MAKE_TASKS, Op, Sys, Watch};
use super::decode::Decoder;
use super::no_excl::{self, NoExcl};
use super::stop::{Place, Stop};
use super::{Next, Outcome, Start, Terms, World, open};
use crate::arena::sight::Sight;
use crate::arena::tree::{Entry, Tree};
use crate::arena::{Arena, Reset, Stage, disk};
use crate::attacker::Move;
use crate::attacker::hands::Hands;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::fault::Fault;
use crate::host::Host;
use crate::sys::notify::{Notification, Ready};
use crate::sys::perform::{MARKER, PANICS, borrow, perform};
use crate::sys::thread as own_thread;
use crate::victim::Body;
use rustix::event::Timespec;
use rustix::fs::{FileType, Mode, OFlags};
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

mod arrival;
pub(crate) mod body;
mod crew;
mod opened;
mod rewrite;
mod start;

use super::pulse::{Doing, Looks, pulse};
use super::tasks::Tasks;
use arrival::{Arrival, Arrivals};
use crew::Crew;
use opened::Opened;
use rewrite::Changed;
use start::{Victim, start_victim};

/// Tasks that one trial can number; the ones beyond share the last number.
const MOST_TASKS: u16 = 256;

/// The status of a process whose victim called exit: the command's "victim cannot be judged".
const VICTIM_ENDED_US: i32 = 101;

/// Why a victim can be judged no further in this process. As a program of its own it could be.
pub(crate) const SPOILED: [&str; 3] = [LOOSE, HOARDS, ABANDONED];
const LOOSE: &str = "threads of the victim outlive its body, into the next trials";
const HOARDS: &str =
    "the victim keeps so many descriptors that this process has none left for further trials";
const ABANDONED: &str = "too many runs could not be ended; judge it as a program of its own";

/// Bytes kept of a refused path.
const PATH_SHOWN: usize = 1024;

pub(crate) struct ThreadWorld {
    arena: Arena,
    hands: Hands,
    decoder: Decoder,
    body: Arc<Body>,
    victim: Victim,
    home: OwnedFd,
    umask: u32,
    arrivals: Arrivals,
    /// The time without a call after which the victim is looked at.
    silence: Duration,
    watch: Watch,
    /// Threads of victims that could not be ended.
    abandoned: u32,
    tasks: Tasks,
    descriptors: u32,
    opened: Opened,
    changed: Box<Changed>,
    /// What stands at the name that the call was given which was just made, if the call tells: what it made, or nothing. Forgotten
    /// at the next stop.
    told: Option<Option<Entry>>,
    crew: Crew,
    /// The stop that waits for an answer.
    held: Option<u64>,
    /// The victim was killed in this trial.
    killed: bool,
    /// The victim has panicked in this trial, and perhaps still unwinds.
    panicked: bool,
    /// It has started neither a thread nor a process in this trial.
    alone: bool,
    /// It has changed its working directory, which is ours.
    wandered: bool,
    refused: Refused,
    no_excl: NoExcl,
}

/// What the victim tried to change elsewhere on the machine, which we do not allow.
#[derive(Default)]
pub(crate) struct Refused {
    count: u32,
    first: Vec<u8>,
}

impl Refused {
    fn note(&mut self, path: &[u8]) {
        self.count += 1;
        if self.first.is_empty() {
            self.first.extend_from_slice(&path[..path.len().min(PATH_SHOWN)]);
        }
    }
}

impl ThreadWorld {
    /// Makes an arena and starts the victim's thread. Must be called on a thread made for this: it is pinned, and
    /// shares its working directory and umask with the victim from now on.
    pub(crate) fn new(host: &Host, body: &Arc<Body>, terms: Terms) -> Result<ThreadWorld, Error> {
        let core = super::become_supervisor(host)?;
        let attacker = host.attacker();
        let arena = Arena::new(&disk::place(host)?, attacker, host.guards_group_writable())?;
        let hands = Hands::new(arena.path(), attacker)?;
        let bytes = |p: &std::path::Path| p.as_os_str().as_encoded_bytes().to_vec();
        let mut decoder = Decoder::new(
            bytes(arena.path()),
            host.temporary().iter().map(|p| bytes(p)).collect(),
            host.spared().iter().map(|p| bytes(p)).collect(),
        )
        .map_err(|e| Error::ours("open(\"/proc\")", e))?;
        let home = rustix::fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| Error::ours("open(\".\")", e))?;
        let victim = start_victim(body, arena.dirs(), core, terms.watch)?;
        decoder.learn_stack(victim.tid, victim.stack.clone());
        Ok(ThreadWorld {
            arena,
            hands,
            decoder,
            body: Arc::clone(body),
            victim,
            home,
            umask: 0o022,
            arrivals: Arrivals::within(super::patience(terms.silence))?,
            silence: terms.silence,
            watch: terms.watch,
            abandoned: 0,
            tasks: Tasks::with_room(MOST_TASKS),
            descriptors: 3,
            opened: Opened::new(host.open_files()),
            changed: Box::default(),
            told: None,
            crew: Crew::default(),
            held: None,
            killed: false,
            panicked: false,
            alone: true,
            wandered: true,
            refused: Refused { count: 0, first: Vec::with_capacity(PATH_SHOWN) },
            no_excl: NoExcl::new(!host.is_exclusive()),
        })
    }

    /// True when the victim shows no life, and has not just come to a stop.
    fn is_stuck(&self, looks: &mut Looks) -> bool {
        looks.show_no_life(pulse(self.decoder.proc(), self.victim.tid), self.silence)
            && matches!(self.victim.listener.wait(Some(&Timespec::default())), Ok(Ready::TimedOut))
    }

    /// Leaves a thread that cannot be ended to itself. Its listener goes with it, so every call of it that could
    /// touch a file fails with ENOSYS from now on.
    fn abandon(&mut self) {
        self.abandoned += 1;
        // A refusal only means that it competes with us for the core.
        let _ = own_thread::yield_to_others(self.victim.tid);
    }

    fn wait(&mut self) -> io::Result<Arrival> {
        let listener = &self.victim.listener;
        match self.crew.is_waited_for() {
            true => Arrivals::next_within(listener, &Crew::PAUSE),
            false => self.arrivals.next(listener),
        }
    }

    fn take(&mut self, seen: &Notification, stop: &mut Stop) -> Option<Next> {
        if seen.nr == MARKER {
            return self.take_marker(seen);
        }
        let ours = self.is_ours(seen.tid);
        if MAKE_TASKS.contains(&seen.nr) {
            // A process can share our working directory (CLONE_FS), and we are not told of its calls.
            (self.alone, self.wandered) = (false, true);
            if ours {
                self.crew.starts(seen);
            }
            self.victim.listener.let_run(seen.id);
            return None;
        }
        let Some(sys) = Sys::of(seen.nr).filter(|_| seen.nr != EXIT_GROUP) else {
            return self.take_exit(seen, ours);
        };
        self.decoder.decode(seen, sys, ours, stop);
        self.decoder.find_handed(stop, ours);
        if let Some(Place { path, .. }) = stop.changes_elsewhere(is_spared) {
            if !self.killed {
                self.refused.note(path);
            }
            self.victim.listener.answer(seen.id, -i64::from(libc::EROFS));
            return None;
        }
        if !stop.touches_arena() {
            if ours && stop.sys.op == Op::Enter {
                // Relative paths lead elsewhere from here on, so we must see whether it worked.
                self.make(stop);
            } else {
                self.victim.listener.let_run(seen.id);
            }
            return None;
        }
        if self.killed && self.panicked && ours && !matches!(stop.sys.op, Op::Close | Op::Remove) {
            return self.end_killed(seen);
        }
        stop.task = self.tasks.number(seen.tid);
        self.held = Some(seen.id);
        if self.no_excl.concerns(stop) {
            self.changed.take(stop, self.arena.path().as_os_str().as_encoded_bytes());
            let was_taken = ours.then(|| no_excl::is_taken(stop, &self.changed.raw()));
            self.no_excl.arrive(stop, was_taken);
        }
        Some(Next::Stop)
    }

    /// A marker means that the victim's body has returned.
    fn take_marker(&mut self, seen: &Notification) -> Option<Next> {
        if seen.args[0] == PANICS {
            self.panicked = true;
            self.victim.listener.answer(seen.id, 0);
            return None;
        }
        self.victim.idle = Some(seen.id);
        let ending = self.victim.ending.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.crew.body_ended(ending?, seen.tid).map(Next::Ended)
    }

    /// A destructor of one that was killed would perhaps panic because of an error while another panic unwinds, and so abort
    /// our process: the thread ends here instead, with what it holds.
    fn end_killed(&mut self, seen: &Notification) -> Option<Next> {
        if seen.tid == self.victim.tid {
            self.held = Some(seen.id);
            return Some(Next::Ended(Ending::Hung));
        }
        own_thread::end(seen.tid);
        self.victim.listener.answer(seen.id, -i64::from(libc::EINTR));
        None
    }

    /// A victim that ends the process ends ours. Nothing can be judged any more, so its status must not look like
    /// success. Removing the arena allocates, which is safe here: whoever calls exit_group is outside of malloc.
    fn take_exit(&mut self, seen: &Notification, ours: bool) -> Option<Next> {
        if ours {
            self.arena.remove();
            own_thread::end_process(VICTIM_ENDED_US);
        }
        self.victim.listener.let_run(seen.id);
        None
    }

    fn make(&mut self, stop: &Stop) -> Outcome {
        self.changed.take(stop, self.arena.path().as_os_str().as_encoded_bytes());
        if stop.sys.op == Op::Open {
            return self.open(stop);
        }
        let value = perform(&self.changed.raw());
        if stop.sys.op == Op::Enter && value == 0 {
            self.wandered = true;
            self.decoder.learn_cwd();
        }
        self.told = (stop.sys.op == Op::Remove && value == 0).then_some(None);
        self.victim.listener.answer(stop.id, value);
        Outcome::of(value)
    }

    fn open(&mut self, stop: &Stop) -> Outcome {
        if stop.was_taken == Some(true) {
            self.victim.listener.answer(stop.id, -i64::from(libc::EEXIST));
            return Outcome::Failed(libc::EEXIST);
        }
        if stop.was_taken.is_some() {
            self.changed.set_open_flag(libc::O_EXCL, false);
        }
        if open::may_wait(stop) {
            self.changed.set_open_flag(libc::O_NONBLOCK, true);
        }
        let value = perform(&self.changed.raw());
        let (outcome, opened) = open::settle(stop, value, self.arena.root(), &mut self.descriptors);
        self.told = opened.filter(|_| stop.makes_its_own()).map(Some);
        self.opened.note(value, outcome);
        let answer = if outcome == Outcome::Blocks { -i64::from(libc::ENXIO) } else { value };
        self.victim.listener.answer(stop.id, answer);
        outcome
    }

    /// Answers a call of a victim that was killed. Closes are made: this process would run out of descriptors, and the
    /// standard library panics where closing a directory fails. Removals seem to be made, so that clean-up has no complaint.
    fn refuse(&mut self, stop: &Stop) -> Outcome {
        self.held = None;
        let answer = match stop.sys.op {
            Op::Close if self.is_ours(stop.tid) => perform(&stop.raw),
            Op::Remove => 0,
            _ => -i64::from(libc::EIO),
        };
        self.victim.listener.answer(stop.id, answer);
        Outcome::Unknown
    }

    /// True for the victim's thread and others of this process, which shares all it has with us.
    fn is_ours(&self, tid: u32) -> bool {
        tid == self.victim.tid || own_thread::is_ours(tid)
    }

    /// True when the call can be made by us with the same effect.
    fn ours_to_make(&self, stop: &Stop) -> bool {
        // splice(2) has a pipe at one end, which may be empty.
        let waits = || stop.sys.name == "splice" || !Self::writes_to_regular_file(stop);
        let never_waits = stop.sys.op != Op::Write || !waits();
        stop.sys.op != Op::Run && never_waits && self.is_ours(stop.tid)
    }

    fn writes_to_regular_file(stop: &Stop) -> bool {
        let fd = stop.sys.signature.bytes().position(|l| l == b'f').map(|at| stop.raw.args[at] as i32);
        let state = fd.map(|fd| rustix::fs::fstat(borrow(fd)));
        matches!(state, Some(Ok(s)) if FileType::from_raw_mode(s.st_mode) == FileType::RegularFile)
    }
}

impl World for ThreadWorld {
    fn prepare(&mut self, class: Class, umask: u32, stage: Stage) -> Result<(), Error> {
        self.umask = umask;
        self.hands.know(stage.decoys.iter().map(|(name, _)| name.clone()));
        self.arena.build(class, stage)
    }

    fn start_from(&mut self, _: Start) -> Result<(), Error> {
        // A thread cannot be copied.
        Ok(())
    }

    fn was_copied(&self) -> bool {
        false
    }

    /// In this process nothing is fixed, so every run has other luck.
    fn vary(&mut self, _: u64) {}

    fn leave_to_the_machine(&mut self, _: bool) {}

    fn start_after_pid(&mut self, _: u32) -> Result<(), Error> {
        // It runs in a process that is there already.
        Ok(())
    }

    fn pids(&self) -> Vec<u32> {
        vec![std::process::id(), self.victim.tid]
    }

    fn begin(&mut self) -> Result<(), Error> {
        if mem::take(&mut self.wandered) {
            rustix::process::fchdir(&self.home).map_err(|e| Error::ours("fchdir", e))?;
            self.decoder.learn_cwd();
        }
        own_thread::umask(self.umask);
        self.tasks.clear();
        (self.killed, self.panicked, self.alone) = (false, false, true);
        self.descriptors = 3;
        self.opened.clear();
        let idle = self
            .victim
            .idle
            .take()
            .ok_or_else(|| Error::ours("begin a trial", "the victim is still running"))?;
        self.victim.listener.answer(idle, 0);
        Ok(())
    }

    fn next(&mut self, stop: &mut Stop) -> Result<Next, Error> {
        let lost = |e: io::Error| Error::ours("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", e);
        let mut looks = Looks::default();
        // Where the call named nothing in `shared/`, nobody has asked.
        self.told = None;
        loop {
            match self.wait().map_err(lost)? {
                Arrival::Stop(seen) => {
                    if let Some(next) = self.take(&seen, stop) {
                        return Ok(next);
                    }
                }
                Arrival::Nothing => {}
                Arrival::Gone => {
                    return Err(Error::ours("wait for the victim", "its thread is gone"));
                }
                Arrival::Silence if self.crew.is_waited_for() => {
                    if let Some(ending) = self.crew.look_again(self.silence) {
                        return Ok(Next::Ended(ending));
                    }
                }
                Arrival::Silence if self.is_stuck(&mut looks) => return Ok(Next::Ended(Ending::Hung)),
                Arrival::Silence => {}
            }
        }
    }

    fn begin_second(&mut self) -> Result<(), Error> {
        Err(Error::unsupported("start a second copy", super::ONE_PROCESS))
    }

    fn turn(&mut self) {}

    fn act(&mut self, act: &Move, path: &[u8]) -> rustix::io::Result<()> {
        self.hands.act(self.arena.root(), act, path)
    }

    fn release(&mut self, stop: &Stop) -> Outcome {
        if self.killed {
            return self.refuse(stop);
        }
        self.held = None;
        if self.ours_to_make(stop) {
            return self.make(stop);
        }
        self.victim.listener.let_run(stop.id);
        Outcome::Unknown
    }

    fn release_with(&mut self, stop: &Stop, fault: Fault) -> Option<Outcome> {
        if let Fault::Signal(libc::SIGKILL, _) = fault {
            self.killed = true;
            return Some(self.refuse(stop));
        }
        if stop.sys.op == Op::Close && fault.errno().is_some() && self.is_ours(stop.tid) {
            // Linux closes it whatever close(2) returns, and this process would run out of descriptors.
            perform(&stop.raw);
        }
        let value = match fault {
            Fault::Short if self.ours_to_make(stop) => perform(&stop.cut()?),
            // There is none for another signal: its handler would be ours.
            _ => -i64::from(fault.errno()?),
        };
        self.held = None;
        self.victim.listener.answer(stop.id, value);
        Some(Outcome::of(value))
    }

    fn unwinds(&self) -> bool {
        self.killed
    }

    fn look(&mut self, tree: &mut Tree) {
        self.arena.look(tree);
    }

    fn sees_all(&self) -> bool {
        self.alone
    }

    fn look_at(&mut self, path: &[u8], tree: &mut Tree) {
        match self.told.take() {
            Some(there) => tree.set(path, there),
            None => tree.refresh(self.arena.root(), path),
        }
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

    fn still_open(&mut self, each: &mut dyn FnMut(u32)) -> bool {
        self.opened.still(each)
    }

    fn give_up(&mut self) -> Result<(), Error> {
        let held = self.held.take();
        // A thread that runs may be inside malloc, and ending it there would leave malloc locked for us all.
        let can_end = held.is_some() || pulse(self.decoder.proc(), self.victim.tid).doing == Doing::Waits;
        if !can_end {
            self.abandon();
        }
        let core = rustix::thread::sched_getcpu();
        self.crew.forget();
        let next = start_victim(&self.body, self.arena.dirs(), core, self.watch)?;
        let last = mem::replace(&mut self.victim, next);
        self.decoder.learn_stack(self.victim.tid, self.victim.stack.clone());
        if can_end {
            last.end(|listener| {
                held.into_iter().for_each(|id| listener.answer(id, -i64::from(libc::EINTR)));
            });
        }
        Ok(())
    }

    fn reset(&mut self, seen: &Tree) -> Result<Reset, Error> {
        self.arena.reset(seen)
    }

    fn spoiled(&self) -> Option<&'static str> {
        const MOST_ABANDONED: u32 = 4;
        match () {
            () if self.crew.is_loose() => Some(LOOSE),
            () if self.opened.hoards() => Some(HOARDS),
            () if self.abandoned >= MOST_ABANDONED => Some(ABANDONED),
            () => None,
        }
    }

    fn not_examined(&self) -> Vec<String> {
        let Refused { count, first } = &self.refused;
        let refused = format!(
            "changes outside of the arena were refused with EROFS, {count} times, first {}",
            first.escape_ascii()
        );
        let abandoned = format!("{} threads of the victim could not be ended and still run", self.abandoned);
        let told = [(*count, refused), (self.abandoned, abandoned)];
        let told = told.into_iter().filter(|(times, _)| *times > 0).map(|(_, what)| what);
        told.chain(self.no_excl.not_examined()).collect()
    }
}

impl Drop for ThreadWorld {
    fn drop(&mut self) {
        if let Some(idle) = self.victim.idle.take() {
            // Any other number than 0 tells the thread to end.
            self.victim.listener.answer(idle, 1);
            let _ = self.victim.listener.wait(Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
        }
    }
}

/// What a victim of this process may change outside of the arena.
fn is_spared(place: &Place) -> bool {
    // A directory of /proc can be a way to anywhere.
    let leads_on = |name: &[u8]| matches!(name, b"cwd" | b"root" | b"fd");
    let in_proc = place.path.starts_with(b"/proc/") && !place.path.split(|&b| b == b'/').any(leads_on);
    in_proc || place.path.starts_with(b"/dev/")
}
