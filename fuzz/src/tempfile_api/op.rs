//! The operations of the tempfile crate's API: the handles that each takes and gives, and what there is to choose about it.
//!
//! Every number chooses from what there is, beginning anew behind the last. Does not own what an operation does.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

/// Names that files are persisted as. One of them is also what [`NAMES`] can come to.
pub(super) const TARGETS: [&str; 2] = ["a", "b"];

/// Prefixes, suffixes and lengths of what is drawn between them. The first are the crate's own, the last make no name.
const NAMES: [(&str, &str, usize); 5] =
    [(".tmp", "", 6), ("app-", ".txt", 8), ("a", "", 0), ("", "", 12), ("", "", 0)];

/// Modes asked for; nothing to leave the choice to the crate. Nobody but the owner may write: others who may would be no
/// attackers.
const FILE_MODES: [Option<u32>; 4] = [None, Some(0o600), Some(0o640), Some(0o700)];
const DIR_MODES: [Option<u32>; 3] = [None, Some(0o700), Some(0o755)];

/// What a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Named,
    Path,
    Dir,
    Spooled,
}

/// What is done, named as in the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Tempfile,
    NewIn,
    MakeIn,
    TempdirIn,
    SpooledIn,
    Write,
    Read,
    Seek,
    SetLen,
    /// Length and mode, of the open file.
    Metadata,
    IsRolled,
    Roll,
    IntoFile,
    Reopen,
    IntoTempPath,
    IntoParts,
    FromParts,
    Persist,
    PersistNoclobber,
    Keep,
    DisableCleanup,
    Close,
    Drop,
    DropElsewhere,
}

impl Does {
    /// Inputs choose by places in this list: new ones go to its end.
    pub(super) const ALL: [Does; 24] = [
        Does::Tempfile,
        Does::NewIn,
        Does::MakeIn,
        Does::TempdirIn,
        Does::SpooledIn,
        Does::Write,
        Does::Read,
        Does::Seek,
        Does::SetLen,
        Does::Metadata,
        Does::IsRolled,
        Does::Roll,
        Does::IntoFile,
        Does::Reopen,
        Does::IntoTempPath,
        Does::IntoParts,
        Does::FromParts,
        Does::Persist,
        Does::PersistNoclobber,
        Does::Keep,
        Does::DisableCleanup,
        Does::Close,
        Does::Drop,
        Does::DropElsewhere,
    ];

    /// What each of the handles that it takes can be.
    pub(super) fn takes(self) -> &'static [&'static [Kind]] {
        use Kind::{Dir, File, Named, Path, Spooled};
        match self {
            Does::Tempfile | Does::NewIn | Does::MakeIn | Does::TempdirIn | Does::SpooledIn => &[],
            Does::Write | Does::Read | Does::Seek | Does::SetLen => &[&[File, Named, Spooled]],
            Does::Metadata => &[&[File, Named]],
            Does::IsRolled | Does::Roll | Does::IntoFile => &[&[Spooled]],
            Does::Reopen | Does::IntoTempPath | Does::IntoParts => &[&[Named]],
            Does::FromParts => &[&[File], &[Path]],
            Does::Persist | Does::PersistNoclobber => &[&[Named, Path]],
            Does::Keep | Does::DisableCleanup | Does::Close => &[&[Named, Path, Dir]],
            Does::Drop | Does::DropElsewhere => &[&[File, Named, Path, Dir, Spooled]],
        }
    }

    /// What is there in the place of these handles when it has succeeded.
    pub(super) fn gives(self, taken: &[Kind]) -> Vec<Kind> {
        use Kind::{Dir, File, Named, Path, Spooled};
        match self {
            Does::Tempfile | Does::IntoFile => vec![File],
            Does::NewIn | Does::MakeIn | Does::FromParts => vec![Named],
            Does::TempdirIn => vec![Dir],
            Does::SpooledIn => vec![Spooled],
            Does::Reopen => vec![Named, File],
            Does::IntoTempPath => vec![Path],
            Does::IntoParts => vec![File, Path],
            Does::Persist | Does::PersistNoclobber | Does::Keep if taken == [Named] => vec![File],
            Does::Persist | Does::PersistNoclobber | Does::Keep => vec![],
            Does::Close | Does::Drop | Does::DropElsewhere => vec![],
            _ => taken.to_vec(),
        }
    }
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Op {
    pub(super) does: Does,
    /// The handle, among those that fit.
    pub(super) at: u8,
    /// The directory: the crate's default, the one that the program is given, or a temporary one.
    pub(super) place: u8,
    /// What else there is to choose.
    pub(super) detail: u8,
}

impl Op {
    /// The n-th of the choices in the last byte.
    fn choice(self, before: usize, of: usize) -> usize {
        usize::from(self.detail) / before % of
    }

    /// Prefix, suffix and length of what is drawn.
    pub(super) fn names(self) -> (&'static str, &'static str, usize) {
        NAMES[self.choice(1, NAMES.len())]
    }

    /// It may replace what has this name, or removes it: also what had it from the beginning, whoever has put something else there.
    pub(super) fn clobbers(self, name: &str) -> bool {
        match self.does {
            Does::NewIn | Does::MakeIn | Does::TempdirIn => self.names().0 == name,
            Does::Persist => self.target_name() == name,
            _ => false,
        }
    }

    /// The mode to ask for.
    pub(super) fn mode(self) -> Option<u32> {
        let modes = if self.does == Does::TempdirIn { &DIR_MODES[..] } else { &FILE_MODES[..] };
        modes[self.choice(NAMES.len(), modes.len())]
    }

    pub(super) fn appends(self) -> bool {
        self.choice(NAMES.len() * 4, 2) == 1
    }

    /// What a handle's `disable_cleanup` is told.
    pub(super) fn disables(self) -> bool {
        self.choice(1, 2) == 0
    }

    /// What the builder's is told.
    pub(super) fn disables_cleanup(self) -> bool {
        let builds = matches!(self.does, Does::NewIn | Does::MakeIn | Does::TempdirIn);
        builds && self.choice(NAMES.len() * 8, 2) == 1
    }

    /// The name to persist a file as, in this directory.
    pub(super) fn target(self, dir: &Path) -> PathBuf {
        dir.join(self.target_name())
    }

    fn target_name(self) -> &'static str {
        TARGETS[self.choice(1, TARGETS.len())]
    }

    /// How many bytes: of a file, or those that a spooled one holds in memory.
    pub(super) fn length(self) -> u64 {
        u64::from(self.detail % 48)
    }

    /// What this operation of a program writes, which no other does.
    pub(super) fn content(self, number: usize) -> Vec<u8> {
        vec![b'A' + number as u8; self.length() as usize]
    }

    pub(super) fn position(self) -> SeekFrom {
        let by = i64::from(self.detail % 64) - 32;
        match self.place % 3 {
            0 => SeekFrom::Start(self.length()),
            1 => SeekFrom::Current(by),
            _ => SeekFrom::End(by),
        }
    }
}
