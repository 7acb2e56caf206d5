//! How predictable the names of temporary files are. Pure: from the names that runs have used, and what anyone on the
//! machine knows of those runs, to a scheme for each name; from a scheme to the candidates for a run that has not begun.
//!
//! A scheme is a guess and proves nothing. Whoever uses one has to predict names of further runs with it.
//!
//! Not covered: two numbers without anything between them, calendar dates in parts (but see `Piece::Repeats`), hashes of
//! more than one number, generators seeded by anything finer than a second.

mod clock;
mod cut;
mod describe;
mod entropy;
mod explain;
mod hash;
mod mask;
mod number;
mod observe;
mod predict;
mod proptests;
mod sequence;
mod source;

pub use entropy::Entropy;
pub(crate) use entropy::looks_drawn;
pub(crate) use observe::{Clock, Facts, Known, Run};
pub(crate) use sequence::Sequence;

use cut::Cut;
use hash::Hash;
use number::Base;
use source::Source;

/// Candidates for one name that an attacker may make: as many links as a loop makes in a fraction of a second, and an
/// arena can hold.
pub(crate) const MOST_CANDIDATES: usize = 1024;

/// Names of one run that are looked at.
pub(crate) const MOST_NAMES: usize = 16;

/// Part of a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    /// The same in every run.
    Text(Vec<u8>),
    /// A number that can be known; `width` of those padded with zeros.
    Number { source: Source, base: Base, width: Option<usize> },
    /// The first digits of a hash of such a number in decimal.
    Hashed { hash: Hash, source: Source, length: usize },
    /// Whatever other runs of the same second have there: anything made from the clock alone, whatever the algorithm.
    Repeats { column: usize },
    /// What no other name or number tells.
    Random,
}

/// What is thought of the n-th name of a run.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    cut: Cut,
    pieces: Vec<Piece>,
    /// How it follows from the name before it in the same run, if it does and not from anything known earlier.
    pub(crate) follows: Option<Sequence>,
    /// Of its random parts.
    pub(crate) entropy: Option<Entropy>,
    /// It looks drawn, but is the same in every run.
    drawn_once: bool,
}

/// The schemes of the names that all runs used, by their place in the run.
pub(crate) fn learn(runs: &[Run]) -> Vec<Scheme> {
    let common = runs.iter().map(|run| run.names.len()).min().unwrap_or(0).min(MOST_NAMES);
    (0..common).map(|at| scheme(runs, at)).collect()
}

fn scheme(runs: &[Run], at: usize) -> Scheme {
    let names: Vec<&[u8]> = runs.iter().map(|run| run.names[at].as_slice()).collect();
    let (cut, pieces) = explain::name(&names, runs);
    let random = pieces.contains(&Piece::Random);
    let before = at.checked_sub(1).filter(|_| random);
    let follows = before.and_then(|before| {
        let earlier: Vec<&[u8]> = runs.iter().map(|run| run.names[before].as_slice()).collect();
        Sequence::find(&earlier, &names)
    });
    let entropy = random.then(|| entropy::of(&names)).flatten();
    let constant = names.windows(2).all(|pair| pair[0] == pair[1]);
    let drawn_once = constant && names.first().is_some_and(|name| looks_drawn(name));
    Scheme { cut, pieces, follows, entropy, drawn_once }
}

impl Scheme {
    /// The same name in every run.
    pub(crate) fn is_constant(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Nothing that is known before the run gives it.
    pub(crate) fn is_random(&self) -> bool {
        self.pieces.contains(&Piece::Random)
    }

    /// To predict it takes another run of the same second.
    pub(crate) fn needs_twin(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Repeats { .. }))
    }
}
