//! The prediction of names, for targets that make names up and know what can be predicted of them.

use crate::names::{Clock, Facts, Known, Run, learn};

/// What anyone can know of a run before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Nanoseconds since 1970.
    pub clock: u64,
    /// What its pid can be.
    pub pids: Vec<u32>,
    /// Entries in the directory.
    pub entries: u64,
    /// Runs before it.
    pub serial: u64,
}

impl Before {
    fn now(&self) -> Clock {
        // Of the two clocks one began later.
        Clock { wall: self.clock.into(), monotonic: u128::from(self.clock) / 1_000 }
    }
}

/// The candidates for each name of a run, from earlier runs with their names; each took `nanos` at most. `twin` are the names
/// of one more run, made just before.
#[must_use]
pub fn predict(
    earlier: &[(Before, Vec<Vec<u8>>)],
    nanos: u64,
    twin: &[Vec<u8>],
    next: &Before,
) -> Vec<Vec<Vec<u8>>> {
    let run = |(before, names): &(Before, Vec<Vec<u8>>)| {
        let (now, Before { pids, entries, serial, .. }) = (before.now(), before.clone());
        let facts = Facts { before: now, after: now.later(nanos.into()), pids, uid: 0, entries, serial };
        Run { facts, names: names.clone() }
    };
    let Before { pids, entries, serial, .. } = next.clone();
    let (now, horizon, twin) = (next.now(), nanos.into(), twin.to_vec());
    let known = Known { now, horizon, pids, uid: 0, entries, serial, twin };
    let schemes = learn(&earlier.iter().map(run).collect::<Vec<_>>());
    let told = schemes.iter().enumerate().map(|(at, scheme)| scheme.candidates(at, &known));
    told.map(Option::unwrap_or_default).collect()
}
