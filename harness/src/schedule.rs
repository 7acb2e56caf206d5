//! Which moves happen at which stops. Stops are named by what the victim does, never by a bare counter.

use crate::attacker::Move;
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

/// A move and the stop before which it happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    /// The stop.
    pub at: Key,
    /// The move.
    pub does: Move,
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
    pub fn of(at: Key, does: Move) -> Schedule {
        Schedule { acts: vec![Act { at, does }] }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { task, call, path, occurrence } = self;
        write!(f, "{call}(\"{path}\") #{occurrence} of task {task}")
    }
}
