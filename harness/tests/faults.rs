//! Faults and signals: what errors leave behind, what is lost without a word, what a signal interrupts.

mod common;

use common::unless_unsupported;
use linkbait::{Class, Host, Judge, Program, Report, Verdict, Victim};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o077])
}

fn with_faults(victim: &Victim) -> Report {
    judge().faults(true).attackers(&[Class::None]).judge(victim).expect("this machine can judge")
}

/// The report on a line of shell to which signals are sent, or `None` where this machine cannot contain it, which is said.
fn with_signals(line: &str) -> Option<Report> {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let victim = Victim::program(line, Program { argv, ..Program::default() });
    unless_unsupported(line, judge().signals(true).attackers(&[Class::None]).judge(&victim))
}

/// Each finding: rule, phase, path.
fn told(report: &Report) -> Vec<(&str, &str, &str)> {
    report.findings.iter().map(|f| (f.rule, f.phase, f.path.as_str())).collect()
}

fn make(path: &Path) -> io::Result<()> {
    File::create_new(path)?.write_all(b"secret")
}

#[test]
fn a_file_that_stays_when_writing_fails_is_left_over_after_an_error() {
    let leaves =
        linkbait::victim("leaves", |dir| make(&dir.join("a")).and_then(|()| fs::remove_file(dir.join("a"))));
    let report = with_faults(&leaves);
    assert_eq!(told(&report), [("leftover", "error", "shared/a")], "{report:#?}");
    let cleans = linkbait::victim("cleans", |dir| {
        let made = make(&dir.join("a"));
        fs::remove_file(dir.join("a")).and(made)
    });
    let report = with_faults(&cleans);
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
}

#[test]
fn a_file_that_could_not_be_removed_is_excused() {
    let once = linkbait::victim("once", |dir| tempfile::NamedTempFile::new_in(dir).map(drop));
    let report = with_faults(&once);
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    let tried = report.trials;
    let alone = judge().attackers(&[Class::None]).judge(&once).expect("this machine can judge").trials;
    assert!(tried > alone + 10, "only {tried} trials");
}

#[test]
fn errors_that_nobody_looks_at_are_lost_writes_and_short_ones_too() {
    let mute = linkbait::victim("mute", |dir| {
        let _ = File::create_new(dir.join("a")).and_then(|mut file| file.write(b"secret"));
    })
    .keeps("a");
    let report = with_faults(&mute);
    assert_eq!(told(&report), [("lost-write", "success", "shared/a")], "{report:#?}");
    let shown: Vec<String> =
        report.findings[0].schedule.acts.iter().map(|act| act.does.to_string()).collect();
    assert_eq!(shown.len(), 1);
    let careful = linkbait::victim("careful", |dir| {
        let mut file = File::create_new(dir.join("a"))?;
        let done = file.write_all(b"secret").and_then(|()| file.sync_all());
        done.inspect_err(|_| fs::remove_file(dir.join("a")).unwrap_or_default())
    })
    .keeps("a");
    let report = with_faults(&careful);
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
}

#[test]
fn what_is_done_after_an_error_is_attacked_as_well() {
    let victim = linkbait::victim("tidies", |dir| {
        let lock = dir.join("lock");
        if File::create_new(&lock)?.write_all(b"1").is_err() {
            // Only on this way is the name opened without O_EXCL.
            return File::create(dir.join("error.log"))?.write_all(b"no lock");
        }
        fs::remove_file(lock)
    })
    .keeps("*");
    let report =
        judge().faults(true).attackers(&[Class::OtherUser]).judge(&victim).expect("this machine can judge");
    let found = report.findings.iter().find(|f| f.rule == "follows-link").expect("the log is attacked");
    assert_eq!(found.example, "shared/error.log");
    assert_eq!(found.schedule.acts.len(), 2, "{found:#?}");
    let without = judge().attackers(&[Class::OtherUser]).judge(&victim).expect("this machine can judge");
    assert!(without.findings.iter().all(|f| f.example != "shared/error.log"), "{without:#?}");
}

