//! What the environment can do to a call, and how it is written: errors, short writes, missing calls, signals. Owns no
//! opinion on which of them a call can meet.

use crate::errno::{errno_name, errno_named};
use std::fmt;

/// One act of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The call fails with this errno, once.
    Fails(i32),
    /// Only the first half of what was to be written is.
    Short,
    /// This and every later call of the same name fails with this errno, as on a kernel or file system without it.
    Missing(i32),
    /// A signal of this number reaches the task, or all processes of its group.
    Signal(i32, Whom),
}

/// Whom a signal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whom {
    /// The process that is held.
    Process,
    /// Its process group, as from a terminal.
    Group,
}

/// The signals that end programs from outside, see signal(7).
pub const SIGNALS: [(&str, i32); 5] = [
    ("SIGINT", libc::SIGINT),
    ("SIGTERM", libc::SIGTERM),
    ("SIGHUP", libc::SIGHUP),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGKILL", libc::SIGKILL),
];

impl Fault {
    /// The errno that the call fails with.
    #[must_use]
    pub fn errno(self) -> Option<i32> {
        match self {
            Fault::Fails(errno) | Fault::Missing(errno) => Some(errno),
            Fault::Short | Fault::Signal(..) => None,
        }
    }

    /// The name of the signal.
    #[must_use]
    pub fn signal(self) -> Option<&'static str> {
        let Fault::Signal(number, _) = self else { return None };
        SIGNALS.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
    }

    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Fault> {
        let mut words = text.splitn(2, ' ');
        let (what, rest) = (words.next()?, words.next().unwrap_or_default());
        match what {
            "fail" => errno_named(rest).map(Fault::Fails),
            "missing" => errno_named(rest).map(Fault::Missing),
            "short" => rest.is_empty().then_some(Fault::Short),
            "signal" => {
                let (name, whom) = match rest.strip_suffix(" to the group") {
                    Some(name) => (name, Whom::Group),
                    None => (rest, Whom::Process),
                };
                let (_, number) = SIGNALS.iter().find(|(known, _)| *known == name)?;
                Some(Fault::Signal(*number, whom))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Fails(errno) => write!(f, "fail {}", errno_name(*errno)),
            Fault::Missing(errno) => write!(f, "missing {}", errno_name(*errno)),
            Fault::Short => f.write_str("short"),
            Fault::Signal(_, whom) => {
                let group = if *whom == Whom::Group { " to the group" } else { "" };
                write!(f, "signal {}{group}", self.signal().unwrap_or("?"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_as_written() {
        let errors = [libc::ENOSPC, libc::EINTR, libc::EMFILE, libc::ENOSYS, libc::ENOMEM, libc::ENFILE];
        let errors = errors.into_iter().flat_map(|errno| [Fault::Fails(errno), Fault::Missing(errno)]);
        let signals = SIGNALS
            .into_iter()
            .flat_map(|(_, number)| [Whom::Process, Whom::Group].map(|whom| Fault::Signal(number, whom)));
        for fault in errors.chain(signals).chain([Fault::Short]) {
            assert_eq!(Fault::parse(&fault.to_string()), Some(fault), "{fault}");
        }
    }
}
