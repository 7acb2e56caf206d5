//! `linkbait test` in a package of cargo's, made for this: the reports go to a directory of each test's own.

use crate::desk::{Desk, Ran, ran};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

const MANIFEST: &str = r#"[package]
name = "fixture"
version = "1.2.3"
edition = "2021"

[features]
worse = []
broken = []

[[test]]
name = "own"
harness = false

[workspace]
"#;

const LIBRARY: &str = r#"
#[cfg(feature = "broken")]
compile_error!("not today");

pub fn save(path: &std::path::Path) {
    std::fs::write(path, "secret").unwrap(); // saved here
    std::fs::remove_file(path).unwrap();
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

    fn place() -> std::path::PathBuf {
        std::env::temp_dir().join("fixture")
    }

    #[test]
    fn careful() {
        let (new, name) = (!cfg!(feature = "worse"), place());
        let mut options = std::fs::OpenOptions::new();
        let open = options.write(true).create(true).create_new(new).mode(0o600).open(&name);
        if open.is_ok() {
            std::fs::remove_file(name).unwrap();
        }
    }

    #[test]
    fn saves() {
        super::save(&place());
    }

    #[test]
    fn saves_too() {
        super::save(&place());
    }

    #[test]
    fn adds() {
        assert_eq!(1 + 1, 2);
    }

    #[test]
    fn fails() {
        panic!("as it does");
    }

    #[test]
    #[ignore]
    fn rests() {
        super::save(&place());
    }
}
"#;

const OUTER: &str = r#"
#[test]
fn knows_its_place() {
    assert!(std::path::Path::new("src/lib.rs").is_file());
    assert_eq!(std::env::var("CARGO_PKG_VERSION").unwrap(), "1.2.3");
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").unwrap() == std::env::current_dir().unwrap().as_os_str());
    assert_eq!(std::env::var("NEXTEST_EXECUTION_MODE").unwrap(), "process-per-test");
    let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept");
    assert!(!kept.exists());
    std::fs::write(kept, "not for long").unwrap();
}
"#;

const OWN: &str = r#"
fn main() {
    panic!("it was run");
}
"#;

/// Held by those that change a file of the package, and by those for whom that matters.
static FILES: Mutex<()> = Mutex::new(());

/// The package, where no arena lies over it; what keeps us from that is said once, past the test's capture.
fn package() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixture");
        let told = match make(&dir) {
            Ok(()) => {
                let ran = test(&Desk::new(), &dir, &["adds", "--no-cache"], &["--lib"]);
                // Nothing else than that nothing can be built or contained here keeps us from it.
                if ![6, 101].contains(&ran.code) {
                    return Some(dir);
                }
                format!("{}{}", ran.out, ran.err)
            }
            Err(e) => format!("no package beside /tmp: {e}"),
        };
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: tests of packages: {told}");
        None
    });
    made.as_deref()
}

/// Files that are as they should be are left, so that cargo need not build anew.
fn make(dir: &Path) -> std::io::Result<()> {
    for (name, text) in
        [("Cargo.toml", MANIFEST), ("src/lib.rs", LIBRARY), ("tests/outer.rs", OUTER), ("tests/own.rs", OWN)]
    {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        fs::write(path, text)?;
    }
    Ok(())
}

fn command(desk: &Desk, dir: &Path, options: &[&str], cargo: &[&str]) -> Command {
    let manifest = dir.join("Cargo.toml");
    let place = ["--", "--offline", "--manifest-path", manifest.to_str().expect("text")];
    let mut command = desk.command(&[&["test"], options, &place[..], cargo].concat());
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS", "CARGO_PROFILE_DEV_DEBUG"] {
        command.env_remove(name);
    }
    command
}

fn test(desk: &Desk, dir: &Path, options: &[&str], cargo: &[&str]) -> Ran {
    ran(command(desk, dir, options, cargo).output().expect("the command starts"))
}

/// The report that was saved.
fn report(desk: &Desk) -> Value {
    let text = fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

fn victims(report: &Value) -> Vec<&Value> {
    report["victims"].as_array().expect("a list").iter().collect()
}

/// What a report says of the test whose name ends so.
fn of<'r>(report: &'r Value, test: &str) -> &'r Value {
    let named =
        |victim: &&Value| victim["name"].as_str().is_some_and(|name| name.contains(&format!(" {test} ")));
    victims(report).into_iter().find(named).unwrap_or_else(|| panic!("no {test}: {report}"))
}

