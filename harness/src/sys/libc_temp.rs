//! The C library's own ways of making temporary files, wrapped so that victims in safe Rust can call them.
//!
//! They are victims, not tools: nothing else in the library uses them.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

/// `mkstemp(3)`: fills in the six X of `template`, returns the file and its name.
///
/// # Errors
/// What `mkstemp` reports, EINVAL for a template that does not end in six X.
pub fn mkstemp(template: &CStr) -> io::Result<(OwnedFd, CString)> {
    mkostemp(template, 0)
}

/// `mkostemp(3)`: as [`mkstemp`], with more open flags.
///
/// # Errors
/// As [`mkstemp`].
pub fn mkostemp(template: &CStr, flags: i32) -> io::Result<(OwnedFd, CString)> {
    let name = template.to_owned().into_raw();
    // SAFETY: `name` is a writable NUL-terminated string that we own.
    let fd = unsafe { libc::mkostemp(name, flags) };
    let error = io::Error::last_os_error();
    // SAFETY: comes from `into_raw` above and kept its length.
    let name = unsafe { CString::from_raw(name) };
    if fd < 0 {
        return Err(error);
    }
    // SAFETY: a fresh descriptor that nobody else knows.
    Ok((unsafe { OwnedFd::from_raw_fd(fd) }, name))
}

/// `mkdtemp(3)`: makes a directory of mode 0700.
///
/// # Errors
/// What `mkdtemp` reports.
pub fn mkdtemp(template: &CStr) -> io::Result<CString> {
    let name = template.to_owned().into_raw();
    // SAFETY: `name` is a writable NUL-terminated string that we own.
    let failed = unsafe { libc::mkdtemp(name) }.is_null();
    let error = io::Error::last_os_error();
    // SAFETY: comes from `into_raw` above and kept its length.
    let name = unsafe { CString::from_raw(name) };
    if failed { Err(error) } else { Ok(name) }
}

/// `tmpnam(3)`: a name that was free when the call looked.
///
/// # Errors
/// When no name could be found.
pub fn tmpnam() -> io::Result<CString> {
    let mut buffer = [0 as libc::c_char; 64];
    // SAFETY: the buffer is larger than L_tmpnam (20 in glibc, as in musl).
    if unsafe { tmpnam_of_libc(buffer.as_mut_ptr()) }.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: on success the buffer holds a NUL-terminated string.
    Ok(unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_owned())
}

/// `tempnam(3)`: as [`tmpnam`], in a directory and with a prefix.
///
/// # Errors
/// When no name could be found.
pub fn tempnam(dir: &CStr, prefix: &CStr) -> io::Result<CString> {
    // SAFETY: both are NUL-terminated strings.
    let name = unsafe { tempnam_of_libc(dir.as_ptr(), prefix.as_ptr()) };
    if name.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a NUL-terminated string from malloc.
    let owned = unsafe { CStr::from_ptr(name) }.to_owned();
    // SAFETY: freed once, not used again.
    unsafe { libc::free(name.cast()) };
    Ok(owned)
}

/// `tmpfile(3)`, its stream given back as a [`File`].
///
/// # Errors
/// What `tmpfile` reports.
pub fn tmpfile() -> io::Result<File> {
    // SAFETY: takes nothing.
    let stream = unsafe { libc::tmpfile() };
    if stream.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a live stream.
    let number = unsafe { libc::fileno(stream) };
    // SAFETY: duplicates an open descriptor; the duplicate is ours alone.
    let fd = unsafe { libc::dup(number) };
    // SAFETY: closed once, not used again.
    unsafe { libc::fclose(stream) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else knows.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Gives an unnamed file (O_TMPFILE) a name, through `/proc/self/fd` as open(2) shows. Fails if the name is taken.
///
/// # Errors
/// What `linkat(2)` reports.
pub fn link_unnamed(file: &File, name: &Path) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    let cwd = rustix::fs::CWD;
    Ok(rustix::fs::linkat(cwd, from, cwd, name, rustix::fs::AtFlags::SYMLINK_FOLLOW)?)
}

unsafe extern "C" {
    #[link_name = "tmpnam"]
    fn tmpnam_of_libc(buffer: *mut libc::c_char) -> *mut libc::c_char;
    #[link_name = "tempnam"]
    fn tempnam_of_libc(dir: *const libc::c_char, prefix: *const libc::c_char) -> *mut libc::c_char;
}
