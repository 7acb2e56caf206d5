//! The names of errnos, as errno(3) has them.

const NAMES: [(i32, &str); 49] = [
    (libc::EPERM, "EPERM"),
    (libc::ENOENT, "ENOENT"),
    (libc::EINTR, "EINTR"),
    (libc::EIO, "EIO"),
    (libc::ENXIO, "ENXIO"),
    (libc::EBADF, "EBADF"),
    (libc::EACCES, "EACCES"),
    (libc::EFAULT, "EFAULT"),
    (libc::EBUSY, "EBUSY"),
    (libc::EEXIST, "EEXIST"),
    (libc::EXDEV, "EXDEV"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::EISDIR, "EISDIR"),
    (libc::EINVAL, "EINVAL"),
    (libc::EMFILE, "EMFILE"),
    (libc::ETXTBSY, "ETXTBSY"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::EROFS, "EROFS"),
    (libc::EMLINK, "EMLINK"),
    (libc::ENAMETOOLONG, "ENAMETOOLONG"),
    (libc::ENOSYS, "ENOSYS"),
    (libc::ENOTEMPTY, "ENOTEMPTY"),
    (libc::ELOOP, "ELOOP"),
    (libc::ENODATA, "ENODATA"),
    (libc::EOPNOTSUPP, "EOPNOTSUPP"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::ESTALE, "ESTALE"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::ENFILE, "ENFILE"),
    (libc::EAGAIN, "EAGAIN"),
    (libc::EFBIG, "EFBIG"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOTSOCK, "ENOTSOCK"),
    (libc::EADDRINUSE, "EADDRINUSE"),
    (libc::ERANGE, "ERANGE"),
    (libc::EILSEQ, "EILSEQ"),
    (libc::EOVERFLOW, "EOVERFLOW"),
    (libc::ESRCH, "ESRCH"),
    (libc::ECHILD, "ECHILD"),
    (libc::EPIPE, "EPIPE"),
    (libc::ESPIPE, "ESPIPE"),
    (libc::EDEADLK, "EDEADLK"),
    (libc::ENOLCK, "ENOLCK"),
    (libc::E2BIG, "E2BIG"),
    (libc::ENOEXEC, "ENOEXEC"),
    (libc::ENOTTY, "ENOTTY"),
    (libc::ENOTBLK, "ENOTBLK"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
];

/// The name of an errno; its number where it is not one of a file system call.
#[must_use]
pub fn errno_name(errno: i32) -> String {
    let name = NAMES.iter().find(|(number, _)| *number == errno);
    name.map_or_else(|| format!("errno {errno}"), |(_, name)| (*name).to_owned())
}

/// The errno of that name.
pub(crate) fn errno_named(name: &str) -> Option<i32> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}