/// The line of the library that has this in it.
fn line(text: &str) -> usize {
    LIBRARY.lines().position(|line| line.contains(text)).expect("a line") + 1
}

#[test]
fn each_test_is_a_victim_and_a_finding_tells_the_line_of_the_package_that_made_the_call() {
    let Some(dir) = package() else { return };
    let desk = Desk::new();
    let ran = test(&desk, dir, &["saves"], &["--lib"]);
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    let report = report(&desk);
    assert_eq!(victims(&report).len(), 2, "{}", ran.out);
    let findings = of(&report, "tests::saves")["findings"].as_array().cloned().expect("findings");
    let follows = findings.iter().find(|finding| finding["rule"] == "follows-link").expect("a finding");
    let at = &follows["source"]["at"];
    assert_eq!(
        (&at["file"], &at["line"]),
        (&"src/lib.rs".into(), &line("// saved here").into()),
        "{follows}"
    );
    assert_eq!(at["function"], "fixture::save");
    let frames = follows["source"]["frames"].as_array().expect("frames");
    let is_test =
        |frame: &Value| frame["function"] == "fixture::tests::saves" && frame["file"] == "src/lib.rs";
    assert!(frames.iter().any(is_test), "{frames:?}");
    let drawn = test(&desk, dir, &["saves", "--verbose"], &["--lib"]);
    let told = format!("note: at src/lib.rs:{} in fixture::save", line("// saved here"));
    assert!(drawn.out.contains(&told), "{}", drawn.out);
    let together = "by source line\n  src/lib.rs:";
    assert!(drawn.out.contains(together) && drawn.out.contains("2 victims:"), "{}", drawn.out);
}

#[test]
fn a_finding_of_a_test_can_be_ignored() {
    let Some(dir) = package() else { return };
    let desk = Desk::new();
    let ignore = "schema = 'linkbait-config/1'\n[[ignore]]\nrule = 'follows-link'\nvictim = 'test: * tests::saves *'\n\
        reason = 'known'\nuntil = 9999-12-31\n";
    fs::write(desk.path("mine.toml"), ignore).expect("a file");
    let options = ["saves", "--rule", "follows-link", "--config", "mine.toml", "--exact"];
    let judged = |name| test(&desk, dir, &[&options[..], &[name]].concat(), &["--lib"]);
    let ran = judged("tests::saves");
    assert!(ran.code == 0 && ran.out.contains("ignored until 9999-12-31: known"), "{}{}", ran.out, ran.err);
    assert_eq!(judged("tests::saves_too").code, 100, "another test");
}

#[test]
fn a_finding_of_a_test_is_replayed_in_its_checkout() {
    let Some(dir) = package() else { return };
    let desk = Desk::new();
    let judged =
        test(&desk, dir, &["--exact", "tests::saves", "--rule", "follows-link", "--umask", "022"], &[]);
    assert_eq!(judged.code, 100, "{}{}", judged.out, judged.err);
    let mut replay = desk.command(&["replay", &desk.timelines()[0]]);
    let again = ran(replay.env_remove("CARGO_TARGET_DIR").output().expect("it starts"));
    assert_eq!(again.code, 100, "{}{}", again.out, again.err);
}

#[test]
fn what_is_no_pass_is_told_apart() {
    let Some(dir) = package() else { return };
    let desk = Desk::new();
    let ran = test(&desk, dir, &["--skip", "saves", "--no-progress"], &[]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    let report = report(&desk);
    assert_eq!(of(&report, "tests::careful")["verdict"], "pass");
    assert_eq!(of(&report, "tests::adds")["verdict"], "n/a");
    assert_eq!(of(&report, "knows_its_place")["verdict"], "n/a", "{}", ran.out);
    assert_eq!(of(&report, "tests::fails")["verdict"], "inconclusive");
    assert_eq!(victims(&report).len(), 4, "{}", ran.out);
    for told in [
        "left alone it ended with status 101",
        "it failed when left alone, before it did anything that could be attacked",
        "fixture test/own: it has a test harness of its own (harness = false), which was not run",
        "1 test marked #[ignore]",
        "2 tests left out by name or option",
        "tests in the documentation",
    ] {
        let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(told), "{told}: {}", ran.out);
    }
    let ignored = test(&desk, dir, &["--ignored", "--attacker", "none", "--umask", "022"], &["--lib"]);
    assert!(ignored.code == 100 && ignored.out.contains("tests::rests"), "{}{}", ignored.out, ignored.err);
}

