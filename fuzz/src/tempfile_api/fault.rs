//! Known faults of a crate like this one, each put back by a cargo feature: with them it must not pass for what it is.

/// What a crate like this one could do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `persist_noclobber` looks whether the name is free, and renames.
    ChecksBeforePersist,
    /// `persist` writes the content anew, to whatever stands at the name.
    PersistsByCopy,
    /// `reopen` takes whatever stands at the path.
    ReopensWhatIsThere,
    /// A dropped `NamedTempFile` leaves its file.
    ForgetsToRemove,
    /// Files are for all to read.
    CreatesForAll,
    /// `permissions` of the builder is not heeded.
    IgnoresPermissions,
    /// A spooled file that rolls over is a byte short.
    LosesByteOnRoll,
}

/// All faults, and whether the feature of each is on.
const FAULTS: [(Fault, bool); 7] = [
    (Fault::ChecksBeforePersist, cfg!(feature = "fault-checks-before-persist")),
    (Fault::PersistsByCopy, cfg!(feature = "fault-persists-by-copy")),
    (Fault::ReopensWhatIsThere, cfg!(feature = "fault-reopens-what-is-there")),
    (Fault::ForgetsToRemove, cfg!(feature = "fault-forgets-to-remove")),
    (Fault::CreatesForAll, cfg!(feature = "fault-creates-for-all")),
    (Fault::IgnoresPermissions, cfg!(feature = "fault-ignores-permissions")),
    (Fault::LosesByteOnRoll, cfg!(feature = "fault-loses-byte-on-roll")),
];

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Fault> {
        FAULTS.iter().map(|(fault, _)| *fault)
    }

    /// The one that is put back.
    pub(super) fn put_back() -> Option<Fault> {
        FAULTS.iter().find(|(_, on)| *on).map(|(fault, _)| *fault)
    }
}
