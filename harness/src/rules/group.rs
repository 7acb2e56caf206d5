//! What rules are about, in the words of an auditor: the columns of the scorecard.

/// A column of the scorecard. Every rule is in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Where names that are opened lead.
    Links,
    /// What others have made.
    Foreign,
    /// How names are chosen and taken.
    Names,
    /// What modes let others do.
    Modes,
    /// What stays when the work is done.
    CleanUp,
    /// What becomes of the data itself.
    Data,
    /// Whether it goes on, and ends.
    Robust,
}

impl Group {
    /// All groups, in the order of columns.
    pub const ALL: [Group; 7] = [
        Group::Links,
        Group::Foreign,
        Group::Names,
        Group::Modes,
        Group::CleanUp,
        Group::Data,
        Group::Robust,
    ];

    /// The word above the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Group::Links => "links",
            Group::Foreign => "foreign",
            Group::Names => "names",
            Group::Modes => "modes",
            Group::CleanUp => "clean-up",
            Group::Data => "data",
            Group::Robust => "robust",
        }
    }

    /// What the victim must do to pass, as part of a sentence.
    #[must_use]
    pub fn asks(self) -> &'static str {
        match self {
            Group::Links => "opens nothing through a link that another has planted",
            Group::Foreign => "leaves alone what another has made",
            Group::Names => "takes names that nobody can know or have before it",
            Group::Modes => "lets nobody else read or write its files",
            Group::CleanUp => "leaves no file and no descriptor behind",
            Group::Data => "neither loses data in silence nor shows half of it",
            Group::Robust => "neither hangs nor dies because of others",
        }
    }
}
