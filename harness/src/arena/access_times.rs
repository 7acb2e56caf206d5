//! Whether a file system keeps the time at which a file was read: mount(8) can turn that off, and some have none.

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, unlinkat};
use rustix::io::{Result, read, write};
use std::os::fd::BorrowedFd;

/// True when reading a file in `dir`, which must be empty, shows.
pub(super) fn are_kept(dir: BorrowedFd<'_>) -> bool {
    const PROBE: &str = "read";
    let kept = probe(dir, PROBE);
    // What could not be made need not go.
    let _ = unlinkat(dir, PROBE, AtFlags::empty());
    kept.unwrap_or(false)
}

fn probe(dir: BorrowedFd<'_>, name: &str) -> Result<bool> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(dir, name, flags, Mode::RUSR)?;
    write(&file, b"x")?;
    super::canary::backdate(dir, name.as_bytes())?;
    let before = fstat(&file)?;
    let again = openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    read(&again, &mut [0; 1])?;
    let after = fstat(&file)?;
    Ok((before.st_atime, before.st_atime_nsec) != (after.st_atime, after.st_atime_nsec))
}
