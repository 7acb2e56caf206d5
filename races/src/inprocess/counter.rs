//! A counter that makes the names of one process's threads unique. Does not make them unique among processes: a fork
//! copies it (`reseed`).

use super::Name;
use linkbait::sync::atomic::{AtomicU32, Ordering};

/// The number that comes next.
#[derive(Default)]
pub struct Counter(AtomicU32);

impl Counter {
    /// Takes a number in one step. Relaxed will do: nothing else is handed over by it.
    pub fn take(&self) -> Name {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// The broken twin: two threads read the same number before either has written the next. The ordering does not help.
    pub fn take_in_two_steps(&self) -> Name {
        let number = self.0.load(Ordering::SeqCst);
        self.0.store(number + 1, Ordering::SeqCst);
        number
    }
}
