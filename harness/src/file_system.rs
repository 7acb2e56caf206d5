//! The file systems that a victim can be judged on, and their names.

use std::fmt;

/// What an arena lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileSystem {
    /// Memory: the default, and by far the fastest.
    Tmpfs,
    /// An image in memory, mounted through a loop device. Inode numbers are used again at once.
    Ext4,
    /// As ext4.
    Xfs,
    /// As ext4, but no inode number is ever used twice.
    Btrfs,
    /// Two directories of a tmpfs over each other, as containers have.
    Overlay,
    /// A remote file system that does not know O_EXCL, as open(2) warns of: emulated on the default one.
    NoExcl,
}

impl FileSystem {
    /// All of them, the one that assumes least about a victim's surroundings first.
    pub const ALL: [FileSystem; 6] = [
        FileSystem::Tmpfs,
        FileSystem::Ext4,
        FileSystem::Xfs,
        FileSystem::Btrfs,
        FileSystem::Overlay,
        FileSystem::NoExcl,
    ];

    /// Its name in options and timelines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FileSystem::Tmpfs => "tmpfs",
            FileSystem::Ext4 => "ext4",
            FileSystem::Xfs => "xfs",
            FileSystem::Btrfs => "btrfs",
            FileSystem::Overlay => "overlay",
            FileSystem::NoExcl => "no-excl",
        }
    }

    /// The one with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<FileSystem> {
        FileSystem::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
