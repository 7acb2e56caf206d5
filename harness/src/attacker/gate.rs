//! The gate between a free-running attacker's thread and the one that lets it loose: it acts only from [`Gate::rage`] until
//! [`Gate::calm`] has returned. Does not own what it does in between.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError, thread};

#[derive(Default)]
pub(crate) struct Gate {
    phase: Mutex<Phase>,
    changed: Condvar,
    /// Read in the loop without taking the lock.
    raging: AtomicBool,
    /// Moves tried, whether they worked or not.
    tries: AtomicU64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Calm,
    Raging,
    Over,
}

/// The side that opens and closes.
impl Gate {
    /// Lets the attacker loose; with `wait` returns only when it has tried something.
    pub(crate) fn rage(&self, wait: bool) {
        let before = self.tries.load(Ordering::Acquire);
        self.raging.store(true, Ordering::Release);
        self.enter(Phase::Raging);
        while wait && self.tries.load(Ordering::Acquire) == before {
            thread::yield_now();
        }
    }

    /// Returns when the attacker has stopped.
    pub(crate) fn calm(&self) {
        self.raging.store(false, Ordering::Release);
        drop(self.wait_while(Phase::Raging));
    }

    /// Ends the attacker's loop.
    pub(crate) fn end(&self) {
        self.calm();
        self.enter(Phase::Over);
    }
}

/// The attacker's side.
impl Gate {
    /// Runs a round each time the gate is opened, until it is over. A round ends soon after [`Gate::is_raging`] says no.
    pub(crate) fn serve(&self, mut round: impl FnMut()) {
        while *self.wait_while(Phase::Calm) == Phase::Raging {
            round();
            self.enter(Phase::Calm);
        }
    }

    pub(crate) fn is_raging(&self) -> bool {
        self.raging.load(Ordering::Acquire)
    }

    /// Notes that a move was tried.
    pub(crate) fn tried(&self) {
        self.tries.fetch_add(1, Ordering::Release);
    }
}

impl Gate {
    fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.changed.notify_all();
    }

    /// A loop of its own because loom's condition variable has no `wait_while`.
    fn wait_while(&self, phase: Phase) -> MutexGuard<'_, Phase> {
        let mut now = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        while *now == phase {
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        now
    }
}
