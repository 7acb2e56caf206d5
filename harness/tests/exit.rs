//! A victim that ends the process. Nothing can be judged after that, so the process must not look like success.
//!
//! The victim ends the test binary itself, so each test here runs it again as a child in a place of its own.

use linkbait::{Class, ErrorKind, Host, Judge};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, exit};

/// Set in the child only: where its arenas are made.
const PLACE: &str = "LINKBAIT_TEST_PLACE";

#[test]
#[ignore = "ends the process; run by another test of this file"]
fn a_victim_exits() {
    let victim = linkbait::victim("exits", exits);
    // Whatever this comes to, a test that returns makes the status 0, which the other test takes for a failure.
    if let Some(place) = std::env::var_os(PLACE) {
        let _ = Judge::new(Host::detect().with_place(Path::new(&place))).judge(&victim);
    }
}

#[test]
#[ignore = "ends the process; run by another test of this file"]
fn a_free_running_victim_exits() {
    let victim = linkbait::victim("exits", exits);
    if let Some(place) = std::env::var_os(PLACE) {
        let judge = Judge::new(Host::detect().with_place(Path::new(&place)));
        let sampled = judge.sample(&victim, Class::OtherUser, 0o022, 1);
        let unsupported = |e: &linkbait::Error| matches!(e.kind(), ErrorKind::Unsupported(_));
        assert!(!sampled.is_err_and(|e| unsupported(&e)), "not checked: no Landlock here");
    }
}

fn exits(dir: &Path) {
    let _half_done = File::create_new(dir.join("app.lock"));
    exit(0);
}

/// Runs a test above in a process of its own, which makes its arenas in `place`.
fn run_child(test: &str, place: &Path) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().expect("this binary"));
    child.args(["--exact", test, "--ignored"]).env(PLACE, place);
    child.output().expect("this binary runs again").status
}

#[test]
fn a_victim_that_exits_ends_us_with_a_failure_and_leaves_no_arena() {
    let place = tempfile::tempdir().expect("a directory of our own");
    let status = run_child("a_victim_exits", place.path());
    assert_eq!(status.code(), Some(101), "{status}");
    let left: Vec<_> = fs::read_dir(place.path()).expect("our directory").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_free_running_victim_that_exits_never_looks_like_success() {
    let place = tempfile::tempdir().expect("a directory of our own");
    assert!(!run_child("a_free_running_victim_exits", place.path()).success());
}
