//! What a program can take of the machine: processes, memory, disk, calls. All of it is counted by the supervisor, so
//! that it holds for root too and needs no preparation.
//!
//! A trial that goes over a bound is ended, and nothing more is tried: what it would show is not the program's doing.

use crate::arena::disk::ROOM_BYTES;
use crate::sys::bpf::Fate;
use crate::sys::ptrace;
use crate::world::calls::{CLONE, MAKE_TASKS};
use crate::world::proc::Proc;
use rustix::fs::{StatVfs, fstatvfs, statvfs};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Processes and threads at once. A Java or Node.js program has some dozens.
const MOST_TASKS: usize = 512;

/// Calls between two that touch the arena, and after the first process has ended.
const MOST_CALLS: u32 = 200_000;
const MOST_CALLS_OF_DAEMONS: u32 = 50_000;

/// The calls that make tasks, with what becomes of them: all are stops, but a clone that makes a copy for us. Whoever else makes that one
/// is found by its number of tasks.
pub(super) fn watched() -> Vec<(Fate, Vec<u32>)> {
    let fate = |nr| if nr == CLONE { Fate::WatchedUnless(0, ptrace::FORK) } else { Fate::Watched };
    MAKE_TASKS.iter().map(|&nr| (fate(nr), vec![nr])).collect()
}

/// For so many trials in a row, all of them over before memory was looked at, there is taken to be as much as at the start of
/// the first: the kernel takes longer to tell than many a trial.
const SHORT_TRIALS: u32 = 64;

const TOO_MANY_TASKS: &str = "it was ended for having more than 512 processes and threads at once";
const TOO_MUCH_MEMORY: &str = "it was ended because less than an eighth of the machine's memory was left, or half of what there was at the start";
const TOO_MUCH_DISK: &str =
    "it was ended for filling more than 256 MiB of the file system that the arena is on";
const TOO_MANY_CALLS: &str = "it was ended after 200000 calls of which none touched the arena";
const DISK_FULL: &str = "the disk for what it writes, of some 256 MiB and 65536 entries, was full";

/// The bounds of one world, and how near the trial is to them.
#[derive(Default)]
pub(super) struct Bounds {
    /// There cannot be more tasks than this: as many as were counted, and all made since.
    tasks: usize,
    /// Calls since the last that touched the arena.
    calls: u32,
    /// Bytes that must stay available, and for how many trials to come.
    memory: u64,
    holds_for: u32,
    /// Bytes that must stay free on a disk that is larger than a program may fill.
    disk: u64,
    /// The bound that was passed.
    passed: Option<&'static str>,
    /// The disk was full at some time.
    full: bool,
}

impl Bounds {
    /// A trial begins.
    pub(super) fn restart(&mut self, proc: &Proc, arena: BorrowedFd<'_>) {
        (self.tasks, self.calls) = (1, 0);
        if self.holds_for == 0 {
            let (total, available) = memory(proc);
            self.memory = (total / 8).min(available / 2);
            self.holds_for = SHORT_TRIALS;
        }
        self.holds_for -= 1;
        self.disk = disk(arena).map_or(0, |disk| disk.free.saturating_sub(ROOM_BYTES));
    }

    /// The bound that was passed, for good.
    pub(super) fn passed(&self) -> Option<&'static str> {
        self.passed
    }

    /// What is to be said although the trial went on.
    pub(super) fn touched(&self) -> Option<&'static str> {
        self.full.then_some(DISK_FULL)
    }

    /// A task is about to be made; false when there are too many.
    pub(super) fn may_make_task(&mut self, proc: &Proc, spared: Option<u32>) -> bool {
        if self.tasks >= MOST_TASKS {
            self.tasks = proc.tasks(spared).len();
        }
        self.tasks += 1;
        self.hold(self.tasks <= MOST_TASKS, TOO_MANY_TASKS)
    }

    /// False when the program never started a second task.
    pub(super) fn has_several_tasks(&self) -> bool {
        self.tasks > 1
    }

    /// One more call that is none of our business; false when there were too many. Once the first process has ended,
    /// too many are no fault: what still runs is ended anyway.
    pub(super) fn may_call(&mut self, ended: bool) -> bool {
        self.calls += 1;
        match ended {
            true => self.calls <= MOST_CALLS_OF_DAEMONS,
            false => self.hold(self.calls <= MOST_CALLS, TOO_MANY_CALLS),
        }
    }

    /// The count of calls begins anew.
    pub(super) fn rest(&mut self) {
        self.calls = 0;
    }

    /// Looks at memory, for whom time has passed.
    pub(super) fn has_memory(&mut self, proc: &Proc) -> bool {
        self.holds_for = 0;
        let (_, available) = memory(proc);
        self.hold(available >= self.memory, TOO_MUCH_MEMORY)
    }

    /// Looks at the processes, which can be made unseen.
    pub(super) fn has_few_tasks(&mut self, proc: &Proc, spared: Option<u32>) -> bool {
        self.hold(proc.tasks(spared).len() <= MOST_TASKS, TOO_MANY_TASKS)
    }

    /// Looks at the disk.
    pub(super) fn has_disk(&mut self, arena: BorrowedFd<'_>) -> bool {
        let Some(disk) = disk(arena) else { return true };
        self.full |= disk.is_full();
        let small = disk.size <= ROOM_BYTES;
        self.hold(small || disk.free >= self.disk, TOO_MUCH_DISK)
    }

    /// Takes it down when a disk beside the arena's is full.
    pub(super) fn note_disk(&mut self, full: bool) {
        self.full |= full;
    }

    fn hold(&mut self, kept: bool, bound: &'static str) -> bool {
        if !kept {
            self.passed.get_or_insert(bound);
        }
        kept
    }
}

struct Disk {
    size: u64,
    free: u64,
    entries: u64,
}

impl Disk {
    fn is_full(&self) -> bool {
        self.free == 0 || self.entries == 0
    }
}

/// True when nothing more can be written to the disk that a directory is on.
pub(super) fn is_full(dir: &Path) -> bool {
    statvfs(dir).is_ok_and(|found| measure(&found).is_full())
}

fn disk(arena: BorrowedFd<'_>) -> Option<Disk> {
    fstatvfs(arena).ok().map(|found| measure(&found))
}

fn measure(found: &StatVfs) -> Disk {
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    // Some file systems do not count entries.
    let entries = if found.f_files == 0 { 1 } else { found.f_ffree };
    Disk { size: bytes(found.f_blocks), free: bytes(found.f_bfree), entries }
}

/// Bytes of memory, and how many of them could be had now; nothing where the kernel does not tell.
fn memory(proc: &Proc) -> (u64, u64) {
    let mut buffer = [0; 2048];
    let text = proc.text(format_args!("meminfo"), &mut buffer);
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    };
    match (bytes("MemTotal:"), bytes("MemAvailable:")) {
        (Some(total), Some(available)) => (total, available),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_on_memory_is_between_nothing_and_what_there_is_and_once_passed_it_stays_so() {
        let (proc, root) = (Proc::open().expect("procfs"), std::fs::File::open("/").expect("a directory"));
        let mut bounds = Bounds::default();
        bounds.restart(&proc, std::os::fd::AsFd::as_fd(&root));
        let (total, available) = memory(&proc);
        assert!(0 < bounds.memory && bounds.memory < available && available <= total);
        bounds.memory = total + 1;
        assert!(!bounds.has_memory(&proc));
        bounds.memory = 0;
        assert!(bounds.has_memory(&proc));
        assert_eq!(bounds.passed(), Some(TOO_MUCH_MEMORY));
    }
}
