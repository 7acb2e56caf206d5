//! Where calls go: the model, or the kernel. What is written against this runs on both.

use super::call::{Call, Fd, Place, Reply, Status};
use rustix::fs::{OFlags, RenameFlags};
use rustix::io::{Errno, Result};
use std::io::SeekFrom;

/// A file system as one process sees it. A method is one call, which `man 2` tells of.
///
/// # Errors
/// Each method gives the errno that its call fails with, and [`Errno::PROTO`] when the file system answers what does not
/// belong to the call.
#[expect(clippy::missing_errors_doc, reason = "said of all of them above")]
pub trait Files {
    /// Makes a call.
    fn call(&self, call: Call) -> Result<Reply>;

    /// A number that tells this process from all others.
    fn pid(&self) -> u32;

    /// The user that this process is.
    fn uid(&self) -> u32;

    /// openat(2).
    fn open(&self, at: Place, flags: OFlags, mode: u32) -> Result<Fd> {
        match self.call(Call::Open { at, flags, mode })? {
            Reply::Descriptor(fd) => Ok(fd),
            Reply::Blocks => Err(Errno::DEADLK),
            _ => Err(Errno::PROTO),
        }
    }

    /// mkdirat(2).
    fn mkdir(&self, at: Place, mode: u32) -> Result<()> {
        self.call(Call::Mkdir { at, mode }).map(drop)
    }

    /// symlinkat(2).
    fn symlink(&self, target: &[u8], at: Place) -> Result<()> {
        self.call(Call::Symlink { target: target.to_vec(), at }).map(drop)
    }

    /// linkat(2).
    fn link(&self, from: Place, to: Place) -> Result<()> {
        self.call(Call::Link { from, to, follow: false }).map(drop)
    }

    /// linkat(2) of an open file.
    fn link_open(&self, file: Fd, to: Place) -> Result<()> {
        self.call(Call::LinkOpen { file, to }).map(drop)
    }

    /// unlinkat(2).
    fn unlink(&self, at: Place) -> Result<()> {
        self.call(Call::Unlink { at }).map(drop)
    }

    /// unlinkat(2) with AT_REMOVEDIR.
    fn rmdir(&self, at: Place) -> Result<()> {
        self.call(Call::Rmdir { at }).map(drop)
    }

    /// renameat2(2).
    fn rename(&self, from: Place, to: Place, flags: RenameFlags) -> Result<()> {
        self.call(Call::Rename { from, to, flags }).map(drop)
    }

    /// newfstatat(2).
    fn stat(&self, at: Place, follow: bool) -> Result<Status> {
        self.status(Call::Stat { at, follow })
    }

    /// fstat(2).
    fn fstat(&self, file: Fd) -> Result<Status> {
        self.status(Call::Fstat { file })
    }

    /// One of the two.
    #[doc(hidden)]
    fn status(&self, call: Call) -> Result<Status> {
        if let Reply::Status(status) = self.call(call)? { Ok(status) } else { Err(Errno::PROTO) }
    }

    /// readlinkat(2).
    fn readlink(&self, at: Place) -> Result<Vec<u8>> {
        if let Reply::Bytes(target) = self.call(Call::Readlink { at })? {
            Ok(target)
        } else {
            Err(Errno::PROTO)
        }
    }

    /// read(2), once.
    fn read(&self, file: Fd, length: usize) -> Result<Vec<u8>> {
        if let Reply::Bytes(bytes) = self.call(Call::Read { file, length })? {
            Ok(bytes)
        } else {
            Err(Errno::PROTO)
        }
    }

    /// write(2), once.
    fn write(&self, file: Fd, bytes: &[u8]) -> Result<usize> {
        let call = Call::Write { file, bytes: bytes.to_vec() };
        if let Reply::Count(count) = self.call(call)? { Ok(count) } else { Err(Errno::PROTO) }
    }

    /// lseek(2).
    fn seek(&self, file: Fd, to: SeekFrom) -> Result<usize> {
        if let Reply::Count(position) = self.call(Call::Seek { file, to })? {
            Ok(position)
        } else {
            Err(Errno::PROTO)
        }
    }

    /// ftruncate(2).
    fn truncate(&self, file: Fd, length: usize) -> Result<()> {
        self.call(Call::Truncate { file, length }).map(drop)
    }

    /// getdents64(2).
    fn list(&self, file: Fd) -> Result<Vec<Vec<u8>>> {
        if let Reply::Names(names) = self.call(Call::List { file })? { Ok(names) } else { Err(Errno::PROTO) }
    }

    /// close(2).
    fn close(&self, file: Fd) -> Result<()> {
        self.call(Call::Close { file }).map(drop)
    }
}
