//! Which moves and faults happen at which stops. Stops are named by what the victim does, never by a bare counter.

use crate::attacker::Move;
use crate::fault::Fault;
use std::fmt;

/// Names a stop: the n-th time that a task makes a call on a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Number of the task in the order of first stops, from 0.
    pub task: u16,
    /// The kernel's name of the call.
    pub call: String,
    /// Label of the call's first path.
    pub path: String,
    /// How many earlier stops of this trial had the same task, call and path.
    pub occurrence: u32,
}

/// What happens at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Does {
    /// The attacker does something before the call.
    Move(Move),
    /// The environment does something to the call.
    Fault(Fault),
}

/// A move or a fault, and the stop at which it happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    /// The stop.
    pub at: Key,
    /// What happens there.
    pub does: Does,
}

impl Act {
    /// The move, if it is one.
    #[must_use]
    pub fn as_move(&self) -> Option<&Move> {
        if let Does::Move(does) = &self.does { Some(does) } else { None }
    }

    /// The fault, if it is one.
    #[must_use]
    pub fn as_fault(&self) -> Option<Fault> {
        if let Does::Fault(fault) = self.does { Some(fault) } else { None }
    }

    /// True for SIGKILL, after which nothing can be done.
    pub(crate) fn is_kill(&self) -> bool {
        self.as_fault().and_then(Fault::signal) == Some("SIGKILL")
    }
}

impl From<Move> for Does {
    fn from(does: Move) -> Does {
        Does::Move(does)
    }
}

impl From<Fault> for Does {
    fn from(fault: Fault) -> Does {
        Does::Fault(fault)
    }
}

/// The acts of one trial, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// The acts.
    pub acts: Vec<Act>,
}

impl Schedule {
    /// A schedule of one act.
    #[must_use]
    pub fn of(at: Key, does: impl Into<Does>) -> Schedule {
        Schedule { acts: vec![Act { at, does: does.into() }] }
    }

    /// The moves, in order.
    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.acts.iter().filter_map(Act::as_move)
    }

    /// The faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.acts.iter().filter_map(Act::as_fault)
    }

    /// The name of the first signal.
    #[must_use]
    pub fn signal(&self) -> Option<&'static str> {
        self.faults().find_map(Fault::signal)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { task, call, path, occurrence } = self;
        write!(f, "{call}(\"{path}\") #{occurrence} of task {task}")
    }
}

impl fmt::Display for Does {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Does::Move(does) => does.fmt(f),
            Does::Fault(fault) => fault.fmt(f),
        }
    }
}
