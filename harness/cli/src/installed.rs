//! What a command of a victim file needs from PyPI or npm (`command.pip`, `command.npm`): installed once below `target/linkbait/packages`, by
//! pip and npm as they stand on this machine, and found there through PYTHONPATH and NODE_PATH. Nothing is installed while a victim runs.

use crate::files::FOLDER;
use crate::output;
use crate::package::{Failure, refuse_hidden};
use anyhow::{Context, anyhow};
use linkbait::Victim;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Packages, as pip and npm name them with their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Installs {
    pub(crate) pip: Vec<String>,
    pub(crate) npm: Vec<String>,
}

/// One of the two.
#[derive(Clone, Copy, Debug, Hash)]
enum Installer {
    Pip,
    Npm,
}

impl Installs {
    pub(crate) fn is_empty(&self) -> bool {
        self.pip.is_empty() && self.npm.is_empty()
    }

    /// The victim, which finds its packages.
    pub(crate) fn install(&self, mut victim: Victim) -> Result<Victim, Failure> {
        for (installer, packages) in [(Installer::Pip, &self.pip), (Installer::Npm, &self.npm)] {
            if packages.is_empty() {
                continue;
            }
            let found = installer.found_in(&installer.directory(packages)?);
            let own = victim.command().and_then(|program| {
                let own = program.env.iter().find(|(name, _)| name == installer.variable());
                own.map(|(_, directories)| directories.clone())
            });
            let all = [Some(found.to_string_lossy().into_owned()), own];
            let all: Vec<String> = all.into_iter().flatten().collect();
            victim = victim.env(installer.variable(), &all.join(":"));
        }
        Ok(victim)
    }
}

impl Installer {
    fn name(self) -> &'static str {
        match self {
            Installer::Pip => "pip",
            Installer::Npm => "npm",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Installer::Pip => "PYTHONPATH",
            Installer::Npm => "NODE_PATH",
        }
    }

    fn found_in(self, dir: &Path) -> PathBuf {
        match self {
            Installer::Pip => dir.to_path_buf(),
            Installer::Npm => dir.join("node_modules"),
        }
    }

    /// What installs these packages there.
    fn command(self, packages: &[String], dir: &Path) -> Command {
        let (program, words): (_, &[&str]) = match self {
            Installer::Pip => {
                ("python3", &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
            }
            Installer::Npm => {
                ("npm", &["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            }
        };
        let mut command = Command::new(program);
        command.args(words);
        command.arg(if matches!(self, Installer::Pip) { "--target" } else { "--prefix" }).arg(dir);
        // What looks like an option is a name nobody has.
        command.arg("--").args(packages).stdin(Stdio::null());
        command
    }

    /// Where these packages are, installed if need be: elsewhere first, so that what is there is whole.
    fn directory(self, packages: &[String]) -> Result<PathBuf, Failure> {
        let folder = std::env::current_dir().context("getcwd").map_err(Failure::Ours)?.join(FOLDER);
        refuse_hidden(&folder)?;
        let mut hasher = DefaultHasher::new();
        packages.hash(&mut hasher);
        let dir = folder.join("packages").join(format!("{}-{:016x}", self.name(), hasher.finish()));
        if dir.is_dir() {
            return Ok(dir);
        }
        let unfinished = dir.with_extension(std::process::id().to_string());
        let made = std::fs::create_dir_all(&unfinished);
        made.with_context(|| format!("mkdir({unfinished:?})")).map_err(Failure::Ours)?;
        let installed = self.run(packages, &unfinished).and_then(|()| {
            let moved = std::fs::rename(&unfinished, &dir);
            // Another linkbait may have been faster.
            if dir.is_dir() {
                Ok(())
            } else {
                moved.map_err(|e| Failure::Ours(anyhow!("rename({dir:?}): {e}")))
            }
        });
        // Moved, or of no use.
        let _ = std::fs::remove_dir_all(&unfinished);
        installed.map(|()| dir)
    }

    fn run(self, packages: &[String], dir: &Path) -> Result<(), Failure> {
        let told = format!("{} cannot install {}", self.name(), packages.join(" "));
        let output = self.command(packages, dir).output();
        let output =
            output.map_err(|e| Failure::Unsupported(format!("{told}: it cannot be started ({e})")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Failure::Unsupported(format!("{told}: install it once with a network; {}", last_line(&output))))
    }
}

fn last_line(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    let line = told.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    output::line(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_installer_is_given_its_packages_after_its_options_and_a_place() {
        for (installer, line) in [
            (Installer::Pip, "--no-input --target /there -- a==1"),
            (Installer::Npm, "--ignore-scripts --prefix /there -- a==1"),
        ] {
            let command = installer.command(&["a==1".to_owned()], Path::new("/there"));
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            assert!(words.join(" ").ends_with(line), "{words:?}");
        }
    }
}
