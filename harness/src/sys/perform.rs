//! Makes a held victim's call in its place, so that its result is known exactly and at once.
//!
//! Sound in process only: the supervisor shares the victim's memory, descriptors, working directory and umask.

use rustix::io::Errno;
use std::os::fd::{IntoRawFd, OwnedFd};

/// A call as the kernel sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawCall {
    pub(crate) nr: u32,
    pub(crate) args: [u64; 6],
}

/// Makes the call and returns its value, or the negated errno.
pub(crate) fn perform(call: &RawCall) -> i64 {
    let [a, b, c, d, e, f] = call.args;
    // SAFETY: the arguments are those of a victim thread of this process that is held in this very call, with some
    // of them replaced by live buffers of ours; what the kernel writes is what the victim asked it to write.
    let value = unsafe { libc::syscall(libc::c_long::from(call.nr), a, b, c, d, e, f) };
    if value == -1 {
        -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    } else {
        value
    }
}

/// The number of the marker call: no kernel knows it, only our filter does.
pub(crate) const MARKER: u32 = 0x3a17_ba17;

/// What the marker says of a thread that panics.
pub(crate) const PANICS: u64 = 1;

/// Stops the calling thread until the supervisor answers; `None` when there is no supervisor any more.
pub(crate) fn stop_at_marker() -> Option<i64> {
    mark(0)
}

/// Tells the supervisor, if there is one, that the calling thread panics.
pub(crate) fn tell_of_panic() {
    mark(PANICS);
}

fn mark(what: u64) -> Option<i64> {
    // SAFETY: an unknown number without pointers; without a filter the kernel answers ENOSYS.
    let value = unsafe { libc::syscall(libc::c_long::from(MARKER), what, 0, 0, 0, 0, 0) };
    (value >= 0).then_some(value)
}

/// Borrows a descriptor of the victim, which shares our table, for as long as the victim is held.
pub(crate) fn borrow<'a>(number: i32) -> std::os::fd::BorrowedFd<'a> {
    // SAFETY: used only for calls that fail with EBADF if the number is not open; -1 alone is not allowed.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(number.max(0)) }
}

/// Closes a file and says how that went, which dropping it does not.
pub(crate) fn close_file(file: OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: the number was owned by `file`, which is gone.
    let closed = unsafe { libc::close(file.into_raw_fd()) };
    let failed = |e: std::io::Error| Errno::from_io_error(&e).unwrap_or(Errno::IO);
    if closed == 0 { Ok(()) } else { Err(failed(std::io::Error::last_os_error())) }
}

/// Closes a descriptor that was opened in the victim's name and that the victim never got to see.
pub(crate) fn close(number: i32) {
    // SAFETY: the number was opened a moment ago by us and handed to nobody.
    unsafe { libc::close(number) };
}
