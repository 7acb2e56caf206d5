//! The library as a maintainer uses it in tests of their own.

use linkbait::timeline::Timeline;
use linkbait::{Act, Bait, Class, Dirs, ErrorKind, Host, Judge, Key, Limits, Move, Verb, Verdict, Victim};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn private(path: &Path) -> std::io::Result<()> {
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
    assert!(!Path::new(&name).exists(), "the real /tmp was touched");
}

#[test]
fn a_path_in_the_machines_temporary_directory_keeps_the_slash_at_its_end() {
    let (told, heard) = std::sync::mpsc::channel();
    let victim = linkbait::victim("no name", move |_| {
        let _ = told.send(File::create_new("/tmp/").err().map(|e| e.kind()));
    });
    victim.judge().expect("can judge");
    assert_eq!(heard.recv(), Ok(Some(std::io::ErrorKind::IsADirectory)));
}

#[test]
fn changes_elsewhere_on_the_machine_are_refused_and_said() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made-by-a-victim");
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

#[test]
fn a_free_running_race_hits_a_predictable_name_and_is_only_a_sample() {
    let bad = linkbait::victim("predictable", |dir| {
        let path = dir.join("app.log");
        fs::write(&path, "x").and_then(|()| fs::remove_file(path))
    });
    let judge =
        Judge::new(Host::detect()).limits(Limits { silence: Duration::from_secs(20), ..Limits::default() });
    match judge.sample(&bad, Class::OtherUser, 0o022, 200) {
        Ok(sampled) => {
            // Luck decides how many; that the attacker strikes at all does not depend on it.
            assert!(sampled.moves > 0 && sampled.attempts == 200, "{sampled:?}");
            println!("hit {} of {} with {} moves", sampled.hits, sampled.attempts, sampled.moves);
        }
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => println!("not checked: {error}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_free_running_victim_cannot_write_outside_of_the_arena() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made-by-a-free-runner");
    let there = target.clone();
    let victim = linkbait::victim("elsewhere", move |_| fs::write(&there, "x"));
    match Judge::new(Host::detect()).sample(&victim, Class::OtherUser, 0o022, 3) {
        Ok(_) => assert!(!target.exists()),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => println!("not checked: {error}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_name_with_the_time_in_seconds_is_not_taken_for_constant() {
    let body = |dir: &Path| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        fs::write(dir.join(format!("app.{now}")), "x")
    };
    let report = linkbait::victim("seconds", body).keeps("app.*").judge().expect("can judge");
    let link = report.findings.iter().find(|f| f.rule == "follows-link").expect("a planted link is followed");
    assert_eq!((link.path.as_str(), report.unreached), ("shared/<1>", 0), "{report:?}");
}

#[test]
fn a_timeline_with_needless_moves_is_minimized_to_the_one_that_matters() {
    let victim = linkbait::victim("predictable", |dir| {
        File::create_new(dir.join("a"))?;
        File::create(dir.join("b")).map(drop)
    });
    let judge = Judge::new(Host::detect());
    let report = judge.judge(&victim).expect("can judge");
    let found = report.findings.iter().find(|f| f.rule == "follows-link").expect("b is followed");
    let mut two = found.schedule.clone();
    let at = Key { second: false, task: 0, call: "openat".into(), path: "shared/a".into(), occurrence: 0 };
    let needless = Move { verb: Verb::Plant, bait: Bait::Link, target: "shared/c".into() };
    two.acts.insert(0, Act { at, does: needless.into() });
    let file = Timeline { schedule: two, ..Timeline::parse(&found.timeline).expect("our own timeline") };
    let smaller = judge.minimize(&victim, &file).expect("the finding shows");
    let smaller = Timeline::parse(&smaller.timeline).expect("our own timeline");
    assert_eq!(smaller.schedule, found.schedule);
}

#[test]
fn a_failed_check_saves_timelines_that_replay() {
    let victim = linkbait::victim("saved by a test", |dir| File::create(dir.join("app.log")).map(drop));
    let folder = Host::detect().folder().to_owned();
    if fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder)).is_err() {
        println!("not checked: {} cannot be written", folder.display());
        return;
    }
    let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| victim.check()))
        .expect_err("a predictable name fails");
    let said = said.downcast::<String>().expect("a message");
    let files: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("replay: victim.replay(\"")).collect();
    assert!(!files.is_empty(), "{said}");
    for file in files {
        let replay = victim.replay(Path::new(file.trim_end_matches("\")"))).expect("a replay file");
        assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
    }
}

