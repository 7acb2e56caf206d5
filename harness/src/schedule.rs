//! Which moves and faults happen at which stops, and at which of them another copy of the victim goes on. Stops are named by what the victim does, never by a bare counter.

use crate::attacker::Move;
use crate::fault::Fault;
use std::fmt;

/// Names a stop: the n-th time that a task makes a call on a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// True for a stop of the second copy of the victim, where there are two.
    pub second: bool,
    /// Number of the task in the order of first stops of its copy, from 0.
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
    /// This copy of the victim is held, and the other one goes on until its own next switch or its end.
    Switch,
}

/// A move, a fault or a switch, and the stop at which it happens.
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

/// The acts of one trial, in order. Without switches a second copy begins when the first has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// The acts.
    pub acts: Vec<Act>,
    /// Two copies of the victim run.
    pub second: bool,
}

impl Schedule {
    /// A schedule of one act.
    #[must_use]
    pub fn of(at: Key, does: impl Into<Does>) -> Schedule {
        Schedule::from(Act { at, does: does.into() })
    }

    /// Two copies of the victim: at each of these stops the one that comes by it lets the other go on.
    #[must_use]
    pub fn switching(stops: impl IntoIterator<Item = Key>) -> Schedule {
        let acts = stops.into_iter().map(|at| Act { at, does: Does::Switch }).collect();
        Schedule { acts, second: true }
    }

    /// True when one copy is held while the other goes on.
    #[must_use]
    pub fn switches(&self) -> bool {
        self.acts.iter().any(|act| act.does == Does::Switch)
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

impl From<Act> for Schedule {
    fn from(act: Act) -> Schedule {
        Schedule { acts: vec![act], second: false }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { second, task, call, path, occurrence } = self;
        let whose = if *second { " of the second copy" } else { "" };
        write!(f, "{call}(\"{path}\") #{occurrence} of task {task}{whose}")
    }
}

impl fmt::Display for Does {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Does::Move(does) => does.fmt(f),
            Does::Fault(fault) => fault.fmt(f),
            Does::Switch => f.write_str("let the other go on"),
        }
    }
}
