//! Building a generated package with cargo, in `target/linkbait/`: without a network where that is possible. Owns the cache and
//! what cargo's failures mean.

use super::Package;
use super::layout::{BODY, Layout};
use crate::files::FOLDER;
use crate::output;
use anyhow::{Context, anyhow};
use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::diagnostic::{Diagnostic, DiagnosticLevel};
use cargo_metadata::{Artifact, Message, TargetKind};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a package is built as.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) enum Kind {
    /// To be judged within a linkbait of its own.
    Library,
    /// To be judged contained, as any program.
    Program,
}

/// Where contained programs see the arena, and not what we put there.
const HIDDEN: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

const ADVICE: &str = "run linkbait in a directory that is not below /tmp, /var/tmp or /dev/shm";

/// Why a package was not built.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the user wrote: a crate or version that does not exist, code that does not compile.
    Wrong(String),
    /// This machine lacks something.
    Unsupported(String),
    Ours(anyhow::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Wrong(what) | Failure::Unsupported(what) => f.write_str(what),
            Failure::Ours(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Failure {}

/// What contained programs are to find must not lie where they see the arena.
pub(crate) fn refuse_hidden(folder: &Path) -> Result<(), Failure> {
    if HIDDEN.iter().any(|hidden| folder.starts_with(hidden)) {
        let what = format!("{FOLDER} here is hidden from contained programs; {ADVICE}");
        return Err(Failure::Unsupported(what));
    }
    Ok(())
}

impl Package {
    /// Builds it where that was not done before; what was built.
    pub(crate) fn build(&self, kind: Kind) -> Result<PathBuf, Failure> {
        let layout = Layout::of(self).context("describe a package").map_err(Failure::Ours)?;
        let folder = std::env::current_dir().context("getcwd").map_err(Failure::Ours)?.join(FOLDER);
        if kind == Kind::Program {
            refuse_hidden(&folder)?;
        }
        let dir = folder.join("crates").join(&layout.key);
        write(&dir, &layout).map_err(Failure::Ours)?;
        let call = Call { dir: &dir, target: &folder.join("build"), kind };
        let is_locked = dir.join("Cargo.lock").exists();
        let mut output = call.run(if is_locked { &["--locked", "--offline"] } else { &[] })?;
        if is_locked && !output.status.success() && !has_errors(&output) {
            // A crate is gone from cargo's own cache, or one in a directory of the user's has other dependencies now.
            output = call.run(&[])?;
        }
        if !output.status.success() && is_without_network(&output) {
            let online = output;
            output = call.run(&["--offline"])?;
            if !output.status.success() && !has_errors(&output) {
                return Err(Failure::Unsupported(without_network(&online)));
            }
        }
        if output.status.success() { built(&output, &layout.id, kind) } else { Err(self.failure(&output)) }
    }

    fn failure(&self, from: &Output) -> Failure {
        let told = String::from_utf8_lossy(&from.stderr);
        if told.contains("could not execute process `rustc") {
            return Failure::Unsupported(format!("rustc cannot be started: install Rust; {}", why(from)));
        }
        let mut errors: Vec<String> = errors(from).filter_map(|error| error.rendered).collect();
        errors.iter_mut().for_each(|text| *text = text.replace(BODY, &self.body.shown));
        let what = if errors.is_empty() { told.trim().to_owned() } else { errors.concat().trim().to_owned() };
        Failure::Wrong(format!("{}: it cannot be built\n{what}", output::line(&self.name)))
    }
}

/// One way to call cargo.
struct Call<'c> {
    dir: &'c Path,
    target: &'c Path,
    kind: Kind,
}

impl Call<'_> {
    fn run(&self, how: &[&str]) -> Result<Output, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // Begun in its directory, so that the toolchain and the configuration are those of the user's project.
        command
            .current_dir(self.dir)
            .args(["build", "--message-format=json", "--target-dir"])
            .arg(self.target);
        command
            .arg(if self.kind == Kind::Library { "--lib" } else { "--bins" })
            .args(how)
            .stdin(Stdio::null());
        command.env("CARGO_TERM_COLOR", "never").env_remove("CARGO_BUILD_TARGET");
        command.output().map_err(|e| match e.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                Failure::Unsupported(format!("cargo cannot be started ({e}): install Rust"))
            }
            _ => Failure::Ours(anyhow!("start cargo: {e}")),
        })
    }
}

/// Files that are there already stay as they are, or cargo would build anew.
fn write(dir: &Path, layout: &Layout) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir.join("src")).with_context(|| format!("mkdir({dir:?})"))?;
    for (name, text) in &layout.files {
        let path = dir.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        std::fs::write(&path, text).with_context(|| format!("write({path:?})"))?;
    }
    Ok(())
}

fn messages(output: &Output) -> impl Iterator<Item = Message> + '_ {
    Message::parse_stream(output.stdout.as_slice()).filter_map(Result::ok)
}

fn errors(output: &Output) -> impl Iterator<Item = Diagnostic> + '_ {
    messages(output)
        .filter_map(|message| match message {
            Message::CompilerMessage(told) => Some(told.message),
            _ => None,
        })
        .filter(|message| matches!(message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice))
}

fn has_errors(output: &Output) -> bool {
    errors(output).next().is_some()
}

/// True when cargo failed because it could not reach a registry or a repository.
fn is_without_network(output: &Output) -> bool {
    const SIGNS: [&str; 6] = [
        "failed to download",
        "download of ",
        "ould not resolve host",
        "spurious network error",
        "network failure",
        "offline",
    ];
    let told = String::from_utf8_lossy(&output.stderr);
    !has_errors(output) && SIGNS.iter().any(|sign| told.contains(sign))
}

fn without_network(output: &Output) -> String {
    let why = why(output);
    format!("crates that are not on this machine cannot be fetched: build it once with a network; {why}")
}

/// What cargo says of an error, in one line.
fn why(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    let lines = told.lines().map(str::trim).skip_while(|line| !line.starts_with("error"));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn built(output: &Output, id: &str, kind: Kind) -> Result<PathBuf, Failure> {
    let (name, sort) = match kind {
        Kind::Library => (id.replace('-', "_"), TargetKind::CDyLib),
        Kind::Program => (id.to_owned(), TargetKind::Bin),
    };
    let found = messages(output).find_map(|message| match message {
        Message::CompilerArtifact(Artifact { target, filenames, .. }) => {
            let ours = target.name == name && target.kind.contains(&sort);
            filenames.into_iter().next().filter(|_| ours)
        }
        _ => None,
    });
    let found = found.map(Utf8PathBuf::into_std_path_buf);
    found.ok_or_else(|| Failure::Ours(anyhow!("cargo built nothing of {id}")))
}
