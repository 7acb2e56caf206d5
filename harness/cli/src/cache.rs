//! Results that need not be judged again, since they would come to the same now: those of a run that was interrupted, until one
//! is complete, and of tests the clean ones for good. Owns what makes two runs the same; what is stored is one entry of a JSON report.
//!
//! Same are: the victim with all that its file says, the content of what is run (what cargo built of it, its binary, the files that
//! its command names), of tests all files of the package by length and time of change, our variables, settings, machine and linkbait itself.

use crate::crew::{Judged, When};
use crate::files;
use crate::report::origin::{Environment, Settings};
use crate::report::{json, read};
use linkbait::{Program, Verdict, Victim};
use rustix::fs::{AtFlags, unlinkat};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where results lie, below the folder of reports.
const FOLDER: &str = "results";

/// Variables that change from one shell to the next and mean nothing to a victim.
const PASSING: [&str; 4] = ["_", "SHLVL", "OLDPWD", "COLUMNS"];

/// Which results outlive a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    None,
    /// All, until a run is complete.
    UntilComplete,
    /// All, until a run is complete; those that are clean for good.
    Clean,
}

pub(crate) struct Cache {
    folder: OwnedFd,
    keep: Keep,
    settings: String,
    /// What all victims of this run have in common.
    common: String,
    seed: u64,
    /// Of files and directories, looked at once.
    known: Mutex<HashMap<PathBuf, String>>,
    /// Files to remove once the run is complete.
    passing: Mutex<Vec<String>>,
}

/// A file of the folder.
#[derive(Deserialize, Serialize)]
struct Stored {
    key: String,
    /// One entry of a report.
    result: String,
}

impl Cache {
    /// The results of earlier runs, for this one; `None` where none are to be kept.
    pub(crate) fn open(
        keep: Keep,
        environment: &Environment,
        settings: &Settings,
    ) -> anyhow::Result<Option<Cache>> {
        if keep == Keep::None {
            return Ok(None);
        }
        // Where nothing can be kept all is judged anew; that the report cannot be saved there either is told after it.
        let Ok(folder) = files::open_below(FOLDER) else { return Ok(None) };
        let own = std::env::current_exe().map(|path| stamp(&path)).unwrap_or_default();
        let variables: Vec<_> = std::env::vars_os()
            .filter(|(key, _)| !PASSING.iter().any(|name| key == name))
            .map(|(key, value)| format!("{key:?}={value:?}"))
            .collect();
        let machine = serde_json::to_string(environment)?;
        let common =
            format!("{} {own}\n{machine}\n{}", env!("CARGO_PKG_VERSION"), sorted(variables).join("\n"));
        let settings = serde_json::to_string(settings)?;
        let (known, passing) = (Mutex::default(), Mutex::default());
        Ok(Some(Cache { folder, keep, settings, common, seed: environment.seed, known, passing }))
    }

    /// What is known of a victim already; `built` is what was built of it.
    pub(crate) fn get(&self, victim: &Victim, built: Option<&Path>) -> Option<Judged> {
        let name = self.file(victim);
        let text = files::read_in(self.folder.as_fd(), &name)?;
        let Stored { key, result } = serde_json::from_str(&text).ok()?;
        let judged = read::one(&result, self.seed)?;
        let same = judged.report.name == victim.name() && key == self.key(victim, built)?;
        same.then(|| Judged { when: self.keeps(name, &judged), ..judged })
    }

    /// Keeps a result for later runs. One that cannot be kept is judged anew then.
    pub(crate) fn put(&self, victim: &Victim, built: Option<&Path>, judged: &Judged) {
        let stored = || {
            let (key, result) = (self.key(victim, built)?, json::one(judged).ok()?);
            serde_json::to_string(&Stored { key, result }).ok()
        };
        if let Some(text) = was_judged(judged).then(stored).flatten() {
            let name = self.file(victim);
            let _ = linkbait::save::put(self.folder.as_fd(), &name, text.as_bytes());
            self.keeps(name, judged);
        }
    }

