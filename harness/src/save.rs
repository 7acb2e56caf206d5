//! Replay files on disk: what they are called, and how they are written so that nothing planted is followed.

use crate::error::Error;
use crate::finding::Report;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchmod, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

impl Report {
    /// Writes the timeline of each finding below `folder`, which is made if need be; each is a replay file. Returns
    /// their paths, in the order of the findings.
    ///
    /// # Errors
    /// Of kind ours when the folder cannot be written.
    pub fn save(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let wrong =
            |call: &str, e: Errno| Error::ours(&format!("{call}({folder:?})"), std::io::Error::from(e));
        std::fs::create_dir_all(folder).map_err(|e| Error::ours(&format!("mkdir({folder:?})"), e))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, folder, flags, Mode::empty()).map_err(|e| wrong("open", e))?;
        let mut paths = Vec::new();
        for (number, finding) in self.findings.iter().enumerate() {
            let name = replay_name(&self.name, number, finding.rule);
            put(dir.as_fd(), &name, finding.timeline.as_bytes()).map_err(|e| wrong("write", e))?;
            paths.push(folder.join(name));
        }
        Ok(paths)
    }
}

/// The file name of a victim's n-th finding, counted from 0. Names that do not suit a file system are changed and get
/// a number, so that they stay apart.
#[must_use]
pub fn replay_name(victim: &str, number: usize, rule: &str) -> String {
    format!("{}-{}-{rule}.timeline", plain(victim), number + 1)
}

fn plain(victim: &str) -> String {
    const LONGEST: usize = 80;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = victim.chars().take(LONGEST).map(|c| if fits(c) { c } else { '-' }).collect();
    if name == victim && !name.is_empty() {
        return name;
    }
    // FNV-1a: file names must be the same in every run and every version.
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{name}-{:08x}", victim.bytes().fold(0x811c_9dc5, step))
}

/// Writes a file so that readers see the old one or the new one, whole: made under a name that nobody can guess,
/// exclusively, then renamed into place.
///
/// # Errors
/// What the kernel says; nothing is left behind.
pub fn put(dir: BorrowedFd<'_>, name: &str, bytes: &[u8]) -> rustix::io::Result<()> {
    put_with(dir, name, bytes, None)
}

/// As [`put`], with a mode whatever the umask; without one as any new file gets it.
///
/// # Errors
/// As [`put`].
pub fn put_with(dir: BorrowedFd<'_>, name: &str, bytes: &[u8], mode: Option<Mode>) -> rustix::io::Result<()> {
    let mut random = [0; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
    let temporary = format!(".linkbait-{:016x}", u64::from_ne_bytes(random));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Nobody else may read it before it has the mode that is asked for.
    let first = if mode.is_some() { 0o600 } else { 0o666 };
    let file = openat(dir, &temporary, flags, Mode::from_bits_retain(first))?;
    let done = write_all(file.as_fd(), bytes)
        .and_then(|()| mode.map_or(Ok(()), |mode| fchmod(&file, mode)))
        .and_then(|()| renameat(dir, &temporary, dir, name));
    if done.is_err() {
        // The first error is the one to tell.
        let _ = unlinkat(dir, &temporary, AtFlags::empty());
    }
    done
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_victim_leads_out_of_the_folder_or_to_another_victims_file() {
        let long = "x".repeat(300);
        let victims = ["../../etc/passwd", "a/b", "a:b", "a-b", "", ".", "..", "\u{1b}[31m", "ü", &long];
        let mut names: Vec<String> = victims.iter().map(|victim| replay_name(victim, 0, "hangs")).collect();
        for name in &names {
            assert!(!name.contains('/') && !name.starts_with('.') && name.len() < 200, "{name:?}");
            assert!(name.is_ascii() && !name.contains(char::is_control), "{name:?}");
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), victims.len());
    }
}