#[test]
fn a_judge_that_was_told_to_stop_tries_no_attack_and_does_not_say_pass() {
    let victim = linkbait::victim("create_new", |dir| private(&dir.join("app.lock")));
    let stop = Arc::new(AtomicBool::new(true));
    let report = Judge::new(Host::detect()).until(stop).judge(&victim).expect("can judge");
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.not_examined.iter().any(|note| note.contains("interrupted")), "{report:?}");
}

#[test]
fn a_victim_that_hangs_when_left_alone_is_not_attacked_and_does_not_pass() {
    let victim = linkbait::victim("waits", |_| -> () {
        loop {
            std::thread::park();
        }
    });
    let silence = Duration::from_millis(20);
    let judge = Judge::new(Host::detect()).limits(Limits { silence, ..Limits::default() });
    let report = judge.judge(&victim).expect("can judge");
    assert_eq!((report.verdict, report.hangs_alone), (Verdict::Inconclusive, true));
    assert!(report.not_examined.iter().any(|note| note.contains("no one interfered")), "{report:?}");
}

#[test]
fn a_victim_that_runs_for_ever_without_a_call_is_left_alone_and_the_rest_goes_on() {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let spins = linkbait::victim("spins", move |dir| {
        if File::create_new(dir.join("x")).is_ok() {
            return;
        }
        // Allocates all the time: ended at the wrong moment, it would leave malloc locked.
        while !told.load(Ordering::Relaxed) {
            drop(vec![dir.to_path_buf(); 100]);
        }
    });
    let limits = Limits { silence: Duration::from_millis(20), ..Limits::default() };
    let judged = Judge::new(Host::detect()).limits(limits).judge(&spins);
    over.store(true, Ordering::Relaxed);
    let report = judged.expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "hangs"), "{report:?}");
    assert!(report.not_examined.iter().any(|note| note.contains("still run")), "{report:?}");
    linkbait::victim("next", |dir| private(&dir.join("app.lock"))).check();
}

#[test]
fn what_a_victim_did_before_it_hung_alone_is_still_found() {
    let victim = linkbait::victim("writes, then waits", |dir| -> () {
        fs::write(dir.join("app.tmp"), "secret").expect("a file");
        loop {
            std::thread::park();
        }
    });
    let silence = Duration::from_millis(20);
    let judge = Judge::new(Host::detect()).limits(Limits { silence, ..Limits::default() });
    let report = judge.judge(&victim).expect("can judge");
    assert_eq!((report.verdict, report.hangs_alone), (Verdict::Fail, true));
    assert!(report.findings.iter().all(|f| f.attacker == Class::None), "{report:?}");
}

#[test]
fn an_entry_that_no_call_named_is_told_such_that_it_reads_back() {
    let victim = linkbait::victim("through a link", |dir| -> std::io::Result<()> {
        let link = dir.join("link");
        std::os::unix::fs::symlink("two  words", &link)?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&link)?;
        fs::remove_file(&link)
    });
    let judge = Judge::new(Host::detect()).attackers(&[Class::None]);
    let report = judge.judge(&victim).expect("can judge");
    let left = report.findings.iter().find(|f| f.rule == "leftover").expect("the target of the link is left");
    assert_eq!(left.example, "shared/two  words");
    let file = Timeline::parse(&left.timeline).expect("a timeline");
    assert_eq!(file.broken, [("leftover".to_owned(), left.path.clone())]);
    let replay = judge.replay(&victim, &file).expect("can replay");
    assert!(replay.same_findings, "{}", replay.timeline);
}

#[test]
fn a_thread_that_outlives_the_body_for_a_moment_is_waited_for_and_judged() {
    let victim = linkbait::victim("late thread", |dir| {
        let path = dir.join("app.log");
        std::thread::spawn(move || {
            // Late, so that the body has returned by then; nothing depends on how late.
            std::thread::sleep(Duration::from_millis(5));
            fs::write(&path, "secret").and_then(|()| fs::remove_file(&path))
        });
    });
    let report = victim.judge().expect("can judge");
    assert!(report.findings.iter().any(|f| f.rule == "follows-link"), "{report:?}");
}

#[test]
fn a_thread_that_goes_on_makes_the_verdict_inconclusive() {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    let victim = linkbait::victim("endless thread", move |_| {
        let told = Arc::clone(&told);
        std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
    });
    let silence = Duration::from_millis(20);
    let judge = Judge::new(Host::detect()).limits(Limits { silence, ..Limits::default() });
    let report = judge.judge(&victim).expect("can judge");
    over.store(true, Ordering::Relaxed);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:?}");
    assert!(report.not_examined.iter().any(|note| note.contains("outlive")), "{report:?}");
}
