//! What of mounts and namespaces the safe wrappers lack: making a whole tree read-only, entering new namespaces.

use std::io;
use std::time::Duration;

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const READ_ONLY: u64 = 1;
const RECURSIVE: libc::c_uint = 0x8000;

/// Makes every mount of the calling thread's namespace read-only (Linux 5.12). A file that was written there, and closed,
/// may still be held by a child that another thread has just forked; that is waited for.
pub(crate) fn make_all_read_only() -> io::Result<()> {
    const TRIES: u32 = 200;
    for _ in 1..TRIES {
        match try_to_make_all_read_only() {
            Err(e) if e.raw_os_error() == Some(libc::EBUSY) => std::thread::sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
    try_to_make_all_read_only()
}

fn try_to_make_all_read_only() -> io::Result<()> {
    let attributes = Attributes { set: READ_ONLY, clear: 0, propagation: 0, user_namespace: 0 };
    // SAFETY: passes a C string, and a live struct of the kernel's own layout with its size.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            c"/".as_ptr(),
            RECURSIVE,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives the calling thread, which must have its own file context, a mount namespace of its own.
pub(crate) fn own_mount_namespace() -> io::Result<()> {
    unshare(libc::CLONE_NEWNS)
}

/// Gives this process, which must have one thread, a user namespace of its own, in which it has all capabilities.
pub(crate) fn own_user_namespace() -> io::Result<()> {
    unshare(libc::CLONE_NEWUSER)
}

fn unshare(what: libc::c_int) -> io::Result<()> {
    // SAFETY: takes a number; the kernel refuses what the caller's threads do not allow.
    if unsafe { libc::unshare(what) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
