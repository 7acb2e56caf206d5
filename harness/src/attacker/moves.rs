//! The moves: what an attacker can do at a name, and with which bait. Owns their names in timelines.

use std::fmt;

/// What is put at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bait {
    /// Symbolic link to the canary file, by absolute path.
    Link,
    /// Symbolic link to the canary file, by relative path.
    RelativeLink,
    /// Symbolic link to a name outside that does not exist.
    LinkMissing,
    /// Symbolic link to the canary directory.
    LinkDir,
    /// Symbolic link to a directory outside that has entries of the same names.
    LinkDecoy,
    /// Hard link to the canary file.
    HardLink,
    /// The attacker's regular file, mode 0666.
    OpenFile,
    /// The attacker's regular file, mode 0600.
    PrivateFile,
    /// The attacker's directory, mode 0777.
    Dir,
    /// The attacker's directory, with links to the canary at the names that the victim uses.
    HostileDir,
    /// A FIFO nobody has open.
    Fifo,
    /// A socket nobody listens on.
    Socket,
}

impl Bait {
    /// All baits, the most telling first.
    pub const ALL: [Bait; 12] = [
        Bait::Link,
        Bait::LinkMissing,
        Bait::LinkDecoy,
        Bait::LinkDir,
        Bait::RelativeLink,
        Bait::HardLink,
        Bait::OpenFile,
        Bait::PrivateFile,
        Bait::Dir,
        Bait::HostileDir,
        Bait::Fifo,
        Bait::Socket,
    ];

    /// True for a directory.
    pub(crate) fn is_dir(self) -> bool {
        matches!(self, Bait::Dir | Bait::HostileDir)
    }

    /// How the bait is written in a timeline, and what stands behind the path.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Bait::Link => ("symlink", "outside/canary"),
            Bait::RelativeLink => ("relative-symlink", "outside/canary"),
            Bait::LinkMissing => ("symlink", "outside/missing"),
            Bait::LinkDir => ("symlink", "outside/dir"),
            Bait::LinkDecoy => ("symlink", "outside/decoy"),
            Bait::HardLink => ("hardlink", "outside/canary"),
            Bait::OpenFile => ("file", "0666"),
            Bait::PrivateFile => ("file", "0600"),
            Bait::Dir => ("dir", "0777"),
            Bait::HostileDir => ("hostile-dir", "0777"),
            Bait::Fifo => ("fifo", "0666"),
            Bait::Socket => ("socket", "0777"),
        }
    }
}

/// What is done at a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Put a bait at a free name.
    Plant,
    /// Rename a bait over an existing entry.
    SwapOver,
    /// Exchange an existing entry with a bait (renameat2 EXCHANGE).
    Exchange,
    /// Unlink an entry, as a cleaner of temporary directories does.
    Unlink,
    /// Move an entry away.
    MoveAway,
    /// Unlink an entry and make a bait at its name.
    Recreate,
    /// Plant at this name and at every further one that the victim is about to make.
    TakeNames,
    /// Put a bait where the victim is predicted to make its next name: at every candidate, before it begins, or behind a
    /// name of the same run. The target says what the name turned out to be.
    PlantPredicted,
    /// Change the mode of an entry of the attacker's to 0777.
    Chmod,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 9] = [
        Verb::Plant,
        Verb::SwapOver,
        Verb::Exchange,
        Verb::Unlink,
        Verb::MoveAway,
        Verb::Recreate,
        Verb::TakeNames,
        Verb::PlantPredicted,
        Verb::Chmod,
    ];

    /// The word in timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Verb::Plant => "plant",
            Verb::SwapOver => "swap-over",
            Verb::Exchange => "exchange",
            Verb::Unlink => "unlink",
            Verb::MoveAway => "move-away",
            Verb::Recreate => "recreate",
            Verb::TakeNames => "take-names",
            Verb::PlantPredicted => "plant-predicted",
            Verb::Chmod => "chmod",
        }
    }

    /// True when the move puts a bait somewhere.
    #[must_use]
    pub fn needs_bait(self) -> bool {
        matches!(
            self,
            Verb::Plant
                | Verb::SwapOver
                | Verb::Exchange
                | Verb::Recreate
                | Verb::TakeNames
                | Verb::PlantPredicted
        )
    }
}

/// One act of the attacker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// What is done.
    pub verb: Verb,
    /// With what; of no meaning for verbs that need none.
    pub bait: Bait,
    /// Where, as a label: `shared/app.lock`, or `shared/<1>` for the first name that differs from run to run.
    pub target: String,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, with) = self.bait.words();
        let link = if with.starts_with("outside") { "-> " } else { "" };
        let quote = if link.is_empty() { "" } else { "\"" };
        if self.verb.needs_bait() {
            write!(f, "{} {kind} \"{}\" {link}{quote}{with}{quote}", self.verb.name(), self.target)
        } else {
            write!(f, "{} \"{}\"", self.verb.name(), self.target)
        }
    }
}

impl Move {
    /// Reads what [`Move`]'s `Display` wrote; in a timeline an error of the move may follow.
    #[must_use]
    pub fn parse(text: &str) -> Option<Move> {
        let (verb, rest) = text.split_once(' ')?;
        let verb = Verb::ALL.into_iter().find(|v| v.name() == verb)?;
        let (kind, rest) = if verb.needs_bait() { rest.split_once(' ')? } else { ("", rest) };
        let (target, with) = rest.strip_prefix('"')?.split_once('"')?;
        let with = with.split_once(" = ").map_or(with, |(with, _)| with);
        let with = with.trim().trim_start_matches("-> ").trim_matches('"');
        let bait = if verb.needs_bait() {
            Bait::ALL.into_iter().find(|b| b.words() == (kind, with))?
        } else {
            Bait::Link
        };
        Some(Move { verb, bait, target: target.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_reads_back_as_written() {
        for verb in Verb::ALL {
            for bait in Bait::ALL {
                let bait = if verb.needs_bait() { bait } else { Bait::Link };
                let act = Move { verb, bait, target: "shared/<1>/x".into() };
                assert_eq!(Move::parse(&act.to_string()), Some(act.clone()), "{act}");
            }
        }
    }

    #[test]
    fn a_refused_move_reads_back_without_its_error() {
        let act = Move { verb: Verb::Plant, bait: Bait::Link, target: "shared/a = b".into() };
        assert_eq!(Move::parse(&format!("{act} = EEXIST")), Some(act));
    }
}
