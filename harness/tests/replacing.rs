//! Replacing a file: what others read meanwhile, also after errors, signals and SIGKILL, and promises not to replace.

mod common;

use common::unless_unsupported;
use linkbait::{Class, Host, Judge, Program, Report, Verdict, Victim};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o077]).attackers(&[Class::None])
}

/// A victim that replaces a file of three bytes.
fn replacing(name: &str, body: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static) -> Victim {
    linkbait::victim(name, body).stage("app.conf", 0o600, "old").keeps("*").replaces("app.conf")
}

fn shell(line: &str) -> Victim {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let victim = Victim::program(line, Program { argv, ..Program::default() });
    victim.stage("app.conf", 0o600, "old\n").keeps("*").replaces("app.conf")
}

/// Phase and message of what was found to be torn.
fn torn(report: &Report) -> Vec<(&str, &str)> {
    let torn = report.findings.iter().filter(|f| f.rule == "torn-replace");
    torn.map(|f| (f.phase, f.message.as_str())).collect()
}

fn renamed(dir: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create_new(dir.join("new"))?;
    file.write_all(content.as_bytes())?;
    fs::rename(dir.join("new"), dir.join("app.conf"))
}

#[test]
fn half_of_the_content_at_any_step_is_torn_and_so_is_none() {
    let cases: [(Victim, &str); 4] = [
        (replacing("truncates", |dir| fs::write(dir.join("app.conf"), "new")), "shared/app.conf was empty"),
        (
            replacing("writes over it", |dir| {
                let mut file = File::options().write(true).open(dir.join("app.conf"))?;
                // The size stays what it was, and all comes within one tick of the clock.
                ["n", "e", "w"].into_iter().try_for_each(|part| file.write_all(part.as_bytes()))
            }),
            "shared/app.conf had 3 bytes, neither the old content nor the new",
        ),
        (
            replacing("removes it first", |dir| {
                fs::remove_file(dir.join("app.conf")).and_then(|()| renamed(dir, "new"))
            }),
            "shared/app.conf was not there",
        ),
        (
            replacing("renames too early", |dir| {
                let mut file = File::create_new(dir.join("new"))?;
                fs::rename(dir.join("new"), dir.join("app.conf"))?;
                file.write_all(b"new")
            }),
            "shared/app.conf was empty",
        ),
    ];
    for (victim, message) in cases {
        let report = judge().judge(&victim).expect("this machine can judge");
        assert_eq!(torn(&report), [("success", message)], "{report:#?}");
    }
    let report = judge().faults(true).judge(&replacing("renames", |dir| renamed(dir, "new")));
    assert_eq!(torn(&report.expect("this machine can judge")), []);
}

#[test]
fn what_is_only_added_to_is_not_replaced_unless_that_was_said() {
    let append = |dir: &Path| File::options().append(true).open(dir.join("app.conf"))?.write_all(b"er");
    let log = linkbait::victim("appends", append).stage("app.conf", 0o600, "old").keeps("*");
    assert_eq!(judge().judge(&log).expect("this machine can judge").verdict, Verdict::Pass);
    // One write is old or new.
    let once = replacing("appends once", append);
    assert_eq!(judge().judge(&once).expect("this machine can judge").verdict, Verdict::Pass);
}

#[test]
fn what_an_error_leaves_torn_is_found_after_the_error() {
    let victim = replacing("gives up halfway", |dir| {
        renamed(dir, "new").inspect_err(|_| drop(fs::remove_file(dir.join("app.conf"))))
    });
    assert_eq!(judge().judge(&victim).expect("this machine can judge").verdict, Verdict::Pass);
    let report = judge().faults(true).judge(&victim).expect("this machine can judge");
    assert_eq!(torn(&report), [("error", "shared/app.conf was not there")], "{report:#?}");
    let file = linkbait::timeline::Timeline::parse(&report.findings[0].timeline).expect("it reads back");
    let replay = judge().replay(&victim, &file).expect("this machine can judge");
    assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
}

#[test]
fn what_a_signal_leaves_torn_is_found_after_the_signal_and_a_rename_is_never_torn() {
    let line = "set -C; trap 'exec 3>&-; set +C; : > /tmp/app.conf; exit 1' TERM; echo new > /tmp/x; mv /tmp/x /tmp/app.conf";
    let Some(report) = unless_unsupported(line, judge().signals(true).judge(&shell(line))) else { return };
    assert_eq!(torn(&report), [("SIGTERM", "shared/app.conf was empty")], "{report:#?}");
    let line = "set -C; echo new > /tmp/x && mv /tmp/x /tmp/app.conf";
    let Some(report) = unless_unsupported(line, judge().signals(true).judge(&shell(line))) else { return };
    assert_eq!(torn(&report), [], "{report:#?}");
    assert!(report.trials > 20, "only {} trials", report.trials);
}