#[test]
fn a_clean_result_is_taken_again_and_judged_anew_when_anything_has_changed() {
    let Some(dir) = package() else { return };
    let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let desk = Desk::new();
    let judged = |options: &[&str], cargo: &[&str]| {
        let options = [&["tests::careful", "tests::adds", "tests::saves_too"], options].concat();
        test(&desk, dir, &options, cargo);
        let report = report(&desk);
        ["tests::careful", "tests::adds", "tests::saves_too"].map(|name| {
            let victim = of(&report, name);
            let verdict = victim["verdict"].as_str().expect("text").to_owned();
            (verdict, victim["cached"] == true)
        })
    };
    let told = |of: [(&str, bool); 3]| of.map(|(verdict, cached)| (verdict.to_owned(), cached));
    let anew = told([("pass", false), ("n/a", false), ("fail", false)]);
    assert_eq!(judged(&[], &["--lib"]), anew);
    assert_eq!(judged(&[], &["--lib"]), told([("pass", true), ("n/a", true), ("fail", false)]));
    assert_eq!(judged(&["--no-cache"], &["--lib"]), anew);
    assert_eq!(judged(&["--umask", "022"], &["--lib"]), anew, "other settings");
    assert_eq!(
        judged(&[], &["--lib", "--features", "worse"])[0],
        ("fail".to_owned(), false),
        "another binary"
    );
    let text = dir.join("new");
    fs::write(&text, "read by a test, perhaps").expect("a file");
    let changed = judged(&[], &["--lib"]);
    fs::remove_file(text).expect("it is there");
    assert_eq!(changed, anew, "another file of the package");
}

#[test]
fn a_run_after_an_interruption_takes_what_was_judged_before_it() {
    let Some(dir) = package() else { return };
    let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let desk = Desk::new();
    let (reader, writer) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).expect("a pipe");
    fcntl_setpipe_size(&writer, 4096).expect("one packet");
    let options = ["tests::adds", "tests::careful", "tests::saves", "--jobs", "1"];
    let mut started = command(&desk, dir, &options, &["--lib"]);
    let mut child = started.stderr(writer).stdout(Stdio::null()).spawn().expect("the command starts");
    drop(started);
    let mut reader = fs::File::from(reader);
    let mut packet = [0; 4096];
    let mut interrupted = false;
    loop {
        let length = reader.read(&mut packet).expect("a read");
        let text = String::from_utf8_lossy(&packet[..length]).into_owned();
        if length == 0 {
            break;
        }
        if text.starts_with("judged 1 of ") {
            kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
            interrupted = true;
        }
    }
    assert!(interrupted && child.wait().expect("it ended").code() == Some(5));
    let before = victims(&report(&desk)).len();
    test(&desk, dir, &options, &["--lib"]);
    let report = report(&desk);
    let all = victims(&report);
    assert!(before < all.len() && all.len() == 4, "{before} {report}");
    assert!(of(&report, "tests::adds")["cached"] == true, "{report}");
}

#[test]
fn what_cargo_cannot_build_exits_101_with_what_cargo_said() {
    let Some(dir) = package() else { return };
    let ran = test(&Desk::new(), dir, &[], &["--lib", "--features", "broken"]);
    assert_eq!(ran.code, 101, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("not today") && ran.err.contains("cargo could not build the tests"),
        "{}",
        ran.err
    );
}

#[test]
fn arguments_that_cargo_must_not_get_exit_2() {
    for (wrong, why) in
        [("--doc", "documentation"), ("--message-format=json", "linkbait reads"), ("--", "names")]
    {
        let ran = Desk::new().run(&["test", "--", wrong]);
        assert!(ran.code == 2 && ran.err.contains(why), "{wrong}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn a_filter_that_no_test_has_leaves_nothing_to_judge() {
    let Some(dir) = package() else { return };
    let ran = test(&Desk::new(), dir, &["no such test"], &["--lib"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
}
