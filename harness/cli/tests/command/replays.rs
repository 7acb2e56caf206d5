//! Saved timelines: replayed, damaged, missing.

use crate::desk::Desk;
use std::fs;

fn steps(timeline: &str) -> Vec<&str> {
    timeline.lines().filter(|line| line.starts_with(' ')).collect()
}

#[test]
fn a_saved_timeline_replays_with_the_same_steps_and_findings() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "copy-to-known-name", "error-path-leaves", "mktemp-style"]);
    let saved = desk.timelines();
    assert!(saved.len() > 10);
    for file in saved {
        let ran = desk.run(&["replay", &file]);
        let text = fs::read_to_string(desk.path(&file)).expect("a timeline");
        assert_eq!(ran.code, 100, "{file}: {}{}", ran.out, ran.err);
        assert_eq!(steps(&ran.out), steps(&text), "{file}");
    }
}

#[test]
fn a_replay_that_diverges_says_at_which_line_and_exits_5() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "uses-foreign"]);
    let text = fs::read_to_string(desk.path(&desk.timelines()[0])).expect("a timeline");
    let other = text.replacen("= ENOENT", "= EACCES", 1);
    let line = 1 + other.lines().position(|line| line.contains("EACCES")).expect("a step");
    fs::write(desk.path("other"), other).expect("a file");
    let ran = desk.run(&["replay", "other"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(&format!("diverged at line {line} of \"other\"")), "{}", ran.out);
    let shorter: String = text.lines().filter(|l| !l.contains("ended:")).map(|l| format!("{l}\n")).collect();
    fs::write(desk.path("shorter"), shorter).expect("a file");
    assert_eq!(desk.run(&["replay", "shorter"]).code, 5);
}

#[test]
fn damaged_timelines_exit_2_and_name_the_line() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "uses-foreign"]);
    let text = fs::read_to_string(desk.path(&desk.timelines()[0])).expect("a timeline");
    let swap = |from: &str, to: &str| text.replacen(from, to, 1).into_bytes();
    for (damaged, said) in [
        (Vec::new(), "line 1: the file is empty"),
        (swap("timeline 1", "timeline 2"), "line 1: this is not \"linkbait-timeline 1\""),
        (swap("other-user", "everyone"), "line 3:"),
        (swap("plant file", "plant bomb"), "line 5: unknown move"),
        (swap("openat(", "openzat("), "line 6: unknown call"),
        (swap("  1 victim", "  1 witness"), "line 4: unknown actor"),
        (swap("victim    check", "nobody    check"), "line 2:"),
        (swap("check-then-create", "chek-then-create"), "did you mean check-then-create?"),
        (swap("check-then-create", "\\u{1b}[2Jcheck"), "no victim \\u{1b}[2Jcheck"),
        (swap("check-then-create", "\x1b[2Jcheck"), "line 2: a control character"),
        (vec![0xff, 0xfe], "not text"),
    ] {
        fs::write(desk.path("damaged"), &damaged).expect("a file");
        let ran = desk.run(&["replay", "damaged"]);
        assert_eq!(ran.code, 2, "{said}: {}", ran.err);
        assert!(ran.err.contains(said) && ran.err.contains("\"damaged\""), "{said}: {}", ran.err);
    }
}

#[test]
fn a_missing_file_is_told_as_strace_would() {
    let ran = Desk::new().run(&["replay", "nowhere"]);
    assert_eq!(ran.code, 2);
    let said = "open(\"nowhere\") = ENOENT (No such file or directory); `linkbait run` saves timelines";
    assert!(ran.err.contains(said), "{}", ran.err);
    let ran = Desk::new().run(&["replay", "."]);
    assert!(ran.err.contains("= EISDIR (Is a directory)"), "{}", ran.err);
}

#[test]
fn a_move_that_does_not_matter_is_left_out_when_minimizing() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "uses-foreign"]);
    let saved = desk.timelines().remove(0);
    let text = fs::read_to_string(desk.path(&saved)).expect("a timeline");
    let more = text.replacen("  1 victim", "  1 attacker  plant fifo \"shared/other\" 0666\n  2 victim", 1);
    fs::write(desk.path("more"), more).expect("a file");
    let ran = desk.run(&["minimize", "more"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(steps(&ran.out), steps(&desk.run(&["replay", &saved]).out));
    assert_eq!(desk.run(&["minimize", "more", "--output", "less"]).code, 0);
    assert_eq!(desk.run(&["replay", "less"]).code, 100);
}

#[test]
fn a_timeline_without_findings_cannot_be_minimized() {
    let desk = Desk::new();
    desk.run(&["run", "check-then-create", "--rule", "uses-foreign"]);
    let text = fs::read_to_string(desk.path(&desk.timelines()[0])).expect("a timeline");
    let without: String = text.lines().filter(|l| !l.contains('!')).map(|l| format!("{l}\n")).collect();
    fs::write(desk.path("without"), without).expect("a file");
    let ran = desk.run(&["minimize", "without"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no finding"), "{}", ran.err);
}
