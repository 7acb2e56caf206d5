//! The descriptors that a victim of this process has opened in one trial, and which of them it has kept. A number can have
//! been closed and given to somebody else meanwhile, so the file behind it counts, too. Nothing here allocates.

use crate::arena::tree::{Ident, ident_of};
use crate::sys::perform::borrow;
use crate::world::Outcome;
use rustix::fs::{AtFlags, StatxFlags, statx};

const MOST: usize = 4096;

/// Descriptors of one trial.
pub(super) struct Opened {
    /// The number in this process, the number that outcomes tell, the file.
    all: Vec<(i32, u32, Ident)>,
    full: bool,
    /// A descriptor from which on this process has not many left.
    high: i32,
    hoards: bool,
}

impl Opened {
    /// For a process that may have so many descriptors.
    pub(super) fn new(most: u64) -> Opened {
        let high = i32::try_from(most / 2).unwrap_or(i32::MAX);
        Opened { all: Vec::with_capacity(MOST), full: false, high, hoards: false }
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.full = false;
    }

    /// Notes what an open returned.
    pub(super) fn note(&mut self, value: i64, outcome: Outcome) {
        let Outcome::Descriptor(told, ident) = outcome else { return };
        let number = value as i32;
        // One that has the number of an earlier one stands for it: that was closed.
        match self.all.iter().position(|(known, ..)| *known == number) {
            Some(at) => self.all[at] = (number, told, ident),
            None if self.all.len() < MOST => self.all.push((number, told, ident)),
            None => self.full = true,
        }
    }

    /// Shows those that are open still; false when there were too many to know.
    pub(super) fn still(&mut self, each: &mut dyn FnMut(u32)) -> bool {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        for (number, told, ident) in &self.all {
            let behind = statx(borrow(*number), c"", AtFlags::EMPTY_PATH, wanted);
            if behind.is_ok_and(|found| ident_of(&found) == *ident) {
                self.hoards |= *number >= self.high;
                each(*told);
            }
        }
        !self.full
    }

    /// True when it has kept so many, over all trials, that there will soon be none left.
    pub(super) fn hoards(&self) -> bool {
        self.hoards
    }
}