    /// The run is complete: the next one judges anew what is not known for good.
    pub(crate) fn complete(self) {
        for name in self.passing.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // One that stays is taken by the next run, as after an interruption.
            let _ = unlinkat(&self.folder, name, AtFlags::empty());
        }
    }

    /// Sees to it that a file is removed in time; what one who takes a result from it is to say.
    fn keeps(&self, name: String, judged: &Judged) -> When {
        if self.keep == Keep::Clean && is_clean(judged) {
            return When::Earlier;
        }
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        When::BeforeInterruption
    }

    /// One for each victim and settings, so that the folder does not grow with every change.
    fn file(&self, victim: &Victim) -> String {
        format!("{}.json", &digest(&[victim.name(), &self.settings])[..32])
    }

    fn key(&self, victim: &Victim, built: Option<&Path>) -> Option<String> {
        let program = victim.command();
        let named = program.map(named_files).unwrap_or(Some(Vec::new()))?;
        let run = named.iter().map(PathBuf::as_path).chain(built);
        let contents: Option<Vec<String>> = run.map(|path| self.content(path)).collect();
        let package = program.and_then(|program| program.cwd.as_ref());
        let package = package.and_then(|dir| self.once(dir, |dir| Some(tree(dir)))).unwrap_or_default();
        let (victim, contents) = (format!("{victim:?}"), contents?.join(" "));
        Some(digest(&[&self.settings, &self.common, &victim, &contents, &package]))
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

/// The files that a command names: itself, looked for as it is when it is started, and those among its arguments and of cargo's
/// variables for binaries. `None` if there is no such command.
fn named_files(program: &Program) -> Option<Vec<PathBuf>> {
    let is_file = |path: &PathBuf| path.is_file();
    let (command, arguments) = program.argv.split_first()?;
    let command = match command.contains('/') {
        true => PathBuf::from(command),
        false => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|dir| dir.join(command)).find(is_file)?
        }
    };
    let built = program.env.iter().filter(|(key, _)| key.contains("BIN_EXE_")).map(|(_, path)| path);
    let others = arguments.iter().chain(built).map(PathBuf::from).filter(is_file);
    Some(std::iter::once(command).chain(others).collect())
}

/// What went wrong on our side, or is not here, may be otherwise in the next run.
fn was_judged(judged: &Judged) -> bool {
    judged.fault.is_none() && !judged.no_start && judged.report.verdict != Verdict::Unsupported
}

/// What passed, or had nothing to attack.
fn is_clean(judged: &Judged) -> bool {
    let verdict = matches!(judged.report.verdict, Verdict::Pass | Verdict::NothingToAttack);
    verdict && judged.report.findings.is_empty()
}

/// All files below a directory, but those of cargo and git at its top.
fn tree(top: &Path) -> String {
    let mut lines = Vec::new();
    let mut left = vec![top.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let skipped =
                is_dir && dir == top && ["target", ".git"].iter().any(|name| entry.file_name() == *name);
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

    /// With these settings, and this in common; its folder is never looked into.
    fn cache(place: &Path, settings: &str, common: &str) -> Cache {
        let folder = std::fs::File::open(place).expect("a directory").into();
        let (settings, common) = (settings.to_owned(), common.to_owned());
        let (known, passing) = (Mutex::default(), Mutex::default());
        Cache { folder, keep: Keep::Clean, settings, common, seed: 1, known, passing }
    }

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
        let victim = Victim::program("test", program);
        cache(place, settings, common).key(&victim, None).expect("a key")
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

    #[test]
    fn what_is_said_and_built_of_a_victim_and_what_its_command_names_change_its_key() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("script");
        let write = |text: &str| std::fs::write(&file, text).expect("a file");
        let key = |victim: &Victim, built| cache(place.path(), "s", "c").key(victim, built);
        let body = || Victim::new("a", |_: &linkbait::Dirs| ());
        let command = || {
            let argv = vec!["sh".to_owned(), file.to_string_lossy().into_owned()];
            Victim::program("a", Program { argv, ..Program::default() })
        };
        write("one");
        let (said, built, named) = (key(&body(), None), key(&body(), Some(&file)), key(&command(), None));
        assert!(said.is_some() && said == key(&body(), None) && named.is_some());
        assert_ne!(said, key(&body().stage("app.conf", 0o600, "old"), None));
        write("two");
        assert_ne!(built, key(&body(), Some(&file)));
        assert_ne!(named, key(&command(), None));
        let nobody = Program { argv: vec!["no such command at all".to_owned()], ..Program::default() };
        assert_eq!(key(&Victim::program("a", nobody), None), None);
    }
}
