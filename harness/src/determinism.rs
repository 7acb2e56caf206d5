//! How much of a program's chance is fixed, and from which seed it is drawn.

use std::fmt;

/// What of a program's chance is ours. Each level has what the one before it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing but the pids of programs, which are always the same.
    Off = 0,
    /// Random bytes: getrandom(2), `/dev/random` and `/dev/urandom`.
    Random = 1,
    /// Also the clock, the addresses, and the order in which several tasks go on.
    Full = 2,
}

impl Level {
    /// The most that can be fixed on this architecture: programs ask the time without a call, by code of the kernel's that we
    /// know how to replace on x86-64 only.
    pub(crate) const HIGHEST: Level = if cfg!(target_arch = "x86_64") { Level::Full } else { Level::Random };

    /// The level with this number.
    #[must_use]
    pub fn of(number: u8) -> Option<Level> {
        [Level::Off, Level::Random, Level::Full].into_iter().find(|level| level.number() == number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A level and the seed that all that it fixes follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Determinism {
    /// What is fixed.
    pub level: Level,
    /// Of no meaning at [`Level::Off`].
    pub seed: u64,
}

impl Determinism {
    /// Nothing is fixed: what victims in this process get, and timelines that say nothing about it.
    pub const OFF: Determinism = Determinism { level: Level::Off, seed: 0 };
}

impl Default for Determinism {
    fn default() -> Determinism {
        Determinism { level: Level::Random, seed: 1 }
    }
}

impl fmt::Display for Determinism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "determinism {}", self.level.number())?;
        if self.level == Level::Off { Ok(()) } else { write!(f, "    seed {}", self.seed) }
    }
}
