//! A second fence: a thread that may change files below one directory only (landlock(7), Linux 6.2).
//!
//! Does not cover what Landlock does not: changing modes, owners and times of files that are already there.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Access rights, `linux/landlock.h`: all ways to write, make, remove and rename, up to ABI 3.
const WRITE_FILE: u64 = 1 << 1;
const REMOVE_MAKE_RENAME_TRUNCATE: u64 = 0x7ff0;
static ALL: u64 = WRITE_FILE | REMOVE_MAKE_RENAME_TRUNCATE;
/// The first ABI that knows truncation.
const ABI: libc::c_long = 3;
const VERSION: u32 = 1;
const PATH_BENEATH: u32 = 1;

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Keeps the calling thread, and threads that it starts later, from changing files that are not below `dir`. There
/// is no way back. `/dev` may still be written to.
pub(crate) fn write_only_below(dir: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: asks for a number; no pointer is passed.
    let abi =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u64>(), 0usize, VERSION) };
    if abi < ABI {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    // SAFETY: passes a live attribute of one word, which the first ABI defined, and its size.
    let fd = check(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, &raw const ALL, size_of::<u64>(), 0)
    })?;
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    let rules = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    allow(&rules, dir, ALL)?;
    let path_only = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    let devices = rustix::fs::open("/dev", path_only, rustix::fs::Mode::empty())?;
    allow(&rules, std::os::fd::AsFd::as_fd(&devices), WRITE_FILE)?;
    super::thread::no_new_privileges()?;
    // SAFETY: takes a descriptor and no pointer.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) }).map(drop)
}

fn allow(rules: &OwnedFd, dir: BorrowedFd<'_>, allowed: u64) -> io::Result<()> {
    let rule = PathBeneath { allowed, parent: dir.as_raw_fd() };
    // SAFETY: passes a live struct of the kernel's own layout.
    let added = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), PATH_BENEATH, &raw const rule, 0)
    };
    check(added).map(drop)
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
