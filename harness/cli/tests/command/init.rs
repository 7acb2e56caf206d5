//! Files to start from: what is written works as it is, and what is there stays.

use crate::desk::{Desk, Ran};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;

/// The test that is written into packages, as one of ours.
#[path = "../../src/init/test.rs"]
mod written;

const MANIFEST: &str = "[package]\nname = \"mine\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";

fn init(desk: &Desk) -> Ran {
    let ran = desk.run(&["init"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    ran
}

fn read(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The entries of a directory.
fn entries(desk: &Desk, dir: &str) -> BTreeSet<String> {
    let all = fs::read_dir(desk.path(dir)).expect("a directory");
    all.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn elsewhere_a_config_file_and_a_victim_are_written_and_the_victim_passes() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let ran = init(&desk);
    assert_eq!(
        ran.out,
        "wrote .config/linkbait.toml\nwrote victims/example.toml\n\nthen: linkbait run victims\n"
    );
    assert_eq!(entries(&desk, "."), names(&[".config", "victims"]));
    let ran = desk.run(&["run", "victims"]);
    if ran.code != 6 {
        assert!(ran.code == 0 && ran.out.contains("1 pass, 0 fail"), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn in_a_package_a_test_is_written_and_the_dependency_is_told_unless_it_is_there() {
    let desk = Desk::new();
    fs::write(desk.path("Cargo.toml"), MANIFEST).expect("a file");
    let ran = init(&desk);
    let line = concat!("[dev-dependencies]\nlinkbait = \"", env!("CARGO_PKG_VERSION"), "\"\n");
    assert!(ran.out.starts_with("wrote .config/linkbait.toml\nwrote tests/linkbait.rs\n"), "{}", ran.out);
    assert!(
        ran.out.contains(line) && ran.out.ends_with("\nthen: cargo test --test linkbait\n"),
        "{}",
        ran.out
    );
    // It is compiled and run above.
    assert_eq!(read(&desk, "tests/linkbait.rs"), include_str!("../../src/init/test.rs"));
    assert_eq!(entries(&desk, "."), names(&[".config", "Cargo.toml", "tests"]));
    fs::write(desk.path("Cargo.toml"), format!("{MANIFEST}{line}")).expect("a file");
    assert!(!init(&desk).out.contains("[dev-dependencies]"));
    fs::write(desk.path("Cargo.toml"), "[workspace]\nmembers = []\n").expect("a file");
    assert!(init(&desk).out.contains("wrote victims/example.toml"));
    fs::write(desk.path("Cargo.toml"), "package").expect("a file");
    assert_eq!(desk.run(&["init"]).code, 2);
}

#[test]
fn nothing_that_is_there_is_written_to() {
    let desk = Desk::new();
    fs::write(desk.path("Cargo.toml"), MANIFEST).expect("a file");
    fs::create_dir_all(desk.path("tests/linkbait")).expect("a directory");
    fs::create_dir(desk.path(".config")).expect("a directory");
    fs::write(desk.path("tests/linkbait/main.rs"), "mine").expect("a file");
    // A link that leads nowhere would be written through by a careless open.
    symlink(desk.path("nowhere"), desk.path(".config/linkbait.toml")).expect("a link");
    let ran = init(&desk);
    let left = "left as it is: .config/linkbait.toml\nleft as it is: tests/linkbait.rs\n";
    assert!(ran.out.starts_with(left), "{}", ran.out);
    assert_eq!(entries(&desk, "."), names(&[".config", "Cargo.toml", "tests"]));
    assert_eq!(entries(&desk, "tests"), names(&["linkbait"]));
    fs::remove_file(desk.path(".config/linkbait.toml")).expect("it was there");
    init(&desk);
    fs::write(desk.path(".config/linkbait.toml"), "mine").expect("a file");
    init(&desk);
    assert_eq!(read(&desk, ".config/linkbait.toml"), "mine");
}

#[test]
fn where_nothing_can_be_written_that_is_said() {
    let desk = Desk::new();
    fs::write(desk.path(".config"), "a file").expect("a file");
    let ran = desk.run(&["init"]);
    assert!(ran.code == 70 && ran.err.contains("\".config/linkbait.toml\" cannot be written"), "{}", ran.err);
}

#[test]
fn the_config_file_is_read_as_it_is_and_with_all_that_it_shows() {
    let desk = Desk::new();
    init(&desk);
    let ran = desk.run(&["run", "create-new", "--no-progress"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let text = read(&desk, ".config/linkbait.toml");
    let is_shown = |line: &&str| line.trim_start_matches("# ").starts_with('[') || line.contains(" = ");
    let shown: Vec<&str> = text.lines().filter(is_shown).map(|line| line.trim_start_matches("# ")).collect();
    fs::write(desk.path(".config/linkbait.toml"), shown.join("\n")).expect("a file");
    let (ran, document) = desk.json(&["run", "create-new", "--no-progress"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(
        (&document["settings"]["depth"], &document["ignores"][0]["path"]),
        (&2.into(), &"*.lock".into())
    );
}
