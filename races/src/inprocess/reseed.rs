//! A generator of names that notices a fork: otherwise the child repeats its parent's names, because it has a copy of the
//! generator's state.
//!
//! What is drawn here is what a name is made from, the process and a count. A real one puts it through a permutation with
//! a secret key, which keeps different ones different.
//!
//! A fork after the last check, in a handler that returns into both processes, gives both the same name. No generator
//! can help that; O_EXCL does, which lets one of them have it.

use super::System;
use linkbait::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The process that the state belongs to and its count, in one word: no one sees a new process with an old count.
pub struct Generator(AtomicU64);

fn seed(pid: u32) -> u64 {
    u64::from(pid) << 32
}

fn next(state: u64, pid: u32) -> u64 {
    if state >> 32 == u64::from(pid) { state + 1 } else { seed(pid) }
}

impl Generator {
    /// A generator of this process.
    pub fn new(system: &impl System) -> Generator {
        Generator(AtomicU64::new(seed(system.pid())))
    }

    /// Draws, and looks afterwards whether it is still the same process: a handler of this thread may have forked since
    /// the pid was asked for, and the child goes on from there.
    pub fn draw(&self, system: &impl System) -> u64 {
        loop {
            let pid = system.pid();
            let drawn = self.draw_for(pid);
            if system.pid() == pid {
                return drawn;
            }
        }
    }

    fn draw_for(&self, pid: u32) -> u64 {
        let advance = |state| Some(next(state, pid));
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, advance) {
            Ok(state) | Err(state) => next(state, pid),
        }
    }

    /// What a child finds after a fork.
    #[must_use]
    pub fn fork(&self) -> Generator {
        Generator(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }

    /// A broken twin: never asks which process this is.
    pub fn draw_unasked(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A broken twin: asks only before it draws.
    pub fn draw_asked_before(&self, system: &impl System) -> u64 {
        self.draw_for(system.pid())
    }
}

/// A broken twin with the process beside the state.
pub struct TwoWords {
    owner: AtomicU32,
    state: AtomicU64,
}

impl TwoWords {
    /// A generator of this process.
    pub fn new(system: &impl System) -> TwoWords {
        TwoWords { owner: AtomicU32::new(system.pid()), state: AtomicU64::new(seed(system.pid())) }
    }

    /// Says that the state is the child's before it is: another thread of the child then draws from the parent's.
    pub fn draw(&self, system: &impl System) -> u64 {
        let pid = system.pid();
        if self.owner.swap(pid, Ordering::AcqRel) != pid {
            self.state.store(seed(pid), Ordering::Release);
        }
        self.state.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// What a child finds after a fork.
    #[must_use]
    pub fn fork(&self) -> TwoWords {
        let owner = AtomicU32::new(self.owner.load(Ordering::Relaxed));
        TwoWords { owner, state: AtomicU64::new(self.state.load(Ordering::Relaxed)) }
    }
}
