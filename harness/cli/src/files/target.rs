//! `--output FILE`: the report where the user wants it.

use super::{failed, open_dir};
use crate::args::Usage;
use anyhow::{Context, anyhow};
use linkbait::save::put;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A file that the user wants the report in, checked before the work begins.
pub(crate) struct Target {
    above: OwnedFd,
    name: String,
    /// Set for a device or FIFO, which is written to and not replaced.
    direct: Option<File>,
}

impl Target {
    pub(crate) fn prepare(path: &Path) -> Result<Target, Usage> {
        let wrong = |call, e| Usage(format!("--output: {}", failed(call, path, e)));
        let name = path.file_name().ok_or_else(|| wrong("open", Errno::ISDIR))?;
        let name = name.to_str().ok_or_else(|| Usage(format!("--output: {path:?} is not text")))?.to_owned();
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let above = open_dir(CWD, parent, OFlags::empty()).map_err(|e| wrong("open", e))?;
        let kind = rustix::fs::statat(&above, &name, AtFlags::SYMLINK_NOFOLLOW);
        let direct = match kind.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Err(Errno::NOENT) | Ok(FileType::RegularFile) => None,
            Err(e) => return Err(wrong("stat", e)),
            Ok(FileType::Directory) => return Err(wrong("open", Errno::ISDIR)),
            Ok(FileType::Symlink) => {
                let what = "a symbolic link, which is not followed; name the file itself";
                return Err(Usage(format!("--output: {path:?} is {what}")));
            }
            Ok(_) => {
                let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(&above, &name, flags, Mode::empty());
                Some(file.map_err(|e| wrong("open", e))?.into())
            }
        };
        Ok(Target { above, name, direct })
    }

    pub(crate) fn write(self, text: &str) -> anyhow::Result<()> {
        match self.direct {
            Some(mut file) => file.write_all(text.as_bytes()).context("--output"),
            None => put(self.above.as_fd(), &self.name, text.as_bytes())
                .map_err(|e| anyhow!("--output: {}", failed("write", Path::new(&self.name), e))),
        }
    }
}
