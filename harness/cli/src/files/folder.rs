//! `target/linkbait/`: the report and the replay files of the last run.
//!
//! Everything is done relative to the open folder. What is removed is only what our own reports list.

use super::{FOLDER, MOST, failed, open_dir, replay_path};
use crate::crew::Judged;
use anyhow::anyhow;
use linkbait::save::put;
use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, mkdirat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const REPORT: &str = "report.json";
const PAGE: &str = "report.html";
const PREVIOUS: &str = "report.previous.json";

/// Saves the report, as JSON and as a page, and one timeline a finding; each is a replay file. The report before stays as
/// `report.previous.json`; its timelines, which it also holds, are removed so that no stale one can mislead.
pub(crate) fn save(judged: &[Judged], document: &str, page: &str) -> anyhow::Result<()> {
    write_all(judged, document, page).map_err(|(call, path, errno)| {
        let failed = failed(call, Path::new(&path), errno);
        let advice = match errno {
            Errno::NOSPC | Errno::DQUOT => "make room, or run linkbait elsewhere",
            _ => "run linkbait in a directory that you may write",
        };
        anyhow!("{failed}; the report was made but not saved: {advice}")
    })
}

type Failed = (&'static str, String, Errno);

fn write_all(judged: &[Judged], document: &str, page: &str) -> Result<(), Failed> {
    let folder = open_folder()?;
    // Two runs in one directory would remove each other's files half-way.
    rustix::fs::flock(&folder, FlockOperation::LockExclusive).map_err(|e| ("flock", FOLDER.to_owned(), e))?;
    for name in [REPORT, PREVIOUS].iter().flat_map(|report| listed(folder.as_fd(), report)) {
        // One that is gone already is what we want.
        let _ = rustix::fs::unlinkat(&folder, name, AtFlags::empty());
    }
    match rustix::fs::renameat(&folder, REPORT, &folder, PREVIOUS) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(e) => return Err(("rename", format!("{FOLDER}/{REPORT}"), e)),
    }
    for report in judged.iter().map(|judged| &judged.report) {
        for (number, finding) in report.findings.iter().enumerate() {
            let path = replay_path(&report.name, number, finding.rule);
            let name = path.rsplit('/').next().unwrap_or_default();
            put(folder.as_fd(), name, finding.timeline.as_bytes()).map_err(|e| ("write", path.clone(), e))?;
        }
    }
    for (name, text) in [(PAGE, page), (REPORT, document)] {
        put(folder.as_fd(), name, text.as_bytes()).map_err(|e| ("write", format!("{FOLDER}/{name}"), e))?;
    }
    Ok(())
}

/// Opens the folder, made if need be. `target` may be a link, as builds have it; the folder itself may not.
fn open_folder() -> Result<OwnedFd, Failed> {
    let above = enter(CWD, "target", "target", OFlags::empty())?;
    enter(above.as_fd(), "linkbait", FOLDER, OFlags::NOFOLLOW)
}

/// Opens a directory in the folder, made if need be.
pub(crate) fn open_below(name: &str) -> anyhow::Result<OwnedFd> {
    let opened = open_folder()
        .and_then(|folder| enter(folder.as_fd(), name, &format!("{FOLDER}/{name}"), OFlags::NOFOLLOW));
    opened.map_err(|(call, path, errno)| {
        anyhow!("{}; run linkbait in a directory that you may write", failed(call, Path::new(&path), errno))
    })
}

/// All of a file of ours in an open directory, if it is there.
pub(crate) fn read_in(dir: BorrowedFd<'_>, name: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(dir, name, flags, Mode::empty()).ok()?;
    let mut text = String::new();
    File::from(file).take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn enter(at: BorrowedFd<'_>, name: &str, path: &str, flags: OFlags) -> Result<OwnedFd, Failed> {
    match mkdirat(at, name, Mode::from_bits_retain(0o777)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(e) => return Err(("mkdir", path.to_owned(), e)),
    }
    open_dir(at, Path::new(name), flags).map_err(|e| ("open", path.to_owned(), e))
}

/// Names of the replay files that a report of ours lists; none if it is missing or was damaged.
fn listed(folder: BorrowedFd<'_>, report: &str) -> Vec<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(folder, report, flags, Mode::empty()) else {
        return Vec::new();
    };
    let document: serde_json::Value =
        serde_json::from_reader(File::from(file).take(MOST)).unwrap_or_default();
    let list = |value: &serde_json::Value, key| value[key].as_array().cloned().unwrap_or_default();
    let findings = list(&document, "victims").into_iter().flat_map(|victim| list(&victim, "findings"));
    let names = findings.filter_map(|finding| {
        let name = finding["replay"].as_str()?.strip_prefix(FOLDER)?.strip_prefix('/')?;
        (name.ends_with(".timeline") && !name.contains('/')).then(|| name.to_owned())
    });
    names.collect()
}
