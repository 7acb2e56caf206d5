//! What processes ask of a file system, and what it answers.

use rustix::fs::{FileType, OFlags, RenameFlags};
use std::fmt;
use std::io::SeekFrom;

/// Number of an open descriptor, in the model and in [`super::Files`] of all kinds: they count from 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub(super) u32);

impl Fd {
    pub(super) const FIRST: u32 = 3;

    /// The descriptor that was opened after this many others, none of which has been closed.
    #[must_use]
    pub fn nth(before: u32) -> Fd {
        Fd(Fd::FIRST + before)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A path, and the directory that it is looked up from.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// An open directory; the one that the process began in without.
    pub dir: Option<Fd>,
    /// The path.
    pub path: Vec<u8>,
}

impl Place {
    /// A path from the directory that the process began in.
    #[must_use]
    pub fn at(path: impl AsRef<[u8]>) -> Place {
        Place { dir: None, path: path.as_ref().to_vec() }
    }

    /// A path from an open directory.
    #[must_use]
    pub fn below(dir: Fd, path: impl AsRef<[u8]>) -> Place {
        Place { dir: Some(dir), path: path.as_ref().to_vec() }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = self.dir.map_or("AT_FDCWD".to_owned(), |dir| dir.0.to_string());
        write!(f, "({dir}, \"{}\")", self.path.escape_ascii())
    }
}

/// A call. Modes have permission bits and the sticky bit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the arguments that the man page of each call names")]
pub enum Call {
    /// openat(2).
    Open { at: Place, flags: OFlags, mode: u32 },
    /// mkdirat(2).
    Mkdir { at: Place, mode: u32 },
    /// mknodat(2) of a FIFO.
    Mkfifo { at: Place, mode: u32 },
    /// mknodat(2) of a socket.
    Mksocket { at: Place, mode: u32 },
    /// symlinkat(2).
    Symlink { target: Vec<u8>, at: Place },
    /// linkat(2), with AT_SYMLINK_FOLLOW if asked for.
    Link { from: Place, to: Place, follow: bool },
    /// linkat(2) of an open file, as by `/proc/self/fd`.
    LinkOpen { file: Fd, to: Place },
    /// unlinkat(2).
    Unlink { at: Place },
    /// unlinkat(2) with AT_REMOVEDIR.
    Rmdir { at: Place },
    /// renameat2(2).
    Rename { from: Place, to: Place, flags: RenameFlags },
    /// fchmodat(2), which follows links.
    Chmod { at: Place, mode: u32 },
    /// fchmod(2).
    Fchmod { file: Fd, mode: u32 },
    /// fchownat(2).
    Chown { at: Place, uid: Option<u32>, gid: Option<u32>, follow: bool },
    /// fchown(2).
    Fchown { file: Fd, uid: Option<u32>, gid: Option<u32> },
    /// newfstatat(2), with AT_SYMLINK_NOFOLLOW unless it is to follow.
    Stat { at: Place, follow: bool },
    /// fstat(2).
    Fstat { file: Fd },
    /// readlinkat(2).
    Readlink { at: Place },
    /// read(2).
    Read { file: Fd, length: usize },
    /// write(2).
    Write { file: Fd, bytes: Vec<u8> },
    /// lseek(2). Positions in a directory are each file system's own, so there it is EISDIR here.
    Seek { file: Fd, to: SeekFrom },
    /// ftruncate(2).
    Truncate { file: Fd, length: usize },
    /// getdents64(2), from the beginning to the end.
    List { file: Fd },
    /// close(2).
    Close { file: Fd },
    /// umask(2).
    Umask { mask: u32 },
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing but that it was done.
    Done,
    /// A new descriptor.
    Descriptor(Fd),
    /// What stat(2) tells.
    Status(Status),
    /// What was read: of a file, or where a link points.
    Bytes(Vec<u8>),
    /// The names in a directory, sorted, without `.` and `..`.
    Names(Vec<Vec<u8>>),
    /// How much was written, or where one is then, in bytes.
    Count(usize),
    /// It would never return: nobody is at the other end of the FIFO.
    Blocks,
}

/// What is known about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number. The kernel gives it to another file later on, the model does not.
    pub ino: u64,
    /// Its type.
    pub kind: FileType,
    /// Permission bits and sticky bit.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names that lead to it; of a directory 1.
    pub links: u32,
    /// Bytes in it; of a directory 0.
    pub size: u64,
}
