//! Clean results of earlier runs: of tests that would come to the same now. Owns what makes two runs the same; what is
//! stored is one entry of a JSON report.
//!
//! Same are: the test's name and how it is started, the content of its binary and of those that cargo built for it, all files of the
//! package by length and time of change, our variables, settings, machine and linkbait itself. Findings are never stored.

use crate::crew::Judged;
use crate::files;
use crate::report::origin::{Environment, Settings};
use crate::report::{json, read};
use linkbait::{Verdict, Victim};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where results lie, below the folder of reports.
const FOLDER: &str = "tests";

/// Variables that change from one shell to the next and mean nothing to a test.
const PASSING: [&str; 4] = ["_", "SHLVL", "OLDPWD", "COLUMNS"];

pub(crate) struct Cache {
    folder: OwnedFd,
    settings: String,
    /// What all tests of this run have in common.
    common: String,
    seed: u64,
    /// Of files and directories, looked at once.
    known: Mutex<HashMap<PathBuf, String>>,
}

/// A file of the folder.
#[derive(Deserialize, Serialize)]
struct Stored {
    key: String,
    /// One entry of a report.
    result: String,
}

impl Cache {
    /// The results of earlier runs, for this one.
    pub(crate) fn open(environment: &Environment, settings: &Settings) -> anyhow::Result<Cache> {
        let own = std::env::current_exe().map(|path| stamp(&path)).unwrap_or_default();
        let variables: Vec<_> = std::env::vars_os()
            .filter(|(key, _)| !PASSING.iter().any(|name| key == name))
            .map(|(key, value)| format!("{key:?}={value:?}"))
            .collect();
        let machine = serde_json::to_string(environment)?;
        let common =
            format!("{} {own}\n{machine}\n{}", env!("CARGO_PKG_VERSION"), sorted(variables).join("\n"));
        let settings = serde_json::to_string(settings)?;
        let (folder, known) = (files::open_below(FOLDER)?, Mutex::default());
        Ok(Cache { folder, settings, common, seed: environment.seed, known })
    }

    /// What is known of a test already.
    pub(crate) fn get(&self, victim: &Victim) -> Option<Judged> {
        let text = files::read_in(self.folder.as_fd(), &self.file(victim))?;
        let Stored { key, result } = serde_json::from_str(&text).ok()?;
        let judged = read::one(&result, self.seed).filter(is_clean)?;
        let same = judged.report.name == victim.name() && key == self.key(victim)?;
        same.then_some(Judged { cached: true, ..judged })
    }

    /// Keeps a result for later runs, if it is clean. One that cannot be kept is judged anew then.
    pub(crate) fn put(&self, victim: &Victim, judged: &Judged) {
        let stored = || {
            let (key, result) = (self.key(victim)?, json::one(judged).ok()?);
            serde_json::to_string(&Stored { key, result }).ok()
        };
        if let Some(text) = is_clean(judged).then(stored).flatten() {
            let _ = linkbait::save::put(self.folder.as_fd(), &self.file(victim), text.as_bytes());
        }
    }

    /// One for each test and settings, so that the folder does not grow with every change.
    fn file(&self, victim: &Victim) -> String {
        format!("{}.json", &digest(&[victim.name(), &self.settings])[..32])
    }

    fn key(&self, victim: &Victim) -> Option<String> {
        let program = victim.command()?;
        let built = program.env.iter().filter(|(key, _)| key.contains("BIN_EXE_")).map(|(_, path)| path);
        let contents =
            program.argv.first().into_iter().chain(built).map(|path| self.content(Path::new(path)));
        let contents: Option<Vec<String>> = contents.collect();
        let package = program.cwd.as_ref().map(|dir| self.once(dir, |dir| Some(tree(dir))));
        let (program, contents) = (format!("{program:?}"), contents?.join(" "));
        Some(digest(&[victim.name(), &self.settings, &self.common, &program, &contents, &package.flatten()?]))
    }

    fn content(&self, path: &Path) -> Option<String> {
        self.once(path, |path| std::fs::read(path).ok().map(|bytes| digest(&[&bytes])))
    }

    fn once(&self, path: &Path, look: impl FnOnce(&Path) -> Option<String>) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(path) {
            known.insert(path.to_owned(), look(path)?);
        }
        known.get(path).cloned()
    }
}

/// Only what passed, or had nothing to attack, is known for good.
fn is_clean(judged: &Judged) -> bool {
    let verdict = matches!(judged.report.verdict, Verdict::Pass | Verdict::NothingToAttack);
    verdict && judged.fault.is_none() && !judged.no_start && judged.report.findings.is_empty()
}

/// All files below a directory, but those of cargo and git.
fn tree(dir: &Path) -> String {
    let mut lines = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let skipped = is_dir && ["target", ".git"].iter().any(|name| entry.file_name() == *name);
            lines.extend((!skipped && !is_dir).then(|| format!("{path:?} {}", stamp(&path))));
            left.extend((is_dir && !skipped).then_some(path));
        }
    }
    let lines = sorted(lines);
    digest(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Length, mode and time of change of a file.
fn stamp(path: &Path) -> String {
    let found = std::fs::symlink_metadata(path);
    let told = found.map(|m| format!("{} {:o} {}.{:09}", m.len(), m.mode(), m.ctime(), m.ctime_nsec()));
    told.unwrap_or_default()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// In hexadecimal, of parts that stay apart.
fn digest<T: AsRef<[u8]>>(parts: &[T]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.as_ref().len() as u64).to_le_bytes());
        hash.update(part.as_ref());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkbait::Program;

    /// The key of a test in a package with these contents.
    fn key(place: &Path, settings: &str, common: &str, binary: &str, helper: &str, argument: &str) -> String {
        for (name, text) in [("binary", binary), ("helper", helper)] {
            std::fs::write(place.join(name), text).expect("a file");
        }
        let path = |name: &str| place.join(name).to_string_lossy().into_owned();
        let program = Program {
            argv: vec![path("binary"), argument.to_owned()],
            env: vec![("CARGO_BIN_EXE_helper".to_owned(), path("helper"))],
            cwd: Some(place.join("package")),
            ..Program::default()
        };
        let folder = std::fs::File::open(place).expect("a directory").into();
        let (settings, common) = (settings.to_owned(), common.to_owned());
        let cache = Cache { folder, settings, common, seed: 1, known: Mutex::default() };
        cache.key(&Victim::program("test", program)).expect("a key")
    }

    #[test]
    fn whatever_a_result_depends_on_changes_its_key() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = place.path();
        std::fs::create_dir_all(dir.join("package/target")).expect("a directory");
        let usual = || key(dir, "s", "c", "b", "h", "a");
        let first = usual();
        assert_eq!(usual(), first);
        std::fs::write(dir.join("package/target/made"), "by cargo").expect("a file");
        assert_eq!(usual(), first);
        let others = [
            key(dir, "other", "c", "b", "h", "a"),
            key(dir, "s", "other", "b", "h", "a"),
            key(dir, "s", "c", "other", "h", "a"),
            key(dir, "s", "c", "b", "other", "a"),
            key(dir, "s", "c", "b", "h", "other"),
        ];
        assert!(others.iter().all(|other| *other != first), "{first} {others:?}");
        std::fs::write(dir.join("package/data"), "read by a test").expect("a file");
        assert_ne!(usual(), first);
    }
}
