//! Waiting for a program's next call by one call of ours, with no poll(2) before it, where nothing else can come.
//!
//! A program that has one task, which has just been started, or let go on with a call that neither prints nor ends anything,
//! makes another call, or ends, or is silent. An end is no notification, but ends the wait where no other process is under the
//! filter (Linux 6.11); an alarm ends it in any case. Nothing is lost by that: all else stays where poll(2) finds it, which has
//! its turn after each wait that brought nothing, and after some calls in a row, so that time passes for a program that never
//! rests.

use crate::error::Error;
use crate::sys::alarm::Alarm;
use crate::sys::notify::{Listener, Notification};
use crate::world::calls::Op;
use crate::world::stop::Stop;
use std::io;
use std::time::Duration;

/// Calls in a row for which nothing else is looked at.
const MOST_IN_A_ROW: u32 = 128;

/// Waits for which all else is looked at once one was in vain. A program that rests does so again, and the end by a signal of
/// a copy of a template ends no wait, as the template has the same filter.
const MOST_WARY: u32 = 4096;

/// Belongs to the thread that made it.
pub(super) struct NextCall {
    alarm: Alarm,
    expected: bool,
    in_a_row: u32,
    /// Waits to come for which all else is looked at.
    wary: u32,
}

impl NextCall {
    /// With an alarm after a wait of about `longest`.
    pub(super) fn new(longest: Duration) -> Result<NextCall, Error> {
        let alarm = Alarm::new(longest).map_err(|e| Error::ours("sigaction", e))?;
        Ok(NextCall { alarm, expected: false, in_a_row: 0, wary: 0 })
    }

    /// The program was started, or has its answer and goes on.
    pub(super) fn is_expected(&mut self) {
        self.expected = true;
    }

    /// The call has been let go on.
    pub(super) fn follows(&mut self, stop: &Stop) {
        // What it prints has to be taken from it, or it waits.
        self.expected = stop.sys.op != Op::Write || stop.touches_arena();
    }

    /// Nothing has been let go on since.
    pub(super) fn forget(&mut self) {
        self.expected = false;
    }

    /// The next call, if `alone`: there is one task and nothing else to do. `None` when poll(2) is to tell what there is.
    pub(super) fn receive(&mut self, listener: &Listener, alone: bool) -> io::Result<Option<Notification>> {
        let expected = std::mem::take(&mut self.expected);
        let wary = self.wary > 0;
        self.wary = self.wary.saturating_sub(1);
        if !expected || !alone || wary || self.in_a_row >= MOST_IN_A_ROW {
            self.in_a_row = 0;
            return Ok(None);
        }
        self.in_a_row += 1;
        match self.alarm.limit(|| listener.receive_or_be_interrupted()) {
            (Err(e), rang) if e.kind() == io::ErrorKind::Interrupted => {
                self.wary = if rang { MOST_WARY } else { 0 };
                Ok(None)
            }
            (received, _) => received,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::notify;
    use crate::world::calls::Sys;
    use std::sync::mpsc;

    fn stop(name: &str) -> Stop {
        Stop::made_up(Sys::named(name).expect("a call of the table"), 0, &[])
    }

    /// A thread that asks for its parent so often, and the listener that it is held by.
    fn asks(times: u32) -> Listener {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            tell.send(notify::install(&[], &[libc::SYS_getppid as u32]).expect("a filter"))
                .expect("the test listens");
            (0..times).for_each(|_| _ = rustix::process::getppid());
        });
        told.recv().expect("a listener")
    }

    #[test]
    fn calls_come_one_after_the_other_and_poll_has_its_turn_after_some_of_them() {
        let listener = asks(MOST_IN_A_ROW + 1);
        let mut next = NextCall::new(Duration::from_millis(20)).expect("an alarm");
        for turn in 0..=MOST_IN_A_ROW + 1 {
            next.follows(&stop("newfstatat"));
            let seen = next.receive(&listener, true).expect("a listener that works");
            assert_eq!(seen.is_none(), turn == MOST_IN_A_ROW, "{turn}");
            seen.into_iter().for_each(|seen| listener.let_run(seen.id));
        }
        next.follows(&stop("newfstatat"));
        assert!(next.receive(&listener, true).expect("no error").is_none(), "nobody is left to make a call");
    }

    #[test]
    fn poll_is_to_tell_for_a_while_after_a_wait_in_vain() {
        let (tell, told) = mpsc::channel();
        let (wake, woken) = mpsc::channel();
        std::thread::spawn(move || {
            tell.send(notify::install(&[], &[libc::SYS_getppid as u32]).expect("a filter"))
                .expect("the test listens");
            woken.recv().expect("the test wakes it");
            let _ = rustix::process::getppid();
        });
        let listener = told.recv().expect("a listener");
        let mut next = NextCall::new(Duration::from_millis(200)).expect("an alarm");
        next.is_expected();
        assert!(next.receive(&listener, true).expect("no error").is_none(), "it rests");
        wake.send(()).expect("it waits");
        for wait in 0..=MOST_WARY {
            next.is_expected();
            let seen = next.receive(&listener, true).expect("a listener that works");
            assert_eq!(seen.is_some(), wait == MOST_WARY, "{wait}");
            seen.into_iter().for_each(|seen| listener.let_run(seen.id));
        }
    }

    #[test]
    fn poll_is_to_tell_after_a_write_beside_other_tasks_and_when_nothing_was_let_go() {
        let listener = asks(1);
        let mut next = NextCall::new(Duration::from_secs(60)).expect("an alarm");
        assert!(next.receive(&listener, true).expect("no error").is_none());
        next.follows(&stop("write"));
        assert!(next.receive(&listener, true).expect("no error").is_none());
        next.follows(&stop("newfstatat"));
        assert!(next.receive(&listener, false).expect("no error").is_none());
        assert!(next.receive(&listener, true).expect("no error").is_none(), "it was for the wait before");
        next.follows(&stop("newfstatat"));
        next.forget();
        assert!(next.receive(&listener, true).expect("no error").is_none());
    }
}
