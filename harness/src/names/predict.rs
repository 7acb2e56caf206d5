//! From a scheme and what is known before a run to the names that it may use.

use super::observe::Known;
use super::source::Source;
use super::{MOST_CANDIDATES, Piece, Scheme};

impl Scheme {
    /// The names that the run to come may use at this place; `None` when they are too many or cannot be told. One that
    /// follows from the name before it is told by that.
    pub(crate) fn candidates(&self, at: usize, known: &Known) -> Option<Vec<Vec<u8>>> {
        let choices = self.choices(known)?;
        let count = choices.iter().map(|(_, values)| values.len()).product::<usize>();
        let twin: Vec<&[u8]> =
            known.twin.get(at).map(|name| self.cut.columns(name).collect()).unwrap_or_default();
        (0..count).map(|number| self.spell(&choices, number, &twin)).collect()
    }

    /// The numbers that stand for each source, such that there are not too many names in all.
    fn choices(&self, known: &Known) -> Option<Vec<(Source, Vec<u128>)>> {
        let mut choices: Vec<(Source, Vec<u128>)> = Vec::new();
        let mut count = 1;
        // Clocks go last: how far ahead they are looked at is what room there is.
        let is_clock = |source: &Source| matches!(source, Source::Clock(_));
        let (clocks, others): (Vec<Source>, Vec<Source>) = self.sources().partition(is_clock);
        for source in others.into_iter().chain(clocks) {
            let values = source.values(known, MOST_CANDIDATES / count);
            count *= values.len();
            if values.is_empty() || count > MOST_CANDIDATES {
                return None;
            }
            choices.push((source, values));
        }
        Some(choices)
    }

    /// Each source once, however often it is in the name.
    fn sources(&self) -> impl Iterator<Item = Source> {
        let mut all: Vec<Source> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Number { source, .. } | Piece::Hashed { source, .. } = piece
                && !all.contains(source)
            {
                all.push(*source);
            }
        }
        all.into_iter()
    }

    /// The candidate of that number.
    fn spell(&self, choices: &[(Source, Vec<u128>)], mut number: usize, twin: &[&[u8]]) -> Option<Vec<u8>> {
        let mut chosen = Vec::with_capacity(choices.len());
        for (source, values) in choices {
            chosen.push((*source, values[number % values.len()]));
            number /= values.len();
        }
        let value =
            |wanted: &Source| chosen.iter().find(|(source, _)| source == wanted).map(|(_, value)| *value);
        let mut name = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.extend_from_slice(text),
                Piece::Number { source, base, width } => base.write(value(source)?, *width, &mut name),
                Piece::Hashed { hash, source, length } => name.extend(hash.of(value(source)?, *length)),
                Piece::Repeats { column } => name.extend_from_slice(twin.get(*column)?),
                Piece::Random => return None,
            }
        }
        Some(name)
    }
}
