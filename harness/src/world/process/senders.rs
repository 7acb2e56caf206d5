//! Calls by which one task sends a signal to another: kill(2) and the like, and exit_group(2), after which the parent gets
//! SIGCHLD. Owns when they go on.
//!
//! A task that waits for us to hear of its call can be interrupted by a signal, and then the call fails with EINTR where
//! without us it could not: half of the pipelines of a shell did on a busy machine. Once heard of, it cannot
//! (`WAIT_KILLABLE_RECV`). So a signal is sent only when no other task runs that could come to a call just then.

use super::ProcessWorld;
use crate::error::Error;
use crate::sys::bpf::Fate;
use crate::sys::notify::Notification;
use crate::world::calls::PIDS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;

/// The end of a process.
const EXIT: u32 = libc::SYS_exit_group as u32;

/// Longest wait for a process that has nothing more to do than to end.
const TO_END: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What is watched beside [`PIDS`], of which some send signals.
pub(super) fn watched() -> (Fate, Vec<u32>) {
    (Fate::Watched, vec![EXIT])
}

/// True for a call that may send a signal to another task.
pub(super) fn sends(nr: u32) -> bool {
    let asks = [libc::SYS_getpid, libc::SYS_gettid, libc::SYS_getppid];
    nr == EXIT || (PIDS.contains(&nr) && !asks.contains(&i64::from(nr)))
}

impl ProcessWorld {
    /// Lets the call go on when no task is at the entry of another; one that ends is waited for.
    pub(super) fn let_send(&mut self, seen: &Notification) -> Result<(), Error> {
        let several = self.bounds.has_several_tasks();
        if several {
            self.ordered(|order, scene, _| order.settle(scene, seen.tid))?;
        }
        let ending = if several && seen.nr == EXIT { process(seen.tid) } else { None };
        if let Some(listener) = &self.listener {
            listener.let_run(seen.id);
        }
        if let Some(process) = ending {
            // One that does not end in time goes on as it likes.
            let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&TO_END));
        }
        Ok(())
    }
}

/// A handle of the process whose first task this is; of another task there is none before Linux 6.9.
fn process(tid: u32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(tid as i32)?, PidfdFlags::empty()).ok()
}
