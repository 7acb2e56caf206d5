//! What the attacker foresees of one trial: names to plant at before the victim begins, or right after it has made the name
//! that tells the next. The stops give no help: they only keep the victim from being faster.

use crate::arena::tree::{Maker, What};
use crate::attacker::{Bait, Move, Verb};
use crate::evidence::{Evidence, Foretold};
use crate::names::Sequence;

/// Longest path that a predicted name can make.
const LONGEST: usize = 512;

/// The plants of one trial.
#[derive(Debug)]
pub(crate) struct Foresight {
    /// Paths to plant at before the start; sorted, and those that could not be planted at taken out.
    pub(crate) ahead: Vec<Vec<u8>>,
    /// How the wanted name follows from the one before, and which one of the run it is.
    pub(crate) follows: Option<(usize, Sequence)>,
    pub(crate) bait: Bait,
    /// What was planted during the run.
    planted: Vec<u8>,
    name: Vec<u8>,
    /// Goes into the evidence with the name that was hit.
    pub(crate) claim: Foretold,
    pub(crate) hit: bool,
}

impl Foresight {
    pub(crate) fn new(ahead: Vec<Vec<u8>>, follows: Option<(usize, Sequence)>, claim: Foretold) -> Foresight {
        let room = || Vec::with_capacity(LONGEST);
        Foresight { ahead, follows, bait: Bait::Link, planted: room(), name: room(), claim, hit: false }
    }

    /// Entries of no meaning, so that there are more of them.
    pub(crate) fn fillers(count: usize) -> Foresight {
        let ahead = (0..count).map(|number| format!("shared/entry-{number}").into_bytes()).collect();
        Foresight { bait: Bait::OpenFile, ..Foresight::new(ahead, None, Foretold::default()) }
    }

    pub(crate) fn plant(&self) -> Move {
        Move { verb: Verb::PlantPredicted, bait: self.bait, target: String::new() }
    }

    /// The path to plant at now, during the run. Allocates nothing.
    pub(crate) fn next(&mut self, evidence: &Evidence) -> Option<&[u8]> {
        let (at, sequence) = self.follows.as_ref()?;
        let mut made = created(evidence);
        let last = made.nth(at.checked_sub(1)?)?;
        if !self.planted.is_empty() || made.next().is_some() || last.len() * 2 > LONGEST {
            return None;
        }
        let slash = last.iter().rposition(|&byte| byte == b'/')?;
        if !sequence.next(&last[slash + 1..], &mut self.name) {
            return None;
        }
        self.planted.extend_from_slice(&last[..=slash]);
        self.planted.extend_from_slice(&self.name);
        Some(&self.planted)
    }

    /// True for a path that was planted at.
    pub(crate) fn foretold(&self, path: &[u8]) -> bool {
        !path.is_empty()
            && (self.planted == path
                || self.ahead.binary_search_by(|known| known.as_slice().cmp(path)).is_ok())
    }
}

/// The paths that the victim has made directly in the shared directory, in order.
pub(crate) fn created(evidence: &Evidence) -> impl Iterator<Item = &[u8]> {
    let changes = evidence.calls().flat_map(|(at, _)| evidence.changes(&evidence.steps[at]));
    let new = changes.filter(|change| {
        let made = change.is.is_some_and(|entry| entry.namer == Maker::Victim);
        change.what == What::Appeared && made && !change.on_own_ground
    });
    new.map(|change| evidence.changed_path(change))
        .filter(|path| path.strip_prefix(b"shared/").is_some_and(|name| !name.contains(&b'/')))
}
