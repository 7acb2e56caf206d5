//! Waiting for a program's next call by one call of ours, with no poll(2) before it, where nothing else can come.
//!
//! A program that has one task, which has just been let go on with a call that prints nothing, makes another call, or ends,
//! or is silent. An end is no notification, but ends the wait (Linux 6.11), and so does an alarm. Nothing is lost by that:
//! all else stays where poll(2) finds it, which has its turn after each wait that brought nothing, and after some calls in
//! a row, so that time passes for a program that never rests.

use crate::error::Error;
use crate::sys::alarm::Alarm;
use crate::sys::notify::{Listener, Notification};
use crate::world::calls::Op;
use crate::world::stop::Stop;
use std::io;
use std::time::Duration;

/// Calls in a row for which nothing else is looked at.
const MOST_IN_A_ROW: u32 = 32;

/// Belongs to the thread that made it.
pub(super) struct NextCall {
    alarm: Alarm,
    expected: bool,
    in_a_row: u32,
}

impl NextCall {
    /// With an alarm after a wait of about `longest`.
    pub(super) fn new(longest: Duration) -> Result<NextCall, Error> {
        let alarm = Alarm::new(longest).map_err(|e| Error::ours("sigaction", e))?;
        Ok(NextCall { alarm, expected: false, in_a_row: 0 })
    }

    /// The call has been let go on.
    pub(super) fn follows(&mut self, stop: &Stop) {
        // What it prints has to be taken from it, or it waits.
        self.expected = stop.sys.op != Op::Write;
    }

    /// Nothing has been let go on since.
    pub(super) fn forget(&mut self) {
        self.expected = false;
    }

    /// The next call, if `alone`: there is one task and nothing else to do. `None` when poll(2) is to tell what there is.
    pub(super) fn receive(&mut self, listener: &Listener, alone: bool) -> io::Result<Option<Notification>> {
        let expected = std::mem::take(&mut self.expected);
        if !expected || !alone || self.in_a_row >= MOST_IN_A_ROW {
            self.in_a_row = 0;
            return Ok(None);
        }
        self.in_a_row += 1;
        match self.alarm.limit(|| listener.receive_or_be_interrupted()) {
            (Err(e), _) if e.kind() == io::ErrorKind::Interrupted => Ok(None),
            (received, _) => received,
        }
    }
}
