//! Writing a file so that readers see the old one or the new one, whole, and nothing that stands in the way is followed.

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Makes the file under a name that nobody can guess, exclusively, and renames it into place.
pub(super) fn put(dir: BorrowedFd<'_>, name: &OsStr, bytes: &[u8]) -> Result<()> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let temporary = format!(".linkbait-{:016x}", u64::from_ne_bytes(random));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(dir, &temporary, flags, Mode::from_bits_retain(0o666))?;
    let done = write_all(&file, bytes).and_then(|()| renameat(dir, &temporary, dir, name));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = unlinkat(dir, &temporary, AtFlags::empty());
    }
    done
}

fn write_all(file: &std::os::fd::OwnedFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Opens a directory to work in.
pub(super) fn open_dir(at: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<std::os::fd::OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty())
}
