//! A clock that ticks in a descriptor, so that time passes also for a supervisor that never gets to wait.

use crate::error::Error;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Between two ticks, at most: a program that takes all it can get must be caught before it has it.
const LONGEST: Duration = Duration::from_millis(100);

/// Ticks as long as it exists.
pub(super) struct Ticks {
    timer: OwnedFd,
    /// Ticks in half of the time after which a silent program counts as hung.
    pub(super) per_look: u32,
    /// Between two ticks.
    pub(super) every: Duration,
    quiet: u32,
    heard: bool,
}

impl Ticks {
    pub(super) fn new(silence: Duration) -> Result<Ticks, Error> {
        let half = (silence / 2).max(Duration::from_millis(1));
        let every = half.min(LONGEST);
        let per_look = half.as_nanos().div_ceil(every.as_nanos());
        let failed = |e: rustix::io::Errno| Error::ours("timerfd_create", e);
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(failed)?;
        let time = Timespec { tv_sec: 0, tv_nsec: every.subsec_nanos().into() };
        let spec = Itimerspec { it_interval: time, it_value: time };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &spec).map_err(failed)?;
        let per_look = u32::try_from(per_look).unwrap_or(u32::MAX);
        Ok(Ticks { timer, per_look, every, quiet: 0, heard: true })
    }

    /// Something was heard of the program.
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    /// Takes the ticks that there are; true when the program has been silent for long enough to be looked at.
    pub(super) fn take(&mut self) -> bool {
        let mut count = [0u8; 8];
        // However many there were, a busy machine may have kept the program from running just as well: one counts.
        let _ = rustix::io::read(&self.timer, &mut count);
        self.quiet = if std::mem::take(&mut self.heard) { 0 } else { self.quiet + 1 };
        let due = self.quiet >= self.per_look;
        self.quiet = if due { 0 } else { self.quiet };
        due
    }
}

impl AsFd for Ticks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}
