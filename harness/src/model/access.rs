//! Who may do what: modes, sticky directories, and what Linux forbids on top of them (`fs.protected_*`, proc_sys_fs(5)).

use super::node::{Kind, Node};
use super::process::Process;
use rustix::io::{Errno, Result};

/// The kernel's settings that keep others' links, files and FIFOs from being used in sticky directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// `fs.protected_symlinks`.
    pub symlinks: bool,
    /// `fs.protected_hardlinks`.
    pub hardlinks: bool,
    /// `fs.protected_regular`, 0 to 2.
    pub regular: u8,
    /// `fs.protected_fifos`, 0 to 2.
    pub fifos: u8,
}

/// What one wants to do with a node: the bits of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access(u32);

impl Access {
    pub(super) const READ: Access = Access(4);
    pub(super) const WRITE: Access = Access(2);
    pub(super) const EXECUTE: Access = Access(1);

    pub(super) fn wants(self, other: Access) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for Access {
    type Output = Access;

    fn bitor(self, other: Access) -> Access {
        Access(self.0 | other.0)
    }
}

const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

/// What the mode of a node says: its owner's bits, or else its group's, or else those of all others.
pub(super) fn may(who: &Process, node: &Node, access: Access) -> Result<()> {
    let shift = match () {
        () if who.uid == node.uid => 6,
        () if who.gid == node.gid => 3,
        () => 0,
    };
    if (node.mode >> shift) & access.0 == access.0 { Ok(()) } else { Err(Errno::ACCESS) }
}

/// In a sticky directory only its owner and that of the entry may take an entry away.
pub(super) fn may_take(who: &Process, dir: &Node, entry: &Node) -> Result<()> {
    let free = dir.mode & STICKY == 0 || who.uid == entry.uid || who.uid == dir.uid;
    if free { Ok(()) } else { Err(Errno::PERM) }
}

impl Guards {
    /// The settings by their names below `fs.`; one that the kernel does not have is off.
    #[must_use]
    pub fn of(settings: &[(&str, Option<u32>)]) -> Guards {
        let value = |name| settings.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value);
        let level = |name| u8::try_from(value(name).unwrap_or(0)).unwrap_or(u8::MAX);
        Guards {
            symlinks: level("protected_symlinks") > 0,
            hardlinks: level("protected_hardlinks") > 0,
            regular: level("protected_regular"),
            fifos: level("protected_fifos"),
        }
    }

    /// True when they hold in directories, too, that only a group may write.
    pub(crate) fn reach_groups(self) -> bool {
        self.regular >= 2 || self.fifos >= 2
    }

    /// Whether a link at the end of a path may be followed.
    pub(super) fn may_follow(self, who: &Process, dir: &Node, link: &Node) -> Result<()> {
        let open_to_all = STICKY | OTHERS_WRITE;
        let suspect = dir.mode & open_to_all == open_to_all && link.uid != who.uid && link.uid != dir.uid;
        if self.symlinks && suspect { Err(Errno::ACCESS) } else { Ok(()) }
    }

    /// Whether a file may be given another name.
    pub(super) fn may_link(self, who: &Process, file: &Node) -> Result<()> {
        let own = file.uid == who.uid;
        let plain = matches!(file.kind, Kind::File { .. });
        let harmless = plain && may(who, file, Access::READ | Access::WRITE).is_ok();
        if !self.hardlinks || own || harmless { Ok(()) } else { Err(Errno::PERM) }
    }

    /// Whether an open with O_CREAT may use what stands there already.
    pub(super) fn may_use(self, who: &Process, dir: &Node, found: &Node) -> Result<()> {
        let level = match found.kind {
            Kind::File { .. } => self.regular,
            Kind::Fifo => self.fifos,
            // No setting lets one use these.
            Kind::Symlink(_) | Kind::Socket => 1,
            Kind::Directory { .. } => 0,
        };
        let suspect = dir.mode & STICKY != 0 && found.uid != dir.uid && found.uid != who.uid;
        let open = dir.mode & OTHERS_WRITE != 0 || (dir.mode & GROUP_WRITES != 0 && level >= 2);
        if level > 0 && suspect && open { Err(Errno::ACCESS) } else { Ok(()) }
    }
}
