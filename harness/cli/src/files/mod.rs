//! Files: what they are called, how a failed call is shown, and how those that the user names are read. Writing is in
//! the modules.

mod folder;
mod splice;
mod target;

pub(crate) use folder::{open_below, read_in, save};
pub(crate) use splice::{BEGIN, END};
pub(crate) use target::Target;

use crate::args::Usage;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// Where reports and replay files go, relative to the working directory.
pub(crate) const FOLDER: &str = "target/linkbait";

/// Bytes that we are willing to read from a file.
const MOST: u64 = 64 << 20;

/// The replay file of a victim's n-th finding, relative to the working directory.
pub(crate) fn replay_path(victim: &str, number: usize, rule: &str) -> String {
    format!("{FOLDER}/{}", linkbait::save::replay_name(victim, number, rule))
}

/// A failed call as strace shows it.
pub(crate) fn failed(call: &str, path: &Path, errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("{call}({path:?}) = {} ({text})", linkbait::errno_name(errno.raw_os_error()))
}

/// Reads a file that the user named.
pub(crate) fn read(path: &Path, advice: &str) -> anyhow::Result<String> {
    let wrong = |call, e| Usage(format!("{}; {advice}", failed(call, path, e)));
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let text = read_all(file.map_err(|e| wrong("open", e))?).map_err(|e| wrong("read", e))?;
    text.map_err(|why| Usage(format!("{path:?} {why}; {advice}")).into())
}

/// The text of an open file, or why it is none for us.
fn read_all(file: OwnedFd) -> rustix::io::Result<Result<String, String>> {
    let mut bytes = Vec::new();
    let read = File::from(file).take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    if bytes.len() as u64 > MOST {
        return Ok(Err(format!("is larger than {} MiB", MOST >> 20)));
    }
    Ok(String::from_utf8(bytes).map_err(|_| "is not text".to_owned()))
}

/// Opens a directory to work in.
fn open_dir(at: BorrowedFd<'_>, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}
