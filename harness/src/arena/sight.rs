//! What another process sees that reads an entry at this moment. Content is told by its size and a hash, because the
//! victim may be held inside malloc, so that none of it can be kept.

use super::tree::{PATH_BYTES, copy_path};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::{Errno, read};
use std::hash::{DefaultHasher, Hasher};
use std::os::fd::BorrowedFd;

/// A file with more is not read.
const MOST_BYTES: u64 = 16 << 20;

/// What a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nothing stands there.
    Absent,
    /// A file with this content.
    Content { size: u64, hash: u64 },
    /// What we cannot read, or is too large.
    Unknown,
}

impl Sight {
    /// Reads what a path of the arena leads to, links followed as any reader follows them.
    pub(crate) fn of(root: BorrowedFd<'_>, path: &[u8]) -> Sight {
        let mut buffer = [0; PATH_BYTES];
        let Some(path) = copy_path(&mut buffer, &[], path) else { return Sight::Unknown };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        match openat(root, path, flags, Mode::empty()) {
            Ok(file) => content(&file).unwrap_or(Sight::Unknown),
            Err(Errno::NOENT) => Sight::Absent,
            Err(_) => Sight::Unknown,
        }
    }

    /// What is seen of a file with this content, all in one piece.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Sight {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Sight::Content { size: bytes.len() as u64, hash: hasher.finish() }
    }

    /// True for a file with nothing in it.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Sight::Content { size: 0, .. })
    }
}

fn content(file: &impl std::os::fd::AsFd) -> rustix::io::Result<Sight> {
    let is_file = FileType::from_raw_mode(fstat(file)?.st_mode) == FileType::RegularFile;
    let mut buffer = [0; 16 * 1024];
    let (mut hasher, mut size) = (DefaultHasher::new(), 0);
    while is_file && size <= MOST_BYTES {
        match read(file, &mut buffer)? {
            0 => return Ok(Sight::Content { size, hash: hasher.finish() }),
            count => {
                hasher.write(&buffer[..count]);
                size += count as u64;
            }
        }
    }
    Ok(Sight::Unknown)
}
