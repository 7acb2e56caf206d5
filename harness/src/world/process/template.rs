//! A program that stands right before the first call of it that an attacker could matter to, and never makes it. Trials
//! are copies of it, so that what comes before that call is done once.
//!
//! Owns when a copy shows the same as a start anew, and what it needs for that: the stops before, its place in files that
//! it shares with the other copies, the original's pid, what its chance had come to.

use super::chance::Chance;
use super::output::{Output, Printed};
use crate::sys::ptrace::{self, Original};
use crate::world::Outcome;
use crate::world::calls::Op;
use crate::world::proc::Proc;
use crate::world::stop::{Place, Space, Stop};
use crate::world::tasks::Tasks;
use rustix::fs::{FileType, OFlags, SeekFrom, fcntl_getfl, fcntl_setfl, fstat, seek, tell};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::os::fd::OwnedFd;

/// The stops before the template, which every copy is taken to have made.
#[derive(Default)]
pub(super) struct Prologue {
    steps: Vec<(Stop, Outcome)>,
    /// How many of them the trial at hand has come by.
    past: usize,
}

impl Prologue {
    pub(super) fn clear(&mut self) {
        (self.steps, self.past) = (Vec::new(), 0);
    }

    pub(super) fn add(&mut self, stop: &Stop, outcome: Outcome) {
        self.steps.push((stop.clone(), outcome));
        self.past += 1;
    }

    pub(super) fn again(&mut self) {
        self.past = 0;
    }

    /// The next stop that the trial at hand is to come by.
    pub(super) fn stop(&self) -> Option<&Stop> {
        self.steps.get(self.past).map(|(stop, _)| stop)
    }

    /// Comes by that stop; returns what its call came to.
    pub(super) fn pass(&mut self) -> Option<Outcome> {
        let (_, outcome) = self.steps.get(self.past)?;
        self.past += 1;
        Some(*outcome)
    }

    /// True when the program may hold something of the arena, which a stage that is built anew does not have.
    pub(super) fn holds_entries(&self) -> bool {
        self.steps
            .iter()
            .any(|(stop, outcome)| outcome.succeeded() && matches!(stop.sys.op, Op::Open | Op::Enter))
    }

    /// True for a call whose effect no move can change, and that changes nothing itself: moves are made below
    /// `shared/`, and there nothing is looked at.
    pub(super) fn admits(stop: &Stop) -> bool {
        let asks = match stop.sys.op {
            Op::Look | Op::Enter | Op::List => true,
            Op::Open => !stop.mutates() && !stop.writes(),
            _ => false,
        };
        let apart = |place: &Place| !place.path.starts_with(b"shared") && !place.climbs;
        asks && stop.places().iter().all(|p| p.space == Space::Elsewhere || apart(p))
    }
}

/// The program, and what its copies share.
pub(super) struct Template {
    original: Original,
    tid: u32,
    /// Its pid in its own namespace, which its copies go by.
    pid: u32,
    shared: Vec<Shared>,
    printed: Printed,
    tasks: Tasks,
    descriptors: u32,
    chance: Chance,
    copy: u32,
}

/// A program that is held, and is such that its copies are as good as it.
pub(super) struct Candidate {
    original: Original,
    tid: u32,
    pid: u32,
    shared: Vec<Shared>,
}

/// An open file that all copies share, as it was when the first was made: where one is in it, and its mode.
struct Shared {
    file: OwnedFd,
    place: Option<u64>,
    flags: OFlags,
}

impl Shared {
    fn restore(&self) -> rustix::io::Result<()> {
        self.place.map_or(Ok(0), |place| seek(&self.file, SeekFrom::Start(place)))?;
        fcntl_setfl(&self.file, self.flags)
    }
}

impl Candidate {
    /// A task that is held, if it can be copied. `proc` is the machine's, `inside` its namespace's.
    pub(super) fn find(tid: u32, proc: &Proc, inside: &Proc, output: &Output) -> Option<Candidate> {
        // A copy has the one thread that forks, and no children.
        let alone = inside.tasks(None).len() == 1;
        let pid = proc.own_tid(tid)?;
        if !alone || shares_memory(&proc.whole(format_args!("{tid}/maps"))) {
            return None;
        }
        let shared = shared(tid, proc, output)?;
        // Who is traced by another cannot be traced by us.
        let original = Original::seize(tid).ok()?;
        Some(Candidate { original, tid, pid, shared })
    }

    /// Makes it the template. `answer` ends its call with a value.
    pub(super) fn settle(
        self,
        tasks: &Tasks,
        descriptors: u32,
        chance: &Chance,
        printed: Printed,
        answer: impl FnOnce(i64),
    ) -> std::io::Result<Template> {
        let Candidate { original, tid, pid, shared } = self;
        answer(ptrace::AGAIN);
        let original = original.arrive()?;
        let (tasks, chance) = (tasks.clone(), chance.clone());
        Ok(Template { original, tid, pid, shared, printed, tasks, descriptors, chance, copy: 0 })
    }
}

