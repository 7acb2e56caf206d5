//! Sequences over the tempfile crate's API, and their bytes: a head, the attacker's plans, and four bytes for each operation.
//!
//! Every number chooses from what there is, beginning anew behind the last, so that no input is wasted. Does not own what an
//! operation does.

use linkbait::fuzz::Plan;
use linkbait::{Class, Victim};
use std::io::SeekFrom;
use std::path::{Path, PathBuf};

/// Most operations of one input.
const MOST_OPS: usize = 20;

/// Most acts of the attacker.
const MOST_PLANS: usize = 6;

/// None first: bytes of zero are the plainest input.
const CLASSES: [Class; 3] = [Class::None, Class::OtherUser, Class::DirWriter];
const UMASKS: [u32; 2] = [0o022, 0o000];

/// Names that files are persisted as. One of them is also what [`NAMES`] can come to.
const TARGETS: [&str; 2] = ["a", "b"];

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
    /// Bytes of inputs are places in this list: new ones go to its end.
    const ALL: [Does; 24] = [
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
    const BYTES: usize = 4;

    fn read(bytes: &[u8; Op::BYTES]) -> Op {
        let [does, at, place, detail] = *bytes;
        Op { does: Does::ALL[usize::from(does) % Does::ALL.len()], at, place, detail }
    }

    fn bytes(self) -> [u8; Op::BYTES] {
        let does = Does::ALL.iter().position(|does| *does == self.does).unwrap_or_default();
        [does as u8, self.at, self.place, self.detail]
    }

    /// The n-th of the choices in the last byte.
    fn choice(self, before: usize, of: usize) -> usize {
        usize::from(self.detail) / before % of
    }

    /// Prefix, suffix and length of what is drawn.
    pub(super) fn names(self) -> (&'static str, &'static str, usize) {
        NAMES[self.choice(1, NAMES.len())]
    }

    /// Its name is one of [`TARGETS`].
    fn makes_target(self) -> bool {
        let makes = matches!(self.does, Does::NewIn | Does::MakeIn | Does::TempdirIn);
        makes && TARGETS.contains(&self.names().0)
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

/// A sequence, and who attacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// Attacker and umask, as numbers.
    pub(super) class: u8,
    pub(super) umask: u8,
    pub(super) plans: Vec<Plan>,
    pub(super) ops: Vec<Op>,
}

impl Program {
    /// Reads any bytes but none at all.
    pub(super) fn read(bytes: &[u8]) -> Option<Program> {
        let (head, rest) = bytes.split_first()?;
        let (class, rest_of_head) = (head % CLASSES.len() as u8, head / CLASSES.len() as u8);
        let (umask, plans) = (rest_of_head % UMASKS.len() as u8, rest_of_head / UMASKS.len() as u8);
        let plans = usize::from(plans) % (MOST_PLANS + 1) * Plan::BYTES;
        let (plans, ops) = rest.split_at(plans.min(rest.len()));
        let ops = ops.as_chunks().0.iter().take(MOST_OPS).map(Op::read).collect();
        Some(Program { class, umask, plans: Plan::all(plans), ops })
    }

    /// The bytes that it is read from.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let classes = CLASSES.len() as u8;
        let head = self.class + classes * (self.umask + UMASKS.len() as u8 * self.plans.len() as u8);
        let plans = self.plans.iter().flat_map(|plan| plan.bytes());
        [head].into_iter().chain(plans).chain(self.ops.iter().flat_map(|op| op.bytes())).collect()
    }

    pub(super) fn class(&self) -> Class {
        CLASSES[usize::from(self.class)]
    }

    /// A directory whose mode is the umask's is open to all under umask 000, which the crate documents. That is not tried.
    pub(super) fn umask(&self) -> u32 {
        let open = self.ops.iter().any(|op| op.does == Does::TempdirIn && op.mode().is_none());
        if open { UMASKS[0] } else { UMASKS[usize::from(self.umask)] }
    }

    /// Says what it is meant to leave, to show and not to replace.
    pub(super) fn describe(&self, mut victim: Victim) -> Victim {
        let any = |wanted: fn(&Op) -> bool| self.ops.iter().any(wanted);
        if any(|op| matches!(op.does, Does::Keep | Does::DisableCleanup) || op.disables_cleanup()) {
            victim = victim.keeps("*");
        }
        if any(|op| op.mode().is_some_and(|mode| mode & 0o044 != 0)) {
            victim = victim.public("*");
        }
        // What has such a name from the beginning is removed by it, too, whoever has put something else there.
        let clobbers = any(|op| op.does == Does::Persist || op.makes_target());
        TARGETS.iter().fold(victim, |victim, name| {
            let victim = victim.keeps(name);
            if clobbers { victim } else { victim.noclobber(name) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_from_its_own_bytes() {
        let op = |does, at| Op { does, at, place: 2, detail: 77 };
        let ops = vec![op(Does::NewIn, 0), op(Does::DropElsewhere, 9)];
        let plans = vec![Plan { stop: 1, name: 2, verb: 3, bait: 4, way: 5 }; MOST_PLANS];
        let program = Program { class: 2, umask: 1, plans, ops };
        assert_eq!(Program::read(&program.bytes()), Some(program));
    }
}
