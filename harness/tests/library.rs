//! The library as a maintainer uses it in tests of their own.

use linkbait::{Class, Dirs, Host, Judge, Verdict, Victim, timeline::Timeline};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

fn private(path: &std::path::Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(b"secret")?;
    fs::remove_file(path)
}

#[test]
fn exclusive_creation_passes_the_check() {
    linkbait::victim("create_new", |dir| private(&dir.join("app.lock"))).check();
}

#[test]
#[should_panic(expected = "follows-link")]
fn a_predictable_name_fails_the_check_with_its_timeline() {
    linkbait::victim("File::create", |dir| File::create(dir.join("app.log")).map(drop)).check();
}

#[test]
fn the_machines_own_temporary_directory_is_the_arena() {
    let name = format!("/tmp/linkbait-test-{}", std::process::id());
    let path = std::path::PathBuf::from(&name);
    let report =
        linkbait::victim("hard-coded /tmp", move |_| fs::write(&path, "secret")).judge().expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "follows-link"), "{report:?}");
    assert!(!std::path::Path::new(&name).exists(), "the real /tmp was touched");
}

#[test]
fn changes_elsewhere_on_the_machine_are_refused_and_said() {
    let target = std::env::current_dir().expect("a working directory").join("made-by-a-victim");
    let there = target.clone();
    let report = linkbait::victim("elsewhere", move |_| fs::write(&there, "x")).judge().expect("can judge");
    assert!(!target.exists());
    assert!(report.not_examined.iter().any(|n| n.contains("EROFS")), "{report:?}");
}

#[test]
fn a_victim_that_never_touches_the_arena_passes_with_its_trials_counted() {
    let report = linkbait::victim("nothing", |_| ()).judge().expect("can judge");
    assert_eq!(report.verdict, Verdict::Pass);
    assert!(report.trials > 0);
}

#[test]
fn a_fifo_that_would_block_is_a_finding_and_does_not_hang_us() {
    let report = linkbait::victim("reads", |dir| fs::read(dir.join("state"))).judge().expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "hangs"), "{report:?}");
}

#[test]
fn a_loop_that_retries_one_name_for_ever_is_ended() {
    let victim = linkbait::victim("retry", |dir| while File::create_new(dir.join("x")).is_err() {});
    let report = Judge::new(Host::detect()).judge(&victim.keeps("x")).expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "hangs"), "{report:?}");
}

#[test]
fn a_panicking_destructor_is_told_from_a_panicking_body() {
    struct Guard(std::path::PathBuf);
    impl Drop for Guard {
        fn drop(&mut self) {
            fs::remove_file(&self.0).expect("the file is still there");
        }
    }
    let body = |dirs: &Dirs| -> std::io::Result<()> {
        let path = dirs.shared.join("x");
        drop(OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?);
        drop(Guard(path));
        Ok(())
    };
    let report = Victim::new("drop panics", body).attackers(&[Class::DirWriter]).judge().expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "crashes"), "{report:?}");
    let in_body = linkbait::victim("body panics", |dir| {
        File::create_new(dir.join("x")).map(drop).expect("free");
    });
    let report = Judge::new(Host::detect()).judge(&in_body.keeps("x")).expect("can judge");
    assert!(report.findings.iter().all(|f| f.rule != "crashes"), "{report:?}");
}

#[test]
fn damaged_timelines_are_refused_with_their_line() {
    let cases = [
        ("", "line 1"),
        ("linkbait-timeline 9\n", "line 1"),
        ("linkbait-timeline 1\nvictim    x\nattacker  nobody\n", "line 3"),
        (
            "linkbait-timeline 1\nvictim    x\nattacker  none    umask 022    fs tmpfs\n  1 attacker  tickle \"x\"\n",
            "line 4",
        ),
    ];
    for (text, line) in cases {
        let error = Timeline::parse(text).expect_err(text).to_string();
        assert!(error.contains(line), "{error}");
    }
}