#[test]
fn what_is_torn_only_after_sigkill_is_found() {
    // The parent lives on and sees how its child ended.
    let line =
        "sh -c 'set -C; echo new > /tmp/x && mv /tmp/x /tmp/app.conf'; [ $? -ne 137 ] || rm -f /tmp/app.conf";
    let Some(report) = unless_unsupported(line, judge().signals(true).judge(&shell(line))) else { return };
    assert_eq!(torn(&report), [("SIGKILL", "shared/app.conf was not there")], "{report:#?}");
}

#[test]
fn content_that_is_another_in_every_run_is_said_and_judged_by_being_there() {
    use std::collections::hash_map::RandomState;
    use std::hash::BuildHasher;
    let random = || format!("{:020}", RandomState::new().hash_one(0));
    let good = replacing("random", move |dir| renamed(dir, &random()));
    let report = judge().faults(true).judge(&good).expect("this machine can judge");
    assert_eq!(torn(&report), [], "{report:#?}");
    assert!(report.not_examined.iter().any(|note| note.contains("another in every run")), "{report:#?}");
    let bad = replacing("random and in place", move |dir| fs::write(dir.join("app.conf"), random()));
    let report = judge().judge(&bad).expect("this machine can judge");
    assert_eq!(torn(&report), [("success", "shared/app.conf was empty")], "{report:#?}");
}

#[test]
fn content_that_has_changed_since_it_was_learned_is_not_taken_for_torn() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let runs = AtomicU32::new(0);
    // As if it told the time: the runs that learn come within one minute, most trials in the next.
    let ticks = replacing("ticks", move |dir| {
        let minute = runs.fetch_add(1, Ordering::Relaxed) / 8;
        renamed(dir, if minute == 0 { "12:00" } else { "12:01" })
    });
    let report = judge().faults(true).judge(&ticks).expect("this machine can judge");
    assert_eq!(torn(&report), [], "{report:#?}");
    assert!(report.not_examined.iter().any(|note| note.contains("another in every run")), "{report:#?}");
}

#[test]
fn a_victim_that_replaces_what_is_not_there_does_not_pass() {
    let victim = linkbait::victim("nothing", |_| ()).replaces("app.conf");
    let report = judge().judge(&victim).expect("this machine can judge");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:#?}");
    assert!(report.not_examined.iter().any(|note| note.contains("app.conf")), "{report:#?}");
}

#[test]
fn what_is_moved_away_is_not_replaced() {
    let moves = linkbait::victim("moves", |dir| {
        File::create_new(dir.join("result"))?;
        fs::rename(dir.join("result"), dir.join("kept"))
    });
    let judge = judge().attackers(&[Class::DirWriter]);
    let report = judge.judge(&moves.keeps("*").noclobber("result")).expect("this machine can judge");
    assert_eq!(torn(&report), [], "{report:#?}");
}

#[test]
fn a_promise_not_to_replace_is_broken_by_replacing_what_another_made_in_between() {
    let result = |dir: &Path| {
        if dir.join("result").exists() {
            return Ok(());
        }
        fs::write(dir.join("x"), "new")?;
        fs::rename(dir.join("x"), dir.join("result"))
    };
    let judge = judge().attackers(&[Class::OtherUser]);
    let free = linkbait::victim("replaces", result).keeps("*");
    let promising = linkbait::victim("promises", result).keeps("*").noclobber("result");
    assert_eq!(torn(&judge.judge(&free).expect("this machine can judge")), []);
    let report = judge.judge(&promising).expect("this machine can judge");
    let found = report.findings.iter().find(|f| f.rule == "torn-replace").expect("it is found");
    assert_eq!((found.path.as_str(), found.attacker), ("shared/result", Class::OtherUser));
    let linked = linkbait::victim("links", |dir| {
        File::create_new(dir.join("x"))?;
        let linked = fs::hard_link(dir.join("x"), dir.join("result"));
        fs::remove_file(dir.join("x")).and(linked)
    });
    let report = judge.judge(&linked.keeps("*").noclobber("result")).expect("this machine can judge");
    assert_eq!(torn(&report), [], "{report:#?}");
}
