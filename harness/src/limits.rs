//! Bounds on everything: what is not bounded can hang a nightly run. A bound that was hit makes a verdict
//! inconclusive, or is a finding of its own where it shows an endless loop.

use std::time::Duration;

/// Bounds of one judgement.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Stops in one trial; a victim that makes more because of an attack loops for ever.
    pub stops: u32,
    /// Time without any stop after which a victim counts as hung.
    pub silence: Duration,
    /// Trials in one judgement.
    pub trials: u64,
    /// Calls in all trials of one judgement.
    pub calls: u64,
    /// Orders of the calls of two copies that are tried of one victim.
    pub orders: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            stops: 2_000,
            silence: Duration::from_secs(2),
            trials: 1_000_000,
            calls: u64::MAX,
            orders: 10_000,
        }
    }
}
