//! SIGINT and SIGTERM in mid-run.

use crate::desk::{Desk, ran};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

/// The run reports progress through a pipe that holds one line, so it gets no further than we read.
fn a_signal_ends_the_run_with_a_partial_report(signal: Signal) {
    let desk = Desk::new();
    let arenas = tempfile::tempdir_in("/dev/shm").expect("a directory");
    fs::set_permissions(arenas.path(), fs::Permissions::from_mode(0o711)).expect("chmod");
    let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("one packet");
    let mut command = desk.command(&["run", "--jobs", "1", "--output", "report"]);
    let mut child =
        command.env("XDG_RUNTIME_DIR", arenas.path()).stderr(writer).spawn().expect("the command starts");
    drop(command);
    let mut reader = fs::File::from(reader);
    let mut next = || {
        let mut packet = [0; 4096];
        let length = reader.read(&mut packet).expect("a read");
        String::from_utf8_lossy(&packet[..length]).into_owned()
    };
    let first = next();
    let count = first.strip_prefix("judging ").and_then(|rest| rest.strip_suffix(" victims\n"));
    let asked: usize = count.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{first:?}"));
    assert!(asked > linkbait_races::roster().len(), "{first:?}");
    let mut told = vec![next()];
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    loop {
        match next() {
            end if end.is_empty() => break,
            line => told.push(line),
        }
    }
    let code = child.wait().expect("it ended").code();
    assert_eq!(code, Some(5), "{told:?}");
    assert!(told.iter().any(|line| line.contains("interrupted; finishing")), "{told:?}");
    let report = fs::read_to_string(desk.path("report")).expect("a report");
    let done = told.iter().filter(|line| line.starts_with("judged ")).count();
    assert!(report.contains(&format!("interrupted: only {done} of {asked} victims were judged")), "{report}");
    let saved = fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    let saved: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    assert_eq!((&saved["asked"], saved["victims"].as_array().map(Vec::len)), (&asked.into(), Some(done)));
    assert_eq!(fs::read_dir(arenas.path()).expect("a directory").count(), 0, "an arena was left behind");
}

#[test]
fn an_interrupt_ends_the_run_with_a_partial_report() {
    a_signal_ends_the_run_with_a_partial_report(Signal::INT);
}

#[test]
fn a_termination_ends_the_run_with_a_partial_report() {
    a_signal_ends_the_run_with_a_partial_report(Signal::TERM);
}

#[test]
fn a_finished_run_leaves_nothing_behind_either() {
    let desk = Desk::new();
    let arenas = tempfile::tempdir_in("/dev/shm").expect("a directory");
    fs::set_permissions(arenas.path(), fs::Permissions::from_mode(0o711)).expect("chmod");
    let mut command = desk.command(&["run", "create-fixed", "umask-dir"]);
    let ran = ran(command.env("XDG_RUNTIME_DIR", arenas.path()).output().expect("the command starts"));
    assert_eq!(ran.code, 100, "{}", ran.err);
    assert_eq!(fs::read_dir(arenas.path()).expect("a directory").count(), 0);
}

/// Five victims whose names are the same in every run.
const FIVE: [&str; 5] =
    ["check-then-create", "create-fixed", "create-then-chmod", "fixed-in-public", "rewrite-in-place"];

/// Starts to judge them, and sends this once one is judged. No more than three are then.
fn started_and_ended(desk: &Desk, signal: Signal) {
    let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("one packet");
    let mut command = desk.command(&[&["run"], &FIVE[..], &["--jobs", "1"]].concat());
    let mut child =
        command.stdout(std::process::Stdio::null()).stderr(writer).spawn().expect("the command starts");
    drop(command);
    let mut reader = fs::File::from(reader);
    let mut packet = [0; 4096];
    while let Ok(length @ 1..) = reader.read(&mut packet) {
        if packet[..length].starts_with(b"judged 1 of ") {
            kill_process(Pid::from_child(&child), signal).expect("it runs");
        }
    }
    child.wait().expect("it ended");
}

/// Judges them; the report without durations, and how many were judged before the interruption.
fn judged(desk: &Desk, options: &[&str]) -> (serde_json::Value, usize) {
    let (ran, mut report) = desk.json(&[&["run"], &FIVE[..], options].concat());
    assert_eq!(ran.code, 100, "{}", ran.err);
    for victim in report["victims"].as_array_mut().expect("victims") {
        victim["duration_s"] = 0.into();
    }
    (report, ran.err.matches(", before the interruption").count())
}

/// Where two reports part.
fn first_difference(one: &serde_json::Value, other: &serde_json::Value) -> String {
    let pretty = |report| serde_json::to_string_pretty(report).expect("JSON");
    let (one, other) = (pretty(one), pretty(other));
    let lines = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    format!("{lines:?}")
}

#[test]
fn a_run_that_was_interrupted_or_killed_goes_on_and_its_report_is_that_of_a_whole_one() {
    let (whole, before) = judged(&Desk::new(), &[]);
    assert_eq!(before, 0);
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let desk = Desk::new();
        started_and_ended(&desk, signal);
        let (report, before) = judged(&desk, &[]);
        assert!((1..=3).contains(&before), "{signal:?}: {before}");
        // All of both would be too much to read.
        assert!(report == whole, "{signal:?}: {}", first_difference(&report, &whole));
        let kept = fs::read_dir(desk.path("target/linkbait/results")).expect("a folder").count();
        assert_eq!(kept, 0, "{signal:?}: a run that is complete leaves none");
        assert_eq!(judged(&desk, &[]).1, 0, "{signal:?}");
    }
}

#[test]
fn other_settings_and_no_cache_judge_anew_what_an_interrupted_run_has_judged() {
    let desk = Desk::new();
    started_and_ended(&desk, Signal::INT);
    assert_eq!(judged(&desk, &["--umask", "022"]).1, 0);
    assert_eq!(judged(&desk, &["--no-cache"]).1, 0);
    assert_ne!(judged(&desk, &[]).1, 0);
}
