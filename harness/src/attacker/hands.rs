//! Does what an attacker decides, with the attacker's own credentials where there are any.
//!
//! Called while the victim is held, possibly inside malloc: raw calls on buffers of the stack, nothing else.

use crate::arena::tree::{PATH_BYTES, copy_path};
use crate::attacker::moves::{Bait, Move, Verb};
use crate::error::Error;
use crate::sys;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, StatxFlags, Timespec, Timestamps, UTIME_OMIT, chmodat,
    futimens, linkat, mkdirat, mknodat, openat, renameat_with, statx, symlinkat, unlinkat,
};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// An access time of long ago; the time of the last change stays.
const READ_LONG_AGO: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 },
    last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
};

/// The absolute paths that links point to, made beforehand.
struct Targets {
    canary: CString,
    missing: CString,
    dir: CString,
    decoy: CString,
}

/// The attacker at work in one arena.
pub(crate) struct Hands {
    /// The attacker's uid, if another than ours.
    uid: Option<u32>,
    own: (u32, u32),
    targets: Targets,
    /// Names for the links in a hostile directory.
    known: Vec<CString>,
    serial: u32,
}

impl Hands {
    /// `uid` is the attacker's own, or `None` to act with our credentials. With one, the calling thread leaves its
    /// supplementary groups, so that they do not help the attacker.
    pub(crate) fn new(arena: &Path, uid: Option<u32>) -> std::result::Result<Hands, Error> {
        if uid.is_some() {
            sys::thread::leave_groups().map_err(|e| Error::ours("setgroups(0)", e))?;
        }
        let target = |name: &str| {
            let path = arena.join("outside").join(name);
            CString::new(path.into_os_string().into_encoded_bytes()).map_err(|e| Error::ours("arena path", e))
        };
        let targets = Targets {
            canary: target("canary")?,
            missing: target("missing")?,
            dir: target("dir")?,
            decoy: target("decoy")?,
        };
        Ok(Hands { uid, own: sys::thread::own_ids(), targets, known: Vec::new(), serial: 0 })
    }

    /// Tells the names that the victim is known to use.
    pub(crate) fn know(&mut self, names: impl Iterator<Item = String>) {
        self.known = names.filter_map(|n| CString::new(n).ok()).take(16).collect();
    }

    /// Makes a move. `path` is the target relative to the arena `root`.
    pub(crate) fn act(&mut self, root: BorrowedFd<'_>, act: &Move, path: &[u8]) -> Result<()> {
        self.serial += 1;
        let mut work =
            Work { root, act, path, targets: &self.targets, known: &self.known, serial: self.serial };
        let before = sys::thread::umask(0);
        let result = match self.uid {
            Some(uid) => sys::thread::as_user(uid, self.own, || work.run()),
            None => work.run(),
        };
        sys::thread::umask(before);
        result
    }
}

struct Work<'a> {
    root: BorrowedFd<'a>,
    act: &'a Move,
    path: &'a [u8],
    targets: &'a Targets,
    known: &'a [CString],
    serial: u32,
}

