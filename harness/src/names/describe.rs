//! The scheme of a name in words.

use super::source::Source;
use super::{Piece, Scheme};
use std::fmt::{Display, Formatter, Result};

impl Display for Scheme {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(sequence) = &self.follows {
            return write!(f, "{{{sequence}}}");
        }
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => write!(f, "{}", text.escape_ascii())?,
                Piece::Number { source, base, .. } => write!(f, "{{{source}, {}}}", base.name())?,
                Piece::Hashed { hash, source, length } => {
                    write!(f, "{{{hash} of {source}, {length} digits}}")?;
                }
                Piece::Repeats { .. } => f.write_str("{made from the clock in seconds}")?,
                Piece::Random => f.write_str("{random}")?,
            }
        }
        f.write_str(if self.drawn_once { " (looks drawn, yet the same in every run)" } else { "" })
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Source::Pid => f.write_str("pid"),
            Source::Uid => f.write_str("uid"),
            Source::Clock(reading) => write!(f, "{reading}"),
            Source::Entries(0) => f.write_str("number of entries"),
            Source::Entries(more) => write!(f, "number of entries {more:+}"),
            Source::Counter { step, .. } => write!(f, "counter {step:+} a run"),
            Source::AnyOf { width, .. } => write!(f, "any number of {width} digits"),
        }
    }
}
