//! A working directory for one test, and the binary started in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub(crate) struct Desk(TempDir);

/// What a run of the command came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk(tempfile::tempdir().expect("a directory"))
    }

    /// One that contained programs see, as they do not what is below a temporary directory; `None` where there is none, which
    /// is said.
    pub(crate) fn seen_by_programs() -> Option<Desk> {
        let desk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        if let Err(error) = &desk {
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(std::io::stderr(), "not checked: what programs have to see: {error}");
        }
        desk.ok().map(Desk)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// The command, not started; the environment must not choose colours.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linkbait"));
        command.args(args).current_dir(self.dir());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CARGO_TERM_COLOR"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().expect("the command starts"))
    }

    /// As [`Desk::run`], with the JSON document that was printed.
    pub(crate) fn json(&self, args: &[&str]) -> (Ran, serde_json::Value) {
        let ran = self.run(&[args, &["--format", "json"]].concat());
        let document = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out));
        (ran, document)
    }

    /// The saved timelines, sorted, relative to the directory.
    pub(crate) fn timelines(&self) -> Vec<String> {
        let folder = std::fs::read_dir(self.path("target/linkbait")).expect("a folder");
        let names = folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".timeline")).collect();
        names.sort();
        names.into_iter().map(|name| format!("target/linkbait/{name}")).collect()
    }
}

pub(crate) fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
