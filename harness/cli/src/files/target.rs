//! `--output FILE`: the report where the user wants it, as the whole file or between the markers that are in it.

use super::splice::splice;
use super::{failed, open_dir, read_all};
use crate::args::Usage;
use anyhow::{Context, anyhow};
use linkbait::save::put_with;
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
    /// Only what stands between the markers of the file is replaced.
    spliced: bool,
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
        Ok(Target { above, name, direct, spliced: false })
    }

    /// As [`Target::prepare`], of a file in which only what stands between markers will be replaced, if it is there and not
    /// empty. One without markers is somebody's, and refused.
    pub(crate) fn prepare_spliced(path: &Path) -> Result<Target, Usage> {
        let mut target = Target::prepare(path)?;
        if let Some((text, _)) = target.there().map_err(|why| Usage(format!("--output: {path:?}: {why}")))? {
            splice(&text, "").map_err(|why| Usage(format!("--output: {path:?}: {why}")))?;
            target.spliced = true;
        }
        Ok(target)
    }

    pub(crate) fn write(self, text: &str) -> anyhow::Result<()> {
        let wrong = |call: &str, e| anyhow!("--output: {}", failed(call, Path::new(&self.name), e));
        if let Some(mut file) = self.direct {
            return file.write_all(text.as_bytes()).context("--output");
        }
        let around = if self.spliced { self.there() } else { Ok(None) };
        let around = around.map_err(|why| anyhow!("--output: {:?}: {why}", self.name))?;
        let (text, mode) = match around {
            Some((around, mode)) => {
                let spliced =
                    splice(&around, text).map_err(|why| anyhow!("--output: {:?}: {why}", self.name))?;
                (spliced, Some(mode))
            }
            None => (text.to_owned(), None),
        };
        put_with(self.above.as_fd(), &self.name, text.as_bytes(), mode).map_err(|e| wrong("write", e))
    }

    /// What stands in the file now, and its mode; nothing of one that is empty, or not there.
    fn there(&self) -> Result<Option<(String, Mode)>, String> {
        if self.direct.is_some() {
            return Ok(None);
        }
        let said = |call, e| failed(call, Path::new(&self.name), e);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.above, &self.name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened.map_err(|e| said("open", e))?,
        };
        let mode = Mode::from_raw_mode(rustix::fs::fstat(&file).map_err(|e| said("fstat", e))?.st_mode);
        let text = read_all(file).map_err(|e| said("read", e))?.map_err(|why| format!("it {why}"))?;
        Ok((!text.is_empty()).then_some((text, mode)))
    }
}
