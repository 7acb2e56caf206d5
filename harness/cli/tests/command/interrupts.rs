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
