//! What anyone on the machine can know of a run, without any right to look into it.

/// Both clocks at one moment, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Since 1970.
    pub(crate) wall: u128,
    /// Since the machine's start.
    pub(crate) monotonic: u128,
}

impl Clock {
    pub(crate) fn second(self) -> u128 {
        self.wall / 1_000_000_000
    }

    pub(crate) fn later(self, nanos: u128) -> Clock {
        Clock { wall: self.wall + nanos, monotonic: self.monotonic + nanos }
    }
}

/// What was known of a run that is over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Right before its start and right after its end.
    pub(crate) before: Clock,
    pub(crate) after: Clock,
    /// Of its tasks.
    pub(crate) pids: Vec<u32>,
    pub(crate) uid: u32,
    /// In the directory, before its start.
    pub(crate) entries: u64,
    /// Which run it was, counted from 0.
    pub(crate) serial: u64,
}

/// A run that is over, with the names of what it made, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) facts: Facts,
    pub(crate) names: Vec<Vec<u8>>,
}

impl Run {
    /// The second that all of it was in, if it was in one.
    pub(super) fn second(&self) -> Option<u128> {
        let (first, last) = (self.facts.before.second(), self.facts.after.second());
        (first == last).then_some(first)
    }
}

/// What is known of a run that has not begun.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) now: Clock,
    /// For how long after now the name may be made.
    pub(crate) horizon: u128,
    /// Those that a task of it may get.
    pub(crate) pids: Vec<u32>,
    pub(crate) uid: u32,
    pub(crate) entries: u64,
    pub(crate) serial: u64,
    /// The names of another run of this very second.
    pub(crate) twin: Vec<Vec<u8>>,
}
