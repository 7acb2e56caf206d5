//! Waiting for a victim's next call. Owns how it is waited for, not what is done about it.

use crate::error::Error;
use crate::sys::alarm::Alarm;
use crate::sys::notify::{Listener, Notification, Ready};
use rustix::event::Timespec;
use std::io;
use std::time::Duration;

/// What waiting brought.
pub(super) enum Arrival {
    Stop(Notification),
    /// A task that was ended, or a signal of somebody else's.
    Nothing,
    /// No task under the filter is left.
    Gone,
    /// No call for as long as one waits.
    Silence,
}

/// Belongs to the thread that made it.
pub(super) struct Arrivals {
    alarm: Alarm,
}

impl Arrivals {
    /// With so much time for a call to come.
    pub(super) fn within(patience: Duration) -> Result<Arrivals, Error> {
        let alarm = Alarm::new(patience).map_err(|e| Error::ours("start a thread", e))?;
        Ok(Arrivals { alarm })
    }

    /// Waits for the next call. poll(2) first would make a stop cost a fifth more, so it is asked only where waiting
    /// brought nothing.
    pub(super) fn next(&mut self, listener: &Listener) -> io::Result<Arrival> {
        match self.alarm.limit(|| listener.receive_or_be_interrupted()) {
            (Ok(Some(seen)), _) => Ok(Arrival::Stop(seen)),
            (Err(e), _) if e.kind() != io::ErrorKind::Interrupted => Err(e),
            (_, true) => asked(listener, &Timespec::default(), Arrival::Silence),
            (_, false) => asked(listener, &Timespec::default(), Arrival::Nothing),
        }
    }

    /// The same where there is a pause only.
    pub(super) fn next_within(listener: &Listener, pause: &Timespec) -> io::Result<Arrival> {
        asked(listener, pause, Arrival::Silence)
    }
}

/// What poll(2) tells; `nothing` when the time is over.
fn asked(listener: &Listener, within: &Timespec, nothing: Arrival) -> io::Result<Arrival> {
    Ok(match listener.wait(Some(within))? {
        Ready::Stopped => listener.receive()?.map_or(Arrival::Nothing, Arrival::Stop),
        Ready::TimedOut => nothing,
        Ready::Gone => Arrival::Gone,
    })
}
