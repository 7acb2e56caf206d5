//! Faults of a program's calls: errors, short writes, signals.

use super::ProcessWorld;
use crate::fault::{Fault, Whom};
use crate::sys::memory;
use crate::sys::perform::{RawCall, perform};
use crate::sys::ptrace::{AGAIN, signal};
use crate::world::Outcome;
use crate::world::stop::Stop;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::os::fd::AsRawFd;

impl ProcessWorld {
    /// Lets the held call happen with a fault; `None` when that cannot be made here.
    pub(super) fn suffer(&mut self, stop: &Stop, fault: Fault) -> Option<Outcome> {
        let value = match fault {
            Fault::Short => write_half(stop, self.process_of(stop)?)?,
            Fault::Signal(number, whom) => return self.send(stop, number, whom),
            _ => -i64::from(fault.errno()?),
        };
        self.held = None;
        self.answer(stop, value);
        Some(Outcome::of(value))
    }

    /// The call is made before a handler runs, as if the signal had come in its midst; one that dies of the signal does
    /// not make it any more.
    fn send(&mut self, stop: &Stop, number: i32, whom: Whom) -> Option<Outcome> {
        let process = self.process_of(stop)?;
        let dies = self.dies_of(process, number);
        let sent = match whom {
            Whom::Process => signal(process as i32, number),
            Whom::Group => {
                let group = rustix::process::getpgid(Pid::from_raw(process as i32)).ok()?;
                signal(-group.as_raw_nonzero().get(), number)
            }
        };
        if sent != 0 {
            return None;
        }
        self.held = None;
        if !dies {
            return Some(self.perform(stop));
        }
        // A signal that dumps core does not wake a held task. It dies before it could make the call again.
        self.answer(stop, AGAIN);
        Some(Outcome::Unknown)
    }

    /// True when the process neither catches, ignores nor blocks the signal.
    fn dies_of(&self, process: u32, number: i32) -> bool {
        let has = |field| {
            let mask = self.decoder.proc().field(process, field);
            let mask = mask.and_then(|mask| u64::from_str_radix(&mask, 16).ok()).unwrap_or(0);
            mask >> (number - 1) & 1 == 1
        };
        number == libc::SIGKILL || !["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().any(has)
    }

    fn process_of(&self, stop: &Stop) -> Option<u32> {
        self.decoder.proc().field(stop.tid, "Tgid:")?.parse().ok()
    }
}

/// Writes the first half of what the task would, through its own open file.
fn write_half(stop: &Stop, process: u32) -> Option<i64> {
    let RawCall { nr, mut args } = stop.cut()?;
    let pidfd = pidfd_open(Pid::from_raw(process as i32)?, PidfdFlags::empty()).ok()?;
    let file = pidfd_getfd(&pidfd, stop.raw.args[0] as i32, PidfdGetfdFlags::empty()).ok()?;
    let mut bytes = vec![0; usize::try_from(args[2]).ok()?];
    memory::read(stop.tid, args[1], &mut bytes).ok().filter(|count| *count == bytes.len())?;
    (args[0], args[1]) = (file.as_raw_fd() as u64, bytes.as_ptr() as u64);
    Some(perform(&RawCall { nr, args }))
}
