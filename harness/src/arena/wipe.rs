//! Removes entries without following anything: every step is relative to a directory that is held open and was
//! opened with O_NOFOLLOW, so a link in the way is removed, never entered.

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::{Errno, Result};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

/// Removes one entry, which must be empty if it is a directory.
pub(super) fn remove_one(root: BorrowedFd<'_>, path: &[u8], is_dir: bool) -> Result<()> {
    unlinkat(root, path, if is_dir { AtFlags::REMOVEDIR } else { AtFlags::empty() })
}

/// Removes `name` in `parent` with everything below it. A name that is not there is no error.
pub(super) fn remove(parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    if empty(parent, name)? { unlinkat(parent, name, AtFlags::REMOVEDIR) } else { Ok(()) }
}

/// Leaves of `name` in `parent` an empty directory, or nothing if it was none; true for a directory.
pub(super) fn empty(parent: BorrowedFd<'_>, name: &CStr) -> Result<bool> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(false),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(e) => return Err(e),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(parent, name, flags, Mode::empty()).or_else(|e| {
        if e != Errno::ACCESS {
            return Err(e);
        }
        rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
            .or_else(|_| rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty()))?;
        openat(parent, name, flags, Mode::empty())
    })?;
    // Without write permission its entries could not be removed; it may have none.
    let _ = rustix::fs::fchmod(&opened, Mode::RWXU);
    for entry in Dir::read_from(&opened)? {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            remove(opened.as_fd(), entry.file_name())?;
        }
    }
    Ok(true)
}
