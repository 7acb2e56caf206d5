//! Does what an attacker decides, with the attacker's own credentials where there are any.
//!
//! Called while the victim is held, possibly inside malloc: raw calls on buffers of the stack, nothing else.

use crate::arena::tree::{PATH_BYTES, copy_path};
use crate::attacker::moves::{Bait, Move, Verb};
use crate::error::Error;
use crate::sys;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, chmodat, linkat, mkdirat, mknodat, openat, renameat_with,
    symlinkat, unlinkat,
};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// The attacker's uid where we may choose one: nobody.
pub(crate) const ATTACKER_UID: u32 = 65534;

/// The absolute paths that links point to, made beforehand.
struct Targets {
    canary: CString,
    missing: CString,
    dir: CString,
    decoy: CString,
}

/// The attacker at work in one arena.
pub(crate) struct Hands {
    worker: Option<sys::lend::Worker>,
    targets: Targets,
    /// Names for the links in a hostile directory.
    known: Vec<CString>,
    serial: u32,
}

impl Hands {
    /// `uid` is the attacker's own, or `None` to act with our credentials.
    pub(crate) fn new(arena: &Path, uid: Option<u32>) -> std::result::Result<Hands, Error> {
        let worker = uid
            .map(|uid| {
                sys::lend::Worker::start(move || {
                    sys::thread::own_file_context()?;
                    sys::thread::umask(0);
                    sys::thread::become_user(uid)
                })
            })
            .transpose()
            .map_err(|e| Error::ours("start the attacker's thread", e))?;
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
        Ok(Hands { worker, targets, known: Vec::new(), serial: 0 })
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
        // Whether one may link to another's file is a setting of the machine (fs.protected_hardlinks). A verdict is
        // about the code, so that link is made with our credentials; the class was asked beforehand.
        let own = self.worker.as_ref().filter(|_| act.bait != Bait::HardLink);
        let Some(worker) = own else {
            let before = sys::thread::umask(0);
            let result = work.run();
            sys::thread::umask(before);
            return result;
        };
        let mut result = Ok(());
        worker.run(&mut || result = work.run());
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
        let bait = self.act.bait;
        match self.act.verb {
            Verb::Plant | Verb::TakeNames => self.make(bait, path),
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
                link(relative(&mut target, self.path)?)
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
        rustix::io::write(file.as_fd(), b"attacker's\n").map(drop)
    }

    fn dir(&self, path: &CStr) -> Result<()> {
        mkdirat(self.root, path, Mode::from_bits_retain(0o777))
    }
}

/// `../outside/canary`, with one `..` for each directory between `path` and the arena.
fn relative<'b>(buffer: &'b mut [u8; PATH_BYTES], path: &[u8]) -> Result<&'b CStr> {
    let depth = path.iter().filter(|&&b| b == b'/').count();
    let mut up = [0u8; 96];
    let used = depth * 3;
    let up = up.get_mut(..used).ok_or(Errno::NAMETOOLONG)?;
    up.chunks_mut(3).for_each(|chunk| chunk.copy_from_slice(b"../"));
    let up = &up[..used.saturating_sub(1)];
    copy_path(buffer, up, b"outside/canary").ok_or(Errno::NAMETOOLONG)
}
