//! Files: what they are called, how a failed call is shown, and how those that the user names are read. Writing is in
//! the modules.

mod folder;
mod put;
mod target;

pub(crate) use folder::save;
pub(crate) use target::Target;

use crate::args::Usage;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Where reports and replay files go, relative to the working directory.
pub(crate) const FOLDER: &str = "target/linkbait";

/// Bytes that we are willing to read from a file.
const MOST: u64 = 64 << 20;

/// The replay file of a victim's n-th finding, relative to the working directory.
pub(crate) fn replay_path(victim: &str, number: usize, rule: &str) -> String {
    format!("{FOLDER}/{}-{}-{rule}.timeline", plain(victim), number + 1)
}

/// A victim's name as part of a file name. Names that had to be changed get a number, so that they stay apart.
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

/// A failed call as strace shows it.
pub(crate) fn failed(call: &str, path: &Path, errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("{call}({path:?}) = {} ({text})", linkbait::timeline::errno_name(errno.raw_os_error()))
}

/// Reads a file that the user named.
pub(crate) fn read(path: &Path, advice: &str) -> anyhow::Result<String> {
    let wrong = |call, e| Usage(format!("{}; {advice}", failed(call, path, e)));
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let file = File::from(file.map_err(|e| wrong("open", e))?);
    let mut bytes = Vec::new();
    let read = file.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|e| wrong("read", Errno::from_io_error(&e).unwrap_or(Errno::IO)))?;
    if bytes.len() as u64 > MOST {
        return Err(Usage(format!("{path:?} is larger than {} MiB; {advice}", MOST >> 20)).into());
    }
    String::from_utf8(bytes).map_err(|_| Usage(format!("{path:?} is not text; {advice}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_victim_leads_out_of_the_folder_or_to_another_victims_file() {
        let names =
            ["../../etc/passwd", "a/b", "a:b", "a-b", "", ".", "..", "\u{1b}[31m", "ü", &"x".repeat(300)];
        let mut paths: Vec<String> = names.iter().map(|name| replay_path(name, 0, "hangs")).collect();
        for path in &paths {
            let file = path.strip_prefix("target/linkbait/").expect("in the folder");
            assert!(!file.contains('/') && !file.starts_with('.') && file.len() < 200, "{file:?}");
            assert!(file.is_ascii() && !file.contains(char::is_control), "{file:?}");
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len());
    }
}
