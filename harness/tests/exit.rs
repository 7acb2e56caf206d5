//! A victim that ends the process. Nothing can be judged after that, so the process must not look like success.
//!
//! The victim ends the test binary itself, so each test here runs it again as a child in a place of its own.

use linkbait::{Host, Judge};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, exit};

/// Set in the child only: where its arenas are made.
const PLACE: &str = "LINKBAIT_TEST_PLACE";

#[test]
#[ignore = "ends the process; run by the other test of this file"]
fn a_victim_exits() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let host = Host::detect().with_place(Path::new(&place));
    // Whatever this comes to, a test that returns makes the status 0, which the other test takes for a failure.
    let _ = Judge::new(host).judge(&linkbait::victim("exits", exits));
}

fn exits(dir: &Path) {
    let _half_done = File::create_new(dir.join("app.lock"));
    exit(0);
}

/// Runs the test above in a process of its own, which makes its arenas in `place`.
fn run_child(place: &Path) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().expect("this binary"));
    child.args(["--exact", "a_victim_exits", "--ignored"]).env(PLACE, place);
    child.output().expect("this binary runs again").status
}

#[test]
fn a_victim_that_exits_ends_us_with_a_failure_and_leaves_no_arena() {
    let place = tempfile::tempdir().expect("a directory of our own");
    let status = run_child(place.path());
    assert_eq!(status.code(), Some(101), "{status}");
    let left: Vec<_> = fs::read_dir(place.path()).expect("our directory").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}
