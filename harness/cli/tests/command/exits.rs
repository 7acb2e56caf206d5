//! Exit codes, and what is said about wrong input.

use crate::desk::{Desk, ran};
use std::process::{Command, Stdio};

#[test]
fn a_victim_without_findings_exits_0() {
    let ran = Desk::new().run(&["run", "create-new"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("1 victim, ") && ran.out.contains("1 pass, 0 fail"), "{}", ran.out);
}

#[test]
fn findings_exit_100_and_say_how_to_go_on() {
    let ran = Desk::new().run(&["run", "check-then-create", "--rule", "follows-link"]);
    assert_eq!(ran.code, 100);
    for said in [
        "error[follows-link]: check-then-create",
        "planted here",
        "checked here",
        "outside/missing was created through shared/app.tmp",
        "help: create with O_CREAT|O_EXCL",
        "depth 1 complete",
        "replay with `linkbait replay target/linkbait/check-then-create-1-follows-link.timeline`",
        "explained by `linkbait explain follows-link`",
    ] {
        assert!(ran.out.contains(said), "{said:?} is missing in\n{}", ran.out);
    }
}

#[test]
fn a_shard_with_nothing_in_it_exits_4_with_an_empty_report() {
    let (ran, document) = Desk::new().json(&["run", "create-new", "--shard", "2/2"]);
    assert_eq!(ran.code, 4);
    assert_eq!(document["victims"].as_array().map(Vec::len), Some(0));
}

#[test]
fn wrong_input_exits_2_and_says_what_would_be_right() {
    for (args, said) in [
        (&["run", "mkstmp"][..], "did you mean mkstemp?"),
        (&["explain", "follow-link"], "did you mean follows-link?"),
        (&["schema", "linkbait-reports/1"], "did you mean linkbait-report/1?"),
        (&["--rule", "hang"], "did you mean hangs?"),
        (&["--attacker", "root"], "there are none, other-user, dir-writer"),
        (&["--umask", "888"], "from 000 to 777"),
        (&["--shard", "0/4"], "counted from 1: the first is 1/4"),
        (&["--shard", "5/4"], "the last is 4/4"),
        (&["--shard", "x"], "K/N was expected"),
        (&["--depth", "4"], "3 is the most, or add --samples N"),
        (&["--depth", "9"], "not in 1..=8"),
        (&["--samples", "9"], "add --depth N, 2 to 8"),
        (&["--timeout", "soon"], "30s"),
        (&["--timeout", "0s"], "try 2s"),
        (&["--jobs", "0"], "not in 1.."),
        (&["--format", "xml"], "[possible values: text, json, phases, markdown, html, sarif, junit, github]"),
        (&["--no-such-option"], "unexpected argument"),
        (&["run", "--shard", "1/18446744073709551615"], "fewer than 10000 shards were expected"),
        (&["list", "attackers"], "[possible values: rules, victims, moves, schemas, advisories]"),
    ] {
        let ran = Desk::new().run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.out.is_empty(), "{args:?}: {}", ran.err);
    }
}

#[test]
fn hostile_arguments_are_escaped_when_they_are_told_back() {
    for args in
        [&["run", "\x1b[31mx"][..], &["--\x1b[31mx"], &["replay", "\x1b[31mx"], &["explain", "\x1b]0;x\x07"]]
    {
        let ran = Desk::new().run(args);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(!ran.err.contains(['\x1b', '\x07']), "{:?}", ran.err);
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let desk = Desk::new();
    let ran = ran(desk.command(&["list", "victims"]).stdout(writer).output().expect("the command starts"));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn output_that_cannot_be_written_exits_70() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let desk = Desk::new();
    let ran = ran(desk.command(&["list", "rules"]).stdout(Stdio::from(full)).output().expect("starts"));
    assert_eq!(ran.code, 70);
    assert!(ran.err.contains("No space left"), "{}", ran.err);
}

#[test]
fn cargo_linkbait_is_the_same_command() {
    let desk = Desk::new();
    for args in [&["linkbait", "list", "rules"][..], &["list", "rules"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_cargo-linkbait")).args(args).output().expect("starts");
        assert_eq!(ran(output).out, desk.run(&["list", "rules"]).out);
    }
}

#[test]
fn lists_completions_and_the_manual_name_what_there_is() {
    let desk = Desk::new();
    for (args, said) in [
        (&["list", "rules"][..], "follows-link"),
        (&["list", "victims"], "mkstemp"),
        (&["list", "moves"], "swap-over"),
        (&["list", "schemas"], "linkbait-report/1"),
        (&["schema", "linkbait-victim/1"], "json-schema.org/draft/2020-12"),
        (&["list", "advisories"], "RUSTSEC-2023-0018"),
        (&["explain", "leftover"], "CWE-459"),
        (&["completions", "bash"], "--attacker"),
        (&["completions", "fish"], "no-progress"),
        (&["man"], ".TH linkbait"),
        (&["man"], "no\\-progress"),
        (&["--help"], "Exit codes: 0 nothing found"),
    ] {
        let ran = desk.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert!(ran.out.contains(said), "{args:?}: {}", ran.out);
    }
}

#[test]
fn doctor_says_what_follows_from_what_it_sees() {
    let ran = Desk::new().run(&["doctor"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for said in
        ["notification", "works", "attacker", "tmpfs", "cores", "protected_symlinks", "user namespaces"]
    {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
}

#[test]
fn with_too_few_open_files_nothing_is_judged_and_nothing_is_left_behind() {
    let desk = Desk::new();
    let arenas = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let limited = format!("ulimit -n 32; exec {} run create-new mkstemp", env!("CARGO_BIN_EXE_linkbait"));
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).current_dir(desk.dir()).env("XDG_RUNTIME_DIR", arenas.path());
    let ran = ran(command.output().expect("the command starts"));
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("ulimit -n 64"), "{}", ran.out);
    assert_eq!(std::fs::read_dir(arenas.path()).expect("a directory").count(), 0);
}

/// Under a supervisor already: the kernel lets a task have one listener only, so nothing can be judged there.
#[test]
fn where_nothing_can_be_judged_it_exits_6_and_doctor_still_reports() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let theirs = std::sync::Arc::clone(&seen);
    let victim = linkbait::Victim::new("a linkbait inside", move |dirs: &linkbait::Dirs| {
        for args in [
            &["run", "create-new", "--attacker", "none"][..],
            &["run", "mkstemp", "--attacker", "none", "--require"],
            &["doctor"],
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_linkbait"));
            let output = command.args(args).current_dir(&dirs.shared).output().expect("the command starts");
            theirs.lock().unwrap().push((args[0], ran(output)));
        }
    });
    let silence = std::time::Duration::from_secs(60);
    let limits = linkbait::Limits { stops: u32::MAX, silence, ..linkbait::Limits::default() };
    let judge =
        linkbait::Judge::new(linkbait::Host::detect()).attackers(&[linkbait::Class::None]).limits(limits);
    judge.umasks(&[0o022]).judge(&victim).expect("the outer one can judge");
    let seen = seen.lock().unwrap();
    assert!(seen.len() >= 3);
    for (command, ran) in seen.iter() {
        assert_eq!(ran.code, 6, "{command}: {}{}", ran.out, ran.err);
        let told = if *command == "doctor" { "protected_symlinks" } else { "unsupported" };
        assert!(ran.out.contains(told), "{}", ran.out);
    }
}