impl Template {
    /// Its pid in its own namespace.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has printed.
    pub(super) fn printed(&self) -> &Printed {
        &self.printed
    }

    /// The chance that every copy has from where the template stands.
    pub(super) fn chance(&self) -> &Chance {
        &self.chance
    }

    /// The number that a task has in its own namespace, as the program knows it.
    pub(super) fn own_number(&self, tid: u32) -> Option<u32> {
        (tid == self.copy).then_some(self.pid)
    }

    /// Numbers the tasks and descriptors of a trial from where the template stands.
    pub(super) fn count_on(&self, tasks: &mut Tasks, descriptors: &mut u32) {
        tasks.continue_from(&self.tasks, self.tid, self.copy);
        *descriptors = self.descriptors;
    }

    /// Makes a copy and lets it go once `announce` was told its pid.
    pub(super) fn copy(&mut self, announce: impl FnOnce(u32) -> std::io::Result<()>) -> std::io::Result<()> {
        let copy = self.original.fork()?;
        self.shared.iter().try_for_each(Shared::restore)?;
        announce(copy.own_pid)?;
        self.copy = copy.let_go()?;
        Ok(())
    }

    /// The answer to a call of the task `tid` that asks for pids or names one, if it must not be the kernel's: a copy
    /// goes by the pid that its original had from the start, and may have kept.
    pub(super) fn answer(&self, nr: u32, tid: u32, args: [u64; 6], proc: &Proc) -> Option<i64> {
        let is_copy = |field| proc.field(tid, field).is_some_and(|pid| pid.parse() == Ok(self.copy));
        let names_copy = |pid: u64| pid as u32 == self.pid;
        match libc::c_long::from(nr) {
            libc::SYS_gettid => (tid == self.copy).then_some(self.pid.into()),
            libc::SYS_getpid => (tid == self.copy || is_copy("Tgid:")).then_some(self.pid.into()),
            libc::SYS_getppid => is_copy("PPid:").then_some(self.pid.into()),
            libc::SYS_kill | libc::SYS_tkill if names_copy(args[0]) => Some(self.signal(args[1])),
            libc::SYS_tgkill if names_copy(args[0]) && names_copy(args[1]) => Some(self.signal(args[2])),
            _ => None,
        }
    }

    fn signal(&self, number: u64) -> i64 {
        ptrace::signal(self.copy as i32, number as i32)
    }
}

/// True when memory is shared, so that what one copy writes is there for the next.
fn shares_memory(maps: &[u8]) -> bool {
    // proc_pid_maps(5): the range, then permissions such as `rw-s`.
    let permissions = |line: &[u8]| line.split(|&b| b == b' ').nth(1).map(<[u8]>::to_vec);
    maps.split(|&b| b == b'\n')
        .filter_map(permissions)
        .any(|p| p.get(1) == Some(&b'w') && p.get(3) == Some(&b's'))
}

/// All open files that have a state; `None` when one has a state of a kind that cannot be restored.
fn shared(tid: u32, proc: &Proc, output: &Output) -> Option<Vec<Shared>> {
    let pidfd = pidfd_open(Pid::from_raw(tid as i32)?, PidfdFlags::empty()).ok()?;
    let mut all = Vec::new();
    for number in proc.numbers(format_args!("{tid}/fd")) {
        let file = pidfd_getfd(&pidfd, number as i32, PidfdGetfdFlags::empty()).ok()?;
        let found = fstat(&file).ok()?;
        let flags = fcntl_getfl(&file).ok()?;
        match FileType::from_raw_mode(found.st_mode) {
            _ if flags.contains(OFlags::PATH) => {}
            FileType::RegularFile if flags & OFlags::RWMODE != OFlags::RDONLY => return None,
            FileType::RegularFile | FileType::Directory => {
                let place = Some(tell(&file).ok()?);
                all.push(Shared { file, place, flags });
            }
            // What was printed into it is read before the next copy is made.
            FileType::Fifo if output.leads_here(&found) && flags & OFlags::RWMODE == OFlags::WRONLY => {
                all.push(Shared { file, place: None, flags });
            }
            FileType::CharacterDevice if is_stateless(found.st_rdev) => {}
            _ => return None,
        }
    }
    Some(all)
}

/// null, zero, full, random and urandom (`Documentation/admin-guide/devices.txt`).
fn is_stateless(device: u64) -> bool {
    rustix::fs::major(device) == 1 && matches!(rustix::fs::minor(device), 3 | 5 | 7 | 8 | 9)
}
