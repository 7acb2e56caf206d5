//! `replay --script`: the scripts show without us what was found, and do not show it of a repaired victim.

use crate::desk::{Desk, Ran, ran};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// True where scripts of this kind can run. Elsewhere says, past the test's capture, what was not checked.
fn can_run(what: &str, tools: &[&str]) -> bool {
    let contains = Desk::new().run(&["exec", "--attacker", "none", "--umask", "022", "--", "true"]).code != 6;
    let starts = |tool: &&str| {
        let mut command = Command::new(tool);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let can = contains && tools.iter().all(starts);
    if !can {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {what}: no namespaces, or none of {tools:?}");
    }
    can
}

/// Judges a line of shell and makes the script of its first finding of this rule that takes such an act.
fn script(desk: &Desk, options: &[&str], rule: &str, act: &str, line: &str) -> String {
    let found = desk.run(&[&["exec", "--umask", "022"], options, &["--", "sh", "-c", line]].concat());
    assert_eq!(found.code, 100, "{}{}", found.out, found.err);
    let fits = |file: &String| {
        file.ends_with(&format!("-{rule}.timeline"))
            && fs::read_to_string(desk.path(file)).expect("text").contains(act)
    };
    let file = desk.timelines().into_iter().find(fits).unwrap_or_else(|| panic!("no {rule}: {}", found.out));
    let made = desk.run(&["replay", "--script", &file, "--output", "show.sh"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    fs::read_to_string(desk.path("show.sh")).expect("a script")
}

/// Runs the script, with a command in the place of the victim if there is one.
fn show(desk: &Desk, command: &[&str]) -> Ran {
    let mut sh = Command::new("sh");
    sh.arg("show.sh").args(command).current_dir(desk.dir()).env("LANG", "C");
    ran(sh.output().expect("sh runs"))
}

/// The script shows the fault, and not of the repaired line; true when it works without strace.
fn tells_apart(options: &[&str], rule: &str, act: &str, faulty: &str, repaired: &str) -> bool {
    let desk = Desk::new();
    let text = script(&desk, options, rule, act, faulty);
    let shown = show(&desk, &[]);
    assert_eq!(shown.code, 1, "{rule}: {}{}\n{text}", shown.out, shown.err);
    assert!(shown.out.contains("shows: "), "{}", shown.out);
    let shown = show(&desk, &["sh", "-c", repaired]);
    assert_eq!(shown.code, 0, "{rule}: {}{}\n{text}", shown.out, shown.err);
    assert!(shown.out.contains("does not show"), "{}", shown.out);
    let left: Vec<_> =
        fs::read_dir(desk.dir()).expect("a directory").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "the script left something: {left:?}");
    !text.contains("strace")
}

const DRAWN: &str = "f=$(mktemp) || exit; echo secret > $f; rm -f $f";

#[test]
fn what_takes_no_window_is_shown_without_strace() {
    if !can_run("scripts without strace", &["unshare", "setsid"]) {
        return;
    }
    let fixed = "umask 077; echo secret > /tmp/app.log; rm -f /tmp/app.log";
    for (rule, act) in
        [("follows-link", "symlink"), ("uses-foreign", "plant file"), ("deletes-foreign", "plant")]
    {
        assert!(tells_apart(&["--rule", rule], rule, act, fixed, DRAWN), "{rule}");
    }
    let left = "f=$(mktemp); echo secret > $f";
    assert!(tells_apart(&["--rule", "leftover"], "leftover", "", left, DRAWN));
    let open = "echo secret > /tmp/app.log";
    assert!(tells_apart(
        &["--rule", "world-readable"],
        "world-readable",
        "",
        open,
        &format!("umask 077; {open}")
    ));
    let opens = "umask 077; echo x > /tmp/log; chmod 644 /tmp/log";
    assert!(tells_apart(&["--rule", "chmods-foreign"], "chmods-foreign", "", opens, DRAWN));
}

#[test]
fn a_victim_that_hangs_is_ended_and_that_shows() {
    if can_run("scripts of hangs", &["unshare", "setsid"]) {
        let fixed = "umask 077; echo secret > /tmp/app.log; rm -f /tmp/app.log";
        assert!(tells_apart(&["--rule", "hangs"], "hangs", "fifo", fixed, DRAWN));
    }
}

#[test]
fn what_takes_a_window_is_shown_with_a_stop_by_strace() {
    if !can_run("scripts with strace", &["unshare", "setsid", "strace"]) {
        return;
    }
    // Checked, then created: only between the two can anything be planted.
    let checks = "umask 077; [ -e /tmp/app.log ] || [ -h /tmp/app.log ] && exit 1; echo secret > /tmp/app.log; rm -f /tmp/app.log";
    let excludes = "umask 077; set -C; [ -e /tmp/app.log ] || [ -h /tmp/app.log ] && exit 1; echo secret > /tmp/app.log && rm -f /tmp/app.log";
    let made = "umask 077; f=$(mktemp -u); [ -e $f ] || [ -h $f ] || echo secret > $f; rm -f $f";
    let rule = &["--rule", "follows-link"];
    for (faulty, repaired) in [(checks, excludes), (made, DRAWN)] {
        assert!(!tells_apart(rule, "follows-link", "symlink", faulty, repaired), "{faulty}");
    }
    // Made, then changed by name: who may rename in the directory puts another file in between.
    let by_name = "umask 077; f=$(mktemp); chmod 640 $f; rm -f $f";
    let swaps = &["--rule", "chmods-foreign", "--attacker", "dir-writer"];
    assert!(!tells_apart(swaps, "chmods-foreign", "exchange", by_name, DRAWN));
    // Renamed out of a directory that may be another by then.
    let rename =
        "umask 077; f=$(mktemp -d); echo x > $f/new; mv $f/new /tmp/app.conf; rm -rf $f /tmp/app.conf";
    let swaps = &["--rule", "deletes-foreign", "--attacker", "dir-writer"];
    assert!(!tells_apart(swaps, "deletes-foreign", "exchange", rename, DRAWN));
    // Readable for a moment only, and for one in which it is empty.
    let late = "set -C; echo secret > /tmp/app.log && chmod 600 /tmp/app.log; rm -f /tmp/app.log";
    let empty = "set -C; : > /tmp/app.log && chmod 600 /tmp/app.log; set +C; echo secret > /tmp/app.log";
    for early in [late, empty] {
        let rule = &["--rule", "world-readable"];
        assert!(!tells_apart(rule, "world-readable", "", early, &format!("umask 077; {early}")), "{early}");
    }
}

#[test]
fn faults_and_signals_are_made_by_strace() {
    if !can_run("scripts of faults", &["unshare", "setsid", "strace"]) {
        return;
    }
    let mute = "set -C; f=/tmp/app.log; echo secret > $f || exit; cat $f > /dev/null; rm -f $f";
    let tidy = &format!("trap 'rm -f $f' EXIT; trap 'exit 1' INT TERM HUP QUIT; {mute}");
    let full = &["--rule", "leftover", "--faults"];
    assert!(!tells_apart(full, "leftover", "fail", mute, tidy));
    let ended = &["--rule", "leftover", "--signals"];
    assert!(!tells_apart(ended, "leftover", "signal SIG", mute, tidy));
    let lost = "umask 077; set -C; echo secret > /tmp/data; true";
    let told = "umask 077; set -C; echo secret > /tmp/data";
    assert!(!tells_apart(&["--rule", "lost-write", "--faults"], "lost-write", "fail", lost, told));
}

#[test]
fn hostile_names_and_arguments_stay_what_they_are() {
    if !can_run("scripts with hostile names", &["unshare", "setsid", "strace"]) {
        return;
    }
    let hostile = "n='/tmp/a b\"\\$(touch pwned)'\\''\t*'; n=\"$n\n<1>\"; umask 077; [ -e \"$n\" ] || [ -h \"$n\" ] && exit; echo x > \"$n\"; rm -f \"$n\"";
    let repaired =
        hostile.replace("umask 077;", "umask 077; set -C;").replace("> \"$n\";", "> \"$n\" || exit;");
    let rule = &["--rule", "follows-link"];
    assert!(!tells_apart(rule, "follows-link", "symlink", hostile, &repaired));
    let at_once = hostile.replace("[ -e \"$n\" ] || [ -h \"$n\" ] && exit;", "");
    assert!(tells_apart(rule, "follows-link", "symlink", &at_once, DRAWN));
}

#[test]
fn what_a_script_cannot_show_exits_6_and_says_why() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "follows-link"]);
    let made = desk.run(&["replay", "--script", &desk.timelines()[0], "--output", "show.sh"]);
    assert_eq!(made.code, 6, "{}", made.err);
    assert!(made.err.contains("the victim runs within linkbait"), "{}", made.err);
    assert!(!desk.path("show.sh").exists());
    if can_run("refusals of programs", &[]) {
        desk.run(&["run", "sh-clock-name", "--rule", "follows-link"]);
        let made = desk.run(&["replay", "--script", &desk.timelines()[0]]);
        assert_eq!(made.code, 6, "{}{}", made.out, made.err);
        assert!(made.err.contains("another name in every run") && made.out.is_empty(), "{}", made.err);
    }
}

#[test]
fn replaying_often_counts_the_identical_runs() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "follows-link"]);
    let file = &desk.timelines()[0];
    let ran = desk.run(&["replay", "--times", "5", file]);
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with(&format!("5 of 5 replays were identical to {file:?}\n")), "{}", ran.out);
    let text = fs::read_to_string(desk.path(file)).expect("a timeline");
    fs::write(desk.path("other"), text.replacen("= ENOENT", "= EACCES", 1)).expect("a file");
    let ran = desk.run(&["replay", "--times", "3", "other"]);
    assert_eq!(ran.code, 5, "{}", ran.out);
    assert!(ran.out.contains("diverged at line") && ran.out.contains("0 of 3 replays"), "{}", ran.out);
}
