//! The three classes of attacker, as plain data. What each may do is told in `attacker/permits.rs`.

use std::fmt;

/// Who interferes, from weakest to strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// No one: accidents, faults, the umask.
    None,
    /// Another uid in a shared directory with the sticky bit: makes names, changes only its own entries.
    OtherUser,
    /// Somebody who may also rename and unlink the victim's entries: a shared directory without the sticky bit.
    DirWriter,
}

impl Class {
    /// All classes, weakest first.
    pub const ALL: [Class; 3] = [Class::None, Class::OtherUser, Class::DirWriter];

    /// The name used on the command line and in timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Class::None => "none",
            Class::OtherUser => "other-user",
            Class::DirWriter => "dir-writer",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|c| c.name() == name)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
