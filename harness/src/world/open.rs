//! Opening in a victim's place without ever waiting for the other end of a FIFO: the open is made with O_NONBLOCK, that
//! caution is taken out of the descriptor again, and what would have waited for ever is told by what came of it.

use super::Outcome;
use super::stop::Stop;
use crate::arena::tree::{Entry, PATH_BYTES, copy_path, entry_of};
use crate::sys::perform::{borrow, close};
use rustix::fs::{AtFlags, FileType, OFlags, StatxFlags, statx};
use std::os::fd::BorrowedFd;

/// True when the open could wait, so that it is to be made with O_NONBLOCK.
pub(super) fn may_wait(stop: &Stop) -> bool {
    let has = |flags: i32| stop.made_with() & flags as u32 == flags as u32;
    let never_a_fifo = has(libc::O_CREAT | libc::O_EXCL) || has(libc::O_DIRECTORY) || has(libc::O_PATH);
    !never_a_fifo && !has(libc::O_NONBLOCK)
}

/// What the open came to, from the value that the kernel returned, and what was opened. `root` is the arena; `descriptors`
/// numbers the descriptors made so far. After [`Outcome::Blocks`] no descriptor is left.
pub(super) fn settle(
    stop: &Stop,
    value: i64,
    root: BorrowedFd<'_>,
    descriptors: &mut u32,
) -> (Outcome, Option<Entry>) {
    let waits = may_wait(stop);
    if value < 0 {
        // A socket cannot be opened either, and says the same, but at once.
        let fifo = waits && value == -i64::from(libc::ENXIO) && is_fifo(stop, root);
        return (if fifo { Outcome::Blocks } else { Outcome::of(value) }, None);
    }
    let fd = borrow(value as i32);
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let Ok(found) = statx(fd, c"", AtFlags::EMPTY_PATH, wanted) else {
        return (Outcome::Value(value), None);
    };
    let opened = entry_of(&found);
    let reads = stop.flags & libc::O_ACCMODE as u32 == libc::O_RDONLY as u32;
    // A writer that got in without waiting has a reader; a reader always gets in.
    if waits && reads && opened.kind == FileType::Fifo {
        close(value as i32);
        return (Outcome::Blocks, None);
    }
    if waits && let Ok(flags) = rustix::fs::fcntl_getfl(fd) {
        // Cannot fail on a descriptor that was just opened.
        let _ = rustix::fs::fcntl_setfl(fd, flags - OFlags::NONBLOCK);
    }
    *descriptors += 1;
    (Outcome::Descriptor(*descriptors - 1, opened.ident), Some(opened))
}

fn is_fifo(stop: &Stop, root: BorrowedFd<'_>) -> bool {
    let mut buffer = [0; PATH_BYTES];
    let path = stop.places().first().and_then(|p| copy_path(&mut buffer, &[], &p.path));
    let found = path.and_then(|p| statx(root, p, AtFlags::empty(), StatxFlags::BASIC_STATS).ok());
    found.is_some_and(|found| FileType::from_raw_mode(found.stx_mode.into()) == FileType::Fifo)
}