impl Work<'_> {
    fn run(&mut self) -> Result<()> {
        let mut buffer = [0; PATH_BYTES];
        let path = copy_path(&mut buffer, &[], self.path).ok_or(Errno::NAMETOOLONG)?;
        self.stay_in_shared(path)?;
        let bait = self.act.bait;
        match self.act.verb {
            Verb::Plant | Verb::TakeNames | Verb::PlantPredicted => self.make(bait, path),
            Verb::SwapOver => self.swap(bait, path, RenameFlags::empty()),
            Verb::Exchange => self.swap(bait, path, RenameFlags::EXCHANGE),
            Verb::Unlink => unlinkat(self.root, path, AtFlags::empty()),
            Verb::Recreate => {
                unlinkat(self.root, path, AtFlags::empty())?;
                self.make(bait, path)
            }
            Verb::MoveAway => {
                let mut away = [0; PATH_BYTES];
                let away = self.sibling(&mut away)?;
                renameat_with(self.root, path, self.root, away, RenameFlags::NOREPLACE)
            }
            Verb::Chmod => chmodat(self.root, path, Mode::from_bits_retain(0o777), AtFlags::empty()),
        }
    }

    /// The attacker works below `shared/` only. Schedules come from files too, and a path out of there, or through a
    /// link, could lead anywhere on this machine.
    fn stay_in_shared(&self, path: &CStr) -> Result<()> {
        let plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        let inside = self.path.strip_prefix(b"shared/").unwrap_or_default();
        if !inside.split(|&b| b == b'/').all(plain) {
            return Err(Errno::XDEV);
        }
        let mut buffer = [0; PATH_BYTES];
        for (slash, _) in self.path.iter().enumerate().filter(|(_, b)| **b == b'/') {
            let dir = copy_path(&mut buffer, &[], &self.path[..slash]).ok_or(Errno::NAMETOOLONG)?;
            if self.is_link(dir) {
                return Err(Errno::NOTDIR);
            }
        }
        // chmod follows a link, which leads outside; a link has no mode of its own.
        if self.act.verb == Verb::Chmod && self.is_link(path) { Err(Errno::PERM) } else { Ok(()) }
    }

    /// What cannot be looked at is left to the move itself to fail on.
    fn is_link(&self, path: &CStr) -> bool {
        let found = statx(self.root, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
        found.is_ok_and(|found| FileType::from_raw_mode(found.stx_mode.into()) == FileType::Symlink)
    }

    /// A fresh name beside the target: renaming a directory within its parent needs no right to the directory.
    fn sibling<'b>(&self, buffer: &'b mut [u8; PATH_BYTES]) -> Result<&'b CStr> {
        const PREFIX: &[u8] = b".bait-";
        let mut name = *b".bait-0000000000";
        let mut left = self.serial;
        for digit in name[PREFIX.len()..].iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        let slash = self.path.iter().rposition(|&b| b == b'/').unwrap_or(0);
        copy_path(buffer, &self.path[..slash], &name).ok_or(Errno::NAMETOOLONG)
    }

    fn swap(&self, bait: Bait, path: &CStr, flags: RenameFlags) -> Result<()> {
        let mut made = [0; PATH_BYTES];
        let made = self.sibling(&mut made)?;
        self.make(bait, made)?;
        renameat_with(self.root, made, self.root, path, flags)
    }

    fn make(&self, bait: Bait, path: &CStr) -> Result<()> {
        let link = |target: &CStr| symlinkat(target, self.root, path);
        match bait {
            Bait::Link => link(&self.targets.canary),
            Bait::RelativeLink => {
                let mut target = [0; PATH_BYTES];
                // The target is read from where the link will stand, not from where it is made.
                link(relative(&mut target, &self.targets.canary)?)
            }
            Bait::LinkMissing => link(&self.targets.missing),
            Bait::LinkDir => link(&self.targets.dir),
            Bait::LinkDecoy => link(&self.targets.decoy),
            Bait::HardLink => linkat(self.root, c"outside/canary", self.root, path, AtFlags::empty()),
            Bait::OpenFile => self.file(path, 0o666),
            Bait::PrivateFile => self.file(path, 0o600),
            Bait::Dir => self.dir(path),
            Bait::HostileDir => {
                self.dir(path)?;
                for name in self.known {
                    let mut inside = [0; PATH_BYTES];
                    let inside =
                        copy_path(&mut inside, path.to_bytes(), name.to_bytes()).ok_or(Errno::NAMETOOLONG)?;
                    symlinkat(&self.targets.canary, self.root, inside)?;
                }
                Ok(())
            }
            Bait::Fifo => mknodat(self.root, path, FileType::Fifo, Mode::from_bits_retain(0o666), 0),
            Bait::Socket => mknodat(self.root, path, FileType::Socket, Mode::from_bits_retain(0o777), 0),
        }
    }

    fn file(&self, path: &CStr, mode: u32) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(self.root, path, flags, Mode::from_bits_retain(mode))?;
        rustix::io::write(file.as_fd(), b"attacker's\n")?;
        // So that reading it shows.
        futimens(&file, &READ_LONG_AGO)
    }

    fn dir(&self, path: &CStr) -> Result<()> {
        mkdirat(self.root, path, Mode::from_bits_retain(0o777))
    }
}

/// The canary's path relative to a link anywhere in the arena: up to the root of all, where further steps up stay.
fn relative<'b>(buffer: &'b mut [u8; PATH_BYTES], canary: &CStr) -> Result<&'b CStr> {
    const UP: &[u8] = b"../../../../../../../../../../../../../../../..";
    let path = canary.to_bytes();
    copy_path(buffer, UP, path.strip_prefix(b"/").unwrap_or(path)).ok_or(Errno::NAMETOOLONG)
}
