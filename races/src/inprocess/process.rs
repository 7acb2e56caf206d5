//! A directory and its processes, small enough for loom, that note when a file is removed twice, left behind, or
//! another's.
//!
//! Each call is one relaxed read-modify-write of one word: at once, as in the kernel, but without the ordering that its
//! locks would give to the caller's memory, so no protocol passes by leaning on them.

use super::{Name, System};
use linkbait::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What went wrong, each once.
pub type Wrongs = BTreeSet<&'static str>;

#[derive(Default)]
struct Directory {
    /// Which process made which file, a byte for each name, and a bit in the top byte for each process that has ended.
    files: AtomicU64,
    /// Of the standard library: noting is no step of the model.
    wrongs: Mutex<Wrongs>,
}

const NAMES: u32 = 7;

/// The maker of a name, 0 when it is free.
fn maker(files: u64, name: Name) -> u32 {
    (files >> (8 * name)) as u32 & 0xff
}

fn with_maker(files: u64, name: Name, pid: u32) -> u64 {
    assert!(name < NAMES && pid < 8, "no room for name {name} of process {pid}");
    files & !(0xff << (8 * name)) | u64::from(pid) << (8 * name)
}

fn end_bit(pid: u32) -> u64 {
    1 << (56 + pid)
}

/// A process as its threads see it. What it calls after its end has no effect.
#[derive(Clone)]
pub struct Process {
    directory: Arc<Directory>,
    pid: u32,
}

impl Process {
    /// The first process, 1, beside an empty directory.
    #[must_use]
    pub fn first() -> Process {
        Process { directory: Arc::default(), pid: 1 }
    }

    /// Another process, 2 to 7, with the same directory.
    #[must_use]
    pub fn other(&self, pid: u32) -> Process {
        Process { directory: Arc::clone(&self.directory), pid }
    }

    /// Ends this process, as a handler does when it has cleaned up.
    pub fn end(&self) {
        let files = self.directory.files.fetch_or(end_bit(self.pid), Ordering::Relaxed);
        if (0..NAMES).any(|name| maker(files, name) == self.pid) {
            self.note("left behind");
        }
    }

    /// What has gone wrong so far with files of the directory, whoever did it.
    #[must_use]
    pub fn wrongs(&self) -> Wrongs {
        self.directory.wrongs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, wrong: &'static str) {
        self.directory.wrongs.lock().unwrap_or_else(PoisonError::into_inner).insert(wrong);
    }

    /// Changes the directory unless this process has ended; returns what was there before.
    fn call(&self, change: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        let alive = |files: &u64| files & end_bit(self.pid) == 0;
        let change = |files| Some(files).filter(alive).and_then(&change);
        self.directory.files.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
    }
}

impl System for Process {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn create(&self, name: Name) -> bool {
        self.call(|files| (maker(files, name) == 0).then(|| with_maker(files, name, self.pid))).is_ok()
    }

    fn remove(&self, name: Name) {
        let Ok(before) = self.call(|files| Some(with_maker(files, name, 0))) else { return };
        match maker(before, name) {
            0 => self.note("removed twice"),
            maker if maker != self.pid => self.note("removed another's"),
            _ => {}
        }
    }

    fn masked<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// A thread of a process that a signal interrupts: once it is sent, the handler runs after the next call to the system
/// for which it is not masked, on this thread, to its end.
pub struct Interrupted<'a> {
    /// The thread's process.
    pub process: &'a Process,
    /// Set when the signal is sent.
    pub sent: &'a AtomicBool,
    /// What runs then.
    pub handler: &'a dyn Fn(),
    /// Whether signals wait.
    pub masked: Cell<bool>,
}

impl Interrupted<'_> {
    fn deliver<T>(&self, result: T) -> T {
        if !self.masked.get() && self.sent.swap(false, Ordering::Relaxed) {
            (self.handler)();
        }
        result
    }
}

impl System for Interrupted<'_> {
    fn pid(&self) -> u32 {
        self.deliver(self.process.pid())
    }

    fn create(&self, name: Name) -> bool {
        self.deliver(self.process.create(name))
    }

    fn remove(&self, name: Name) {
        self.process.remove(name);
        self.deliver(());
    }

    fn masked<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.masked.replace(true);
        let result = work();
        self.masked.set(before);
        self.deliver(result)
    }
}