#[test]
fn a_finding_after_an_error_has_no_act_that_it_can_do_without() {
    let victim = linkbait::victim("careless", |dir| {
        let lock = dir.join("lock");
        if File::create_new(&lock)?.write_all(b"1").is_err() {
            // Writable for others under the second umask, under which faults are not tried alone.
            File::create(dir.join("error.log"))?.write_all(b"no lock")?;
            return fs::write(dir.join("more.log"), "no lock");
        }
        fs::remove_file(lock)
    })
    .keeps("*");
    let judge = Judge::new(Host::detect()).umasks(&[0o022, 0o000]).faults(true);
    let report = judge.attackers(&[Class::OtherUser]).judge(&victim).expect("this machine can judge");
    let found = |rule| report.findings.iter().find(|f| f.rule == rule && f.example.ends_with(".log"));
    let log = found("world-writable").expect("it is seen");
    assert_eq!((log.schedule.faults().count(), log.schedule.acts.len()), (1, 1), "{log:#?}");
    // A link that is followed takes both.
    let link = found("follows-link").expect("it is attacked");
    assert_eq!(link.schedule.acts.len(), 2, "{link:#?}");
    let file = linkbait::timeline::Timeline::parse(&log.timeline).expect("it reads back");
    let replay = self::judge().replay(&victim, &file).expect("this machine can judge");
    assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
}

#[test]
fn a_directory_that_is_closed_late_is_attacked_before() {
    let victim = linkbait::victim("closes late", |dir| {
        use std::os::unix::fs::PermissionsExt;
        let work = dir.join("work");
        fs::create_dir(&work)?;
        fs::set_permissions(&work, fs::Permissions::from_mode(0o777))?;
        fs::set_permissions(&work, fs::Permissions::from_mode(0o700))?;
        fs::write(work.join("data"), "secret")?;
        fs::remove_dir_all(work)
    });
    let report = judge().attackers(&[Class::OtherUser]).judge(&victim).expect("this machine can judge");
    let found = report.findings.iter().any(|f| f.rule == "follows-link" && f.path == "shared/work/data");
    assert!(found, "{report:#?}");
}

#[test]
fn a_shell_without_a_trap_leaves_its_file_after_a_signal_and_one_with_a_trap_does_not() {
    let line = "f=/tmp/a; set -C; echo x > $f; cat $f > /dev/null; rm $f";
    let Some(report) = with_signals(line) else { return };
    let phases: Vec<&str> =
        report.findings.iter().filter(|f| f.rule == "leftover").map(|f| f.phase).collect();
    assert!(
        !phases.is_empty() && phases.iter().all(|phase| phase.starts_with("SIG") && *phase != "SIGKILL"),
        "{report:#?}"
    );
    let trapped = format!("trap 'rm -f /tmp/a' EXIT; trap 'exit 1' INT TERM HUP QUIT; {line}");
    let Some(report) = with_signals(&trapped) else { return };
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    assert!(report.trials > 10, "only {} trials", report.trials);
}

#[test]
fn what_stays_after_a_kill_is_told_and_whether_the_next_start_can_live_with_it() {
    let line = "set -C; echo x > /tmp/lock && echo y > /tmp/work && rm /tmp/work /tmp/lock";
    let Some(report) = with_signals(line) else { return };
    let told = |text: &str| {
        report.notes.iter().any(|note| note.starts_with("after SIGKILL at ") && note.contains(text))
    };
    assert!(told("stays shared/lock") && told("the next start does not end as usual: error"), "{report:#?}");
    let Some(report) = with_signals("echo x > /tmp/work; rm /tmp/work") else { return };
    let lives = |note: &String| !note.contains("next start");
    assert!(!report.notes.is_empty() && report.notes.iter().all(lives), "{report:#?}");
}

#[test]
fn a_finding_of_a_fault_replays() {
    let victim =
        linkbait::victim("leaves", |dir| make(&dir.join("a")).and_then(|()| fs::remove_file(dir.join("a"))));
    let report = with_faults(&victim);
    let file = linkbait::timeline::Timeline::parse(&report.findings[0].timeline).expect("it reads back");
    for _ in 0..100 {
        let replay = judge().replay(&victim, &file).expect("this machine can judge");
        assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
    }
}
