//! Published faults, in the version that has it and the fixed one. What is built here stands in the working directory; only the last
//! test takes a network.

use crate::desk::{Desk, Ran, ran};
use std::fs;
use std::io::Write;

/// Leaves its log behind, or removes it.
const VERSIONS: [(&str, &str); 3] = [
    ("1.0.0", "std::fs::write(dir.join(\"app.log\"), \"\")"),
    (
        "1.1.0",
        "std::fs::write(dir.join(\"app.log\"), \"\").and_then(|()| std::fs::remove_file(dir.join(\"app.log\")))",
    ),
    ("1.2.0", "std::fs::read_dir(dir.join(\"nowhere\")).map(drop)"),
];

/// The versions of a crate, and an advisory on it.
fn desk(vulnerable: &str, fixed: &str) -> Desk {
    let desk = Desk::new();
    for (version, body) in VERSIONS {
        let put = |name: &str, text: String| {
            let path = desk.path(&format!("tiny-{version}/{name}"));
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        };
        put(
            "Cargo.toml",
            format!("[package]\nname = \"tiny\"\nversion = \"{version}\"\nedition = \"2024\"\n"),
        );
        put("src/lib.rs", format!("pub fn log(dir: &std::path::Path) -> std::io::Result<()> {{ {body} }}\n"));
    }
    let text = format!(
        "schema = 'linkbait-victim/1'\nname = 'tiny {{version}}'\n\n[advisory]\nid = 'TINY-1'\ntitle = 'tiny leaves its log'\n\
         source = 'https://example.org/tiny'\ncwe = [459]\nvulnerable = '{vulnerable}'\nfixed = '{fixed}'\n\n\
         [rust]\ndependencies = {{ tiny = {{ path = 'tiny-{{version}}' }} }}\nbody = 'tiny::log(dir)?'\n\n\
         [judge]\nattackers = ['none']\n\n[expect]\nfail = [{{ rule = 'leftover', attacker = 'none' }}]\n"
    );
    fs::write(desk.path("tiny.toml"), text).expect("a file");
    desk
}

/// What it came to; `None` where nothing can be built or judged, which is said.
fn run(desk: &Desk, args: &[&str]) -> Option<Ran> {
    let ran = ran(desk.command(args).env("CARGO_NET_OFFLINE", "true").output().expect("the command starts"));
    tell_unsupported(&ran, args);
    (ran.code != 6).then_some(ran)
}

fn tell_unsupported(ran: &Ran, args: &[&str]) {
    if ran.code == 6 {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {args:?}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn what_agrees_and_what_differs_is_told_in_a_line_and_by_the_exit_code() {
    for (vulnerable, fixed, code, told) in [
        ("1.0.0", "1.1.0", 0, "TINY-1                 1.0.0 -> 1.1.0: shown, leftover (none)\n"),
        ("1.1.0", "1.0.0", 100, "does not show leftover (none), the fixed version shows leftover too"),
        ("1.0.0", "1.2.0", 5, "inconclusive, the fixed version does not succeed when left alone"),
    ] {
        let Some(ran) = run(&desk(vulnerable, fixed), &["advisories", "./tiny.toml"]) else { return };
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(told), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn an_advisory_is_judged_as_two_victims_and_its_timelines_replay() {
    let desk = desk("1.0.0", "1.1.0");
    let Some(ran) = run(&desk, &["run", "./tiny.toml"]) else { return };
    assert!(ran.code == 100 && ran.out.contains("2 victims"), "{}{}", ran.out, ran.err);
    let replay =
        run(&desk, &["replay", "--victim", "./tiny.toml", &desk.timelines()[0]]).expect("it was judged");
    assert_eq!(replay.code, 100, "{}{}", replay.out, replay.err);
}

#[test]
fn an_id_that_nobody_has_and_a_file_of_none_exit_2_with_what_to_do() {
    let desk = desk("1.0.0", "1.1.0");
    let text = fs::read_to_string(desk.path("tiny.toml")).expect("text");
    fs::write(desk.path("wrong.toml"), text.replace("1.1.0", "1.0.0")).expect("a file");
    fs::write(desk.path("none.toml"), "schema = 'linkbait-victim/1'\nname = 'a'\n").expect("a file");
    for (name, told) in [
        ("RUSTSEC-2023-0019", "did you mean RUSTSEC-2023-0018? `linkbait list advisories`"),
        ("./wrong.toml", "wrong.toml\": advisory.fixed"),
        ("./none.toml", "a victim file with [advisory] was expected"),
        ("./nowhere.toml", "nowhere"),
    ] {
        let ran = desk.run(&["advisories", name]);
        assert!(ran.code == 2 && ran.err.contains(told), "{name}: {}{}", ran.out, ran.err);
    }
    let parted = desk.run(&["advisories", "--shard", "1/2"]);
    assert!(parted.code == 2 && parted.err.contains("name the advisories"), "{}{}", parted.out, parted.err);
    let listed = desk.run(&["list", "advisories"]);
    assert!(listed.code == 0 && listed.out.contains("RUSTSEC-2023-0018"), "{}{}", listed.out, listed.err);
}

#[test]
fn packages_that_cannot_be_installed_are_unsupported_and_that_is_said() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let text = "schema = 'linkbait-victim/1'\nname = 'any'\n[command]\nargv = ['true']\n";
    for (key, installer) in [("npm", "npm"), ("pip", "pip")] {
        fs::write(desk.path("any.toml"), format!("{text}{key} = ['a package==1']\n")).expect("a file");
        let ran =
            ran(desk.command(&["run", "./any.toml"]).env("PATH", "/nowhere").output().expect("it starts"));
        assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(&format!("{installer} cannot install a package==1")), "{}", ran.out);
    }
}

#[test]
fn a_published_fault_of_a_crate_is_shown_in_the_vulnerable_version_only() {
    let desk = Desk::new();
    let ran = desk.run(&["advisories", "GHSA-mc8h-8q98-g5hr"]);
    tell_unsupported(&ran, &["advisories", "GHSA-mc8h-8q98-g5hr"]);
    if ran.code != 6 {
        assert!(
            ran.code == 0 && ran.out.contains("RUSTSEC-2023-0018      0.7.0 -> 0.8.4: shown"),
            "{}{}",
            ran.out,
            ran.err
        );
        let replay = desk.run(&["replay", &desk.timelines()[0]]);
        assert_eq!(replay.code, 100, "{}{}", replay.out, replay.err);
    }
}
