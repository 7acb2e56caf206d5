//! The same calls, made by the kernel.

use super::call::{Call, Fd, Place, Reply, Status};
use super::files::Files;
use crate::sys::perform::{borrow, close_file};
use crate::sys::thread;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, RawDir, SeekFrom, Stat, Uid, chmodat, chownat, fchmod, fchown,
    fstat, ftruncate, linkat, mkdirat, mknodat, openat, readlinkat, renameat_with, seek, statat, symlinkat,
    unlinkat,
};
use rustix::io::{Errno, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// What a call of ours asks for beside what a [`Call`] says: no descriptor gets to programs.
pub(crate) const ALWAYS: OFlags = OFlags::CLOEXEC;

const PERMISSIONS: u32 = 0o1777;

/// No process may have so many descriptors.
const NEVER_OPEN: i32 = i32::MAX;

/// A directory of the machine as the root of what a thread sees, and the files that it has open.
#[derive(Debug)]
pub struct Kernel {
    /// What relative paths begin with. A path and no descriptor, so that looking things up takes no call beside the one
    /// asked for.
    root: Vec<u8>,
    /// `/proc/thread-self/fd`, where it cannot be reached by its path.
    own: Option<OwnedFd>,
    open: RefCell<BTreeMap<Fd, OwnedFd>>,
}

impl Kernel {
    /// Paths are looked up from `root`. Absolute ones, and links, lead wherever they lead.
    #[must_use]
    pub fn at(root: &Path) -> Kernel {
        let root = [root.as_os_str().as_encoded_bytes(), b"/"].concat();
        Kernel { root, own: None, open: RefCell::default() }
    }

    /// The same for a thread that becomes another user for good, and whose own root directory is `root` from now on: no
    /// path leads out of it. Takes root.
    ///
    /// # Errors
    /// Of the system calls it makes; the thread is of no use for anything else then.
    pub fn confined(root: &Path, uid: u32) -> io::Result<Kernel> {
        thread::own_file_context()?;
        let dir = OFlags::PATH | OFlags::DIRECTORY | ALWAYS;
        let own = openat(CWD, "/proc/thread-self/fd", dir, Mode::empty())?;
        rustix::process::chdir(root)?;
        rustix::process::chroot(".")?;
        thread::become_user(uid)?;
        Ok(Kernel { root: Vec::new(), own: Some(own), open: RefCell::default() })
    }

    /// Leaves the files open that were not closed, as a process does that goes on.
    pub(crate) fn leave_open(self) {
        self.open.into_inner().into_values().for_each(std::mem::forget);
    }

    /// Does something with a path and the directory that it is looked up from.
    fn from<T>(&self, at: &Place, does: impl FnOnce(BorrowedFd<'_>, &[u8]) -> Result<T>) -> Result<T> {
        let open = self.open.borrow();
        match at.dir {
            // The kernel is to say what is wrong first.
            Some(dir) => does(open.get(&dir).map_or(borrow(NEVER_OPEN), AsFd::as_fd), &at.path),
            None if at.path.is_empty() || at.path[0] == b'/' => does(CWD, &at.path),
            None => does(CWD, &[self.root.as_slice(), &at.path].concat()),
        }
    }

    /// A name for an open file.
    fn link_to(&self, file: Fd) -> Result<(BorrowedFd<'_>, String)> {
        let number = self.with(file, |file| Ok(file.as_raw_fd()))?;
        Ok(match &self.own {
            Some(own) => (own.as_fd(), number.to_string()),
            None => (CWD, format!("/proc/self/fd/{number}")),
        })
    }

    fn with<T>(&self, file: Fd, does: impl FnOnce(BorrowedFd<'_>) -> Result<T>) -> Result<T> {
        let open = self.open.borrow();
        does(open.get(&file).ok_or(Errno::BADF)?.as_fd())
    }

    fn add(&self, file: OwnedFd) -> Fd {
        let mut open = self.open.borrow_mut();
        let fd = (0..).map(Fd::nth).find(|fd| !open.contains_key(fd)).unwrap_or(Fd::nth(0));
        open.insert(fd, file);
        fd
    }

    fn names(&self, call: &Call) -> Result<Reply> {
        let done = |result: Result<()>| result.map(|()| Reply::Done);
        let none = AtFlags::empty();
        match call {
            Call::Mkdir { at, mode } => done(self.from(at, |dir, path| mkdirat(dir, path, bits(*mode)))),
            Call::Mkfifo { at, mode } => {
                done(self.from(at, |dir, path| mknodat(dir, path, FileType::Fifo, bits(*mode), 0)))
            }
            Call::Mksocket { at, mode } => {
                done(self.from(at, |dir, path| mknodat(dir, path, FileType::Socket, bits(*mode), 0)))
            }
            Call::Symlink { target, at } => {
                done(self.from(at, |dir, path| symlinkat(target.as_slice(), dir, path)))
            }
            Call::Link { from, to, follow } => {
                let flags = if *follow { AtFlags::SYMLINK_FOLLOW } else { none };
                done(self.two(from, to, |old, path, new, to| linkat(old, path, new, to, flags)))
            }
            Call::LinkOpen { file, to } => {
                let (from, name) = self.link_to(*file)?;
                let follow = AtFlags::SYMLINK_FOLLOW;
                done(self.from(to, |dir, path| linkat(from, name.as_str(), dir, path, follow)))
            }
            Call::Unlink { at } => done(self.from(at, |dir, path| unlinkat(dir, path, none))),
            Call::Rmdir { at } => done(self.from(at, |dir, path| unlinkat(dir, path, AtFlags::REMOVEDIR))),
            Call::Rename { from, to, flags } => {
                done(self.two(from, to, |old, path, new, to| renameat_with(old, path, new, to, *flags)))
            }
            _ => self.attributes(call),
        }
    }

    fn two(
        &self,
        from: &Place,
        to: &Place,
        does: impl FnOnce(BorrowedFd<'_>, &[u8], BorrowedFd<'_>, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.from(from, |old, path| self.from(to, |new, to| does(old, path, new, to)))
    }

    fn attributes(&self, call: &Call) -> Result<Reply> {
        let done = |result: Result<()>| result.map(|()| Reply::Done);
        let owner = |uid: &Option<u32>| uid.map(Uid::from_raw);
        let group = |gid: &Option<u32>| gid.map(Gid::from_raw);
        match call {
            Call::Chmod { at, mode } => {
                done(self.from(at, |dir, path| chmodat(dir, path, bits(*mode), AtFlags::empty())))
            }
            Call::Fchmod { file, mode } => done(self.with(*file, |file| fchmod(file, bits(*mode)))),
            Call::Chown { at, uid, gid, follow } => {
                let flags = no_follow(!*follow);
                done(self.from(at, |dir, path| chownat(dir, path, owner(uid), group(gid), flags)))
            }
            Call::Fchown { file, uid, gid } => {
                done(self.with(*file, |file| fchown(file, owner(uid), group(gid))))
            }
            Call::Stat { at, follow } => {
                self.from(at, |dir, path| statat(dir, path, no_follow(!*follow))).map(status)
            }
            Call::Fstat { file } => self.with(*file, |file| fstat(file)).map(status),
            Call::Readlink { at } => {
                let target = self.from(at, |dir, path| readlinkat(dir, path, Vec::new()))?;
                Ok(Reply::Bytes(target.into_bytes()))
            }
            _ => self.content(call),
        }
    }

    fn content(&self, call: &Call) -> Result<Reply> {
        match call {
            Call::Read { file, length } => self.with(*file, |file| {
                let mut bytes = vec![0; *length];
                let read = rustix::io::read(file, &mut bytes)?;
                bytes.truncate(read);
                Ok(Reply::Bytes(bytes))
            }),
            Call::Write { file, bytes } => {
                self.with(*file, |file| rustix::io::write(file, bytes)).map(Reply::Count)
            }
            Call::Seek { file, to } => self.with(*file, |file| seek_in(file, *to)).map(Reply::Count),
            Call::Truncate { file, length } => {
                self.with(*file, |file| ftruncate(file, *length as u64)).map(|()| Reply::Done)
            }
            Call::List { file } => self.with(*file, list).map(Reply::Names),
            Call::Close { file } => {
                let file = self.open.borrow_mut().remove(file).ok_or(Errno::BADF)?;
                close_file(file).map(|()| Reply::Done)
            }
            Call::Umask { mask } => {
                thread::umask(*mask);
                Ok(Reply::Done)
            }
            _ => Err(Errno::INVAL),
        }
    }
}

impl Files for Kernel {
    fn call(&self, call: Call) -> Result<Reply> {
        let Call::Open { at, flags, mode } = &call else { return self.names(&call) };
        let opened = self.from(at, |dir, path| openat(dir, path, *flags | ALWAYS, bits(*mode)))?;
        Ok(Reply::Descriptor(self.add(opened)))
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }
}

fn bits(mode: u32) -> Mode {
    Mode::from_bits_retain(mode)
}

fn no_follow(never: bool) -> AtFlags {
    if never { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() }
}

/// What the model knows of it, too: sizes and links of directories are each file system's own.
fn status(stat: Stat) -> Reply {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let is_dir = kind == FileType::Directory;
    Reply::Status(Status {
        ino: stat.st_ino,
        kind,
        mode: stat.st_mode & PERMISSIONS,
        uid: stat.st_uid,
        gid: stat.st_gid,
        links: if is_dir { u32::from(stat.st_nlink > 0) } else { stat.st_nlink as u32 },
        size: if is_dir { 0 } else { stat.st_size as u64 },
    })
}

/// Moves the position of what is no directory.
fn seek_in(file: BorrowedFd<'_>, to: io::SeekFrom) -> Result<usize> {
    if FileType::from_raw_mode(fstat(file)?.st_mode) == FileType::Directory {
        return Err(Errno::ISDIR);
    }
    let to = match to {
        io::SeekFrom::Start(from) => SeekFrom::Start(from),
        io::SeekFrom::Current(by) => SeekFrom::Current(by),
        io::SeekFrom::End(by) => SeekFrom::End(by),
    };
    seek(file, to).map(|position| position as usize)
}

/// The names in a directory, which is left at its beginning: where its end is differs from one file system to the other.
fn list(dir: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>> {
    // What is no directory stays where it is, and reading names says so.
    let is_dir = FileType::from_raw_mode(fstat(dir)?.st_mode) == FileType::Directory;
    let rewind = || if is_dir { seek(dir, SeekFrom::Start(0)).map(drop) } else { Ok(()) };
    // What was made after the open is seen on btrfs only now.
    let _ = rewind();
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(dir, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    rewind()?;
    names.sort();
    Ok(names)
}
