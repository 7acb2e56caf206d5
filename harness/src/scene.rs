//! What stood in an arena at one moment of a trial, as a finding tells it. Owns the words, not where they come from.

/// What stood there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// The entries, sorted by path. What stands outside of `shared/` is left out while nothing happens to it.
    pub things: Vec<Thing>,
    /// How many more there were in `shared/`, without what was planted by prediction and missed.
    pub more: usize,
}

/// An entry of a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Label of its path, relative to the arena.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, with set-id and sticky bits.
    pub mode: u32,
    /// Who made it.
    pub owner: Owner,
    /// Size in bytes; of files only, since what others have is up to the file system.
    pub size: Option<u64>,
    /// Where a symbolic link of the attacker's leads; of a hard link the other name.
    pub target: Option<String>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device, or what nobody knows.
    Other,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::File, Kind::Dir, Kind::Symlink, Kind::Fifo, Kind::Socket, Kind::Other];

    /// The word for it, as in timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Dir => "dir",
            Kind::Symlink => "symlink",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::Other => "other",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who made an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It stood there before the trial.
    Stage,
    /// The victim.
    Victim,
    /// The second copy of the victim, where there are two.
    Second,
    /// The attacker.
    Attacker,
}

impl Owner {
    const ALL: [Owner; 4] = [Owner::Stage, Owner::Victim, Owner::Second, Owner::Attacker];

    /// The word for it, as in timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Stage => "stage",
            Owner::Victim => "victim",
            Owner::Second => "second",
            Owner::Attacker => "attacker",
        }
    }

    /// The owner of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Owner> {
        Owner::ALL.into_iter().find(|owner| owner.name() == name)
    }
}
