//! Removes arenas of runs that were killed. A live arena is locked by its owner (flock(2)), and the kernel drops the
//! lock when the owner is gone, whatever ended it.

use super::{PREFIX, wipe};
use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, openat};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

/// Removes what stands in `place` under a name of ours, belongs to us, is older than `own` and in nobody's use. What
/// cannot be removed stays: this is a courtesy, not a condition.
pub(super) fn sweep(place: BorrowedFd<'_>, own: BorrowedFd<'_>) {
    let Ok(now) = rustix::fs::fstat(own).map(|stat| stat.st_ctime) else { return };
    let Ok(entries) = Dir::read_from(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_bytes().starts_with(PREFIX.as_bytes()) && is_abandoned(place, name, now) {
            let _ = wipe::remove(place, name);
        }
    }
}

fn is_abandoned(place: BorrowedFd<'_>, name: &CStr, now: i64) -> bool {
    // An arena that is being made is not locked yet, but new; nobody waits this long between two calls.
    const YOUNG: i64 = 60;
    let ours = rustix::process::geteuid().as_raw();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(root) = openat(place, name, flags, Mode::empty()) else { return false };
    let old = |stat: &rustix::fs::Stat| stat.st_uid == ours && now - stat.st_ctime > YOUNG;
    let named = |stat: &rustix::fs::Stat| {
        let found = rustix::fs::statat(place, name, AtFlags::SYMLINK_NOFOLLOW);
        found.is_ok_and(|f| (f.st_dev, f.st_ino) == (stat.st_dev, stat.st_ino))
    };
    rustix::fs::fstat(&root).is_ok_and(|stat| old(&stat) && named(&stat))
        && rustix::fs::flock(&root, FlockOperation::NonBlockingLockExclusive).is_ok()
}
