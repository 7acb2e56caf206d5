//! Cutting names into columns, so that a part of one can be compared with the same part of another.

/// Where a name is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Between what is a letter or digit and what is not.
    Words,
    /// The same, with `_` for a letter.
    Identifiers,
    /// Nowhere.
    Whole,
}

impl Cut {
    pub(super) const ALL: [Cut; 3] = [Cut::Words, Cut::Identifiers, Cut::Whole];

    /// The columns of a name. Allocates nothing.
    pub(super) fn columns(self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        name.chunk_by(move |a, b| self.is_word(*a) == self.is_word(*b))
    }

    fn is_word(self, byte: u8) -> bool {
        self == Cut::Whole || byte.is_ascii_alphanumeric() || (self == Cut::Identifiers && byte == b'_')
    }

    /// For each column what the names have there; `None` when they do not have as many.
    pub(super) fn table<'a>(self, names: &[&'a [u8]]) -> Option<Vec<Vec<&'a [u8]>>> {
        let rows: Vec<Vec<&[u8]>> = names.iter().map(|name| self.columns(name).collect()).collect();
        let count = rows.first()?.len();
        let same = rows.iter().all(|row| row.len() == count);
        same.then(|| (0..count).map(|at| rows.iter().map(|row| row[at]).collect()).collect())
    }
}

/// How many bytes all of these begin with, and how many of the rest they end with.
pub(super) fn common(column: &[&[u8]]) -> (usize, usize) {
    let Some((first, others)) = column.split_first() else { return (0, 0) };
    let shortest = column.iter().map(|part| part.len()).min().unwrap_or(0);
    let same = |at: &usize| others.iter().all(|other| other[*at] == first[*at]);
    let before = (0..shortest).take_while(same).count();
    let same = |at: &usize| others.iter().all(|o| o[o.len() - 1 - at] == first[first.len() - 1 - at]);
    let after = (0..shortest - before).take_while(same).count();
    (before, after)
}
