//! The scorecard in Markdown, by itself and in a text of somebody's.

use crate::desk::Desk;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const RUN: [&str; 7] =
    ["run", "create-new", "reopen-by-path", "--rule", "follows-link,leftover", "--format", "markdown"];
const BEGIN: &str = "<!-- linkbait:begin -->\n";
const END: &str = "<!-- linkbait:end -->";

#[test]
fn the_scorecard_stands_between_markers_with_the_trials_behind_each_cell() {
    let ran = Desk::new().run(&RUN);
    assert_eq!(ran.code, 100, "{}", ran.err);
    assert!(ran.out.starts_with(BEGIN) && ran.out.trim_end().ends_with(END), "{}", ran.out);
    let row = |name: &str| {
        let row = ran.out.lines().find(|line| line.starts_with(&format!("| {name} |")));
        row.unwrap_or_else(|| panic!("{name} in {}", ran.out))
            .split(" | ")
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (clean, broken) = (row("create-new"), row("reopen-by-path"));
    assert!(clean[1].starts_with("pass ") && broken[1].starts_with("FAIL "), "{clean:?}\n{broken:?}");
    assert!(
        broken[1].contains('/') && broken.last().is_some_and(|by| by.starts_with("dir-writer: follows-link"))
    );
    assert_eq!(clean[2], "n/a", "a group of which no rule was asked for");
    assert!(ran.out.contains("what a clean row does not mean"), "{}", ran.out);
}

#[test]
fn a_text_with_markers_keeps_all_else_and_its_mode() {
    let desk = Desk::new();
    let (before, after) =
        ("# Mine\r\n\n`<!-- linkbait:begin -->` within a line\n", "\nthe end, without a line's");
    fs::write(desk.path("README.md"), format!("{before}{BEGIN}old\n{END}{after}")).expect("a file");
    fs::set_permissions(desk.path("README.md"), fs::Permissions::from_mode(0o640)).expect("a mode");
    for _ in 0..2 {
        let ran = desk.run(&[&RUN[..], &["--output", "README.md"]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (100, ""), "{}", ran.err);
        let text = fs::read_to_string(desk.path("README.md")).expect("text");
        assert!(text.starts_with(&format!("{before}{BEGIN}\n| victim |")), "{text}");
        assert!(text.ends_with(&format!("{END}{after}")) && !text.contains("old"), "{text}");
    }
    let mode = fs::metadata(desk.path("README.md")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let left = fs::read_dir(desk.dir()).expect("a directory").count();
    assert_eq!(left, 2, "README.md and target");
}

#[test]
fn a_text_without_both_markers_is_refused_before_the_work_and_stays() {
    let desk = Desk::new();
    for (text, said) in [
        ("mine\n", "no lines <!-- linkbait:begin -->"),
        ("a\n<!-- linkbait:begin -->\n", "and no <!-- linkbait:end -->"),
        ("<!-- linkbait:end -->\n<!-- linkbait:begin -->\n", "before"),
    ] {
        fs::write(desk.path("README.md"), text).expect("a file");
        let ran = desk.run(&[&RUN[..], &["--output", "README.md"]].concat());
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(said) && !ran.err.contains("judging"), "{}", ran.err);
        assert_eq!(fs::read_to_string(desk.path("README.md")).expect("text"), text);
    }
    fs::write(desk.path("README.md"), [0xff, b'\n']).expect("a file");
    let ran = desk.run(&[&RUN[..], &["--output", "README.md"]].concat());
    assert!(ran.code == 2 && ran.err.contains("is not text"), "{}", ran.err);
}

#[test]
fn a_file_that_is_not_there_or_empty_is_made_and_a_link_is_not_followed() {
    let desk = Desk::new();
    fs::write(desk.path("empty.md"), "").expect("a file");
    for name in ["new.md", "empty.md"] {
        assert_eq!(desk.run(&[&RUN[..], &["--output", name]].concat()).code, 100);
        assert!(fs::read_to_string(desk.path(name)).expect("text").starts_with(BEGIN));
    }
    symlink(desk.path("new.md"), desk.path("link.md")).expect("a link");
    let ran = desk.run(&[&RUN[..], &["--output", "link.md"]].concat());
    assert!(ran.code == 2 && ran.err.contains("symbolic link"), "{}", ran.err);
}

#[test]
fn the_page_of_rules_is_what_the_command_makes() {
    let desk = Desk::new();
    let made = desk.run(&["list", "rules", "--format", "markdown"]).out;
    let again = "linkbait list rules --format markdown > corpus/tables/rules.md";
    assert_eq!(made, include_str!("../../../../corpus/tables/rules.md"), "{again}");
    for rule in linkbait::RULES {
        assert_eq!(made.matches(&format!("\n### {}\n", rule.id)).count(), 1, "{}", rule.id);
    }
    assert_eq!(desk.run(&["list", "victims", "--format", "markdown"]).code, 2);
}
