//! What of mounts and namespaces the safe wrappers lack: making a whole tree read-only, entering new namespaces.

use std::io;

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

/// Makes every mount of the calling thread's namespace read-only (Linux 5.12).
pub(crate) fn make_all_read_only() -> io::Result<()> {
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
