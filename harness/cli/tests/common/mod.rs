//! What the tests that run many programs share.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A place to work in. Not below a temporary directory if that can be had: programs do not see what is there.
pub(crate) fn desk() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).or_else(|_| tempfile::tempdir()).expect("a directory")
}

pub(crate) fn linkbait(desk: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkbait"));
    command.args(args).current_dir(desk.path()).env("PATH", path());
    // Cargo's, in which each program that a victim starts would look for its libraries first.
    command.env_remove("LD_LIBRARY_PATH");
    command.output().expect("the command starts")
}

/// Managers of versions put a script in the place of `python3` that takes longer than Python: we look behind it.
fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let asked = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let told = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let dir = Path::new(told.trim()).parent().map(|dir| dir.display().to_string());
    dir.filter(|dir| !dir.is_empty()).map_or(path.clone(), |dir| format!("{dir}:{path}"))
}
