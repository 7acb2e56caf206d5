//! Counters that libFuzzer reads beside those of the code: it finds them by the name of their section, clears them before an
//! input and looks after it at which have grown. Without libFuzzer they are memory that nobody reads.

use std::sync::atomic::{AtomicU8, Ordering};

/// A power of two. Few enough to be looked at after each input, enough that those of one campaign seldom meet.
const SIZE: usize = 1 << 15;

// SAFETY: libFuzzer takes the section of this name as bytes, one counter each, which is what this is. Nothing else puts
// anything into it.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static COUNTERS: [AtomicU8; SIZE] = [const { AtomicU8::new(0) }; SIZE];

/// Counts what has this hash, up to as often as libFuzzer tells apart.
pub(crate) fn count(hash: u64) {
    let counter = &COUNTERS[hash as usize % SIZE];
    counter.store(counter.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
}
