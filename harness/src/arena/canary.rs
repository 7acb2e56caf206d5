//! An entry that is watched through a held descriptor: one call tells whether anything was done to it.

use super::tree::{PATH_BYTES, copy_path};
use rustix::fs::{AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, openat, utimensat};
use rustix::io::{Errno, Result};
use std::os::fd::{BorrowedFd, OwnedFd};

/// An entry and the state it must keep.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) path: Vec<u8>,
    held: OwnedFd,
    state: Stat,
}

impl Canary {
    pub(super) fn hold(root: BorrowedFd<'_>, path: &[u8]) -> Result<Canary> {
        let held = openat(root, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        let state = rustix::fs::fstat(&held)?;
        Ok(Canary { path: path.to_vec(), held, state })
    }

    /// True when nothing that fstat shows has changed.
    pub(super) fn is_untouched(&self) -> bool {
        let who = |s: &Stat| (s.st_mode, s.st_nlink, s.st_uid, s.st_gid, s.st_size);
        let when = |s: &Stat| (s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
        let key = |s: &Stat| (who(s), when(s));
        rustix::fs::fstat(&self.held).is_ok_and(|now| key(&now) == key(&self.state))
    }
}

/// Gives an entry times of long ago: any change sets others, even within one tick of a coarse file system clock.
pub(super) fn backdate(root: BorrowedFd<'_>, path: &[u8]) -> Result<()> {
    const LONG_AGO: Timespec = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
    let mut buffer = [0; PATH_BYTES];
    let path = copy_path(&mut buffer, &[], path).ok_or(Errno::NAMETOOLONG)?;
    let times = Timestamps { last_access: LONG_AGO, last_modification: LONG_AGO };
    utimensat(root, path, &times, AtFlags::SYMLINK_NOFOLLOW)
}
