//! Two copies of a program at once: what they do to each other is found, what safe programs do is not, and a copy that
//! waits for the other is neither a hang nor a pass.

mod common;

use common::unless_unsupported;
use linkbait::timeline::Timeline;
use linkbait::{Class, Determinism, Host, Judge, Level, Limits, Program, Report, Verdict, Victim};
use std::collections::BTreeSet;

fn shell(line: &str) -> Victim {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    Victim::program(line, Program { argv, ..Program::default() })
}

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o077]).attackers(&[Class::None]).instances(2)
}

/// The report on two copies, or `None` where this machine cannot contain them, which is said.
fn judged(victim: &Victim) -> Option<Report> {
    unless_unsupported("two copies", judge().judge(victim))
}

/// The rules broken, with their paths.
fn told(report: &Report) -> BTreeSet<(&str, &str)> {
    report.findings.iter().map(|f| (f.rule, f.path.as_str())).collect()
}

/// Bad ones, and what must be told of each. The twin of each is among the good ones.
const BAD: [(&str, &str, &str); 8] = [
    // What the first has left is the second's to take over, so only a race shows it.
    ("echo 1 > /tmp/left", "uses-foreign", "shared/left"),
    ("echo 1 > /tmp/app.tmp; cat /tmp/app.tmp; rm -f /tmp/app.tmp", "uses-foreign", "shared/app.tmp"),
    ("test -e /tmp/lock && exit 1; echo 1 > /tmp/lock; rm -f /tmp/lock", "uses-foreign", "shared/lock"),
    ("trap 'rm -f /tmp/lock' EXIT; set -C; echo 1 > /tmp/lock || exit 1", "deletes-foreign", "shared/lock"),
    ("echo 1 > /tmp/a; cat /tmp/a || kill -ABRT $$; rm -f /tmp/a", "crashes", "shared/a"),
    (
        "echo 1 > /tmp/f.$$; mkdir /tmp/lock || exit 1; rm /tmp/f.$$; rmdir /tmp/lock",
        "leftover",
        "shared/<1>",
    ),
    // Only the one who made it removes it, and it is left to no one when two make it.
    (
        "test -e /tmp/a || made=1; touch /tmp/a; test \"$made\" || exit 0; test -e /tmp/b && exit 1; echo > /tmp/b; rm /tmp/a /tmp/b",
        "uses-foreign",
        "shared/a",
    ),
    (
        "echo 1 > /tmp/app.tmp; mv /tmp/app.tmp /tmp/app.conf; rm -f /tmp/app.conf",
        "uses-foreign",
        "shared/app.tmp",
    ),
];

const GOOD: [(&str, &str); 7] = [
    ("f=$(mktemp) || exit; echo 1 > $f; cat $f; rm -f $f", ""),
    ("set -C; echo 1 > /tmp/lock || exit 1; echo work; rm /tmp/lock", ""),
    ("mkdir /tmp/lock || exit 1; trap 'rmdir /tmp/lock' EXIT; true", ""),
    ("d=$(mktemp -d) || exit; f=$(mktemp -p $d); rm -rf $d", ""),
    ("echo line >> /tmp/app.log", "app.log"),
    ("exec 9>> /tmp/lock; flock 9; f=$(mktemp); rm $f", "lock"),
    ("f=$(mktemp -p /tmp .conf.XXXXXX); echo 1 > $f; mv $f /tmp/app.conf", "app.conf"),
];

#[test]
fn what_two_copies_do_to_each_other_is_found_with_no_attacker_about() {
    for (line, rule, path) in BAD {
        let Some(report) = judged(&shell(line)) else { return };
        let found = report.findings.iter().find(|f| f.rule == rule && f.path == path);
        let found = found.unwrap_or_else(|| panic!("{line}: {report:#?}"));
        assert!(found.schedule.second && found.raced && found.attacker == Class::None, "{found:#?}");
        assert!(found.cwe.contains(&362), "{found:#?}");
        assert!(found.timeline.contains("second goes on, victim"), "{}", found.timeline);
        let alone = Judge::new(Host::detect()).umasks(&[0o077]).attackers(&[Class::None]).judge(&shell(line));
        let alone = alone.expect("it was judged before");
        assert!(!told(&alone).contains(&(rule, path)), "one copy shows it as well: {alone:#?}");
    }
}

#[test]
fn two_copies_of_safe_programs_are_silent() {
    for (line, keeps) in GOOD {
        let Some(report) = judged(&shell(line).keeps(keeps).passes(keeps)) else { return };
        assert_eq!(report.verdict, Verdict::Pass, "{line}: {report:#?}");
        assert!(report.trials > 2, "{line}: only {} trials", report.trials);
    }
}

#[test]
fn leaving_out_orders_loses_no_finding() {
    let all = BAD.map(|(line, ..)| (line, "")).into_iter().chain(GOOD);
    // Where a name is gone between two of its calls, mv(1) goes by what stood there in memory, and so by its addresses.
    let level = |line: &str| if line.contains("mv ") { Level::Full } else { Level::Random };
    let judge = |line: &str| judge().determinism(Determinism { level: level(line), seed: 1 });
    let (mut tried, mut full) = (0, 0);
    for (line, keeps) in all {
        let victim = shell(line).keeps(keeps).passes(keeps);
        let Some(reduced) = unless_unsupported(line, judge(line).judge(&victim)) else { return };
        let every = judge(line).without_reduction().judge(&victim).expect("it was judged before");
        assert_eq!(told(&reduced), told(&every), "{line}");
        assert_eq!((reduced.unreached, every.unreached, every.reduced), (0, 0, 0), "{line}: {every:#?}");
        eprintln!("{:4} of {:4} orders: {line}", reduced.trials, every.trials);
        (tried, full) = (tried + reduced.trials, full + every.trials);
    }
    eprintln!("{tried} of {full}");
    assert!(tried * 5 < full * 4, "hardly anything was left out: {tried} of {full}");
}

/// Two copies that wait for each other in every way they can.
const WAITING: [(&str, &str); 5] = [
    ("exec 9>> /tmp/lock; flock 9; echo > /tmp/a; rm /tmp/a", "lock"),
    ("until mkdir /tmp/lock 2> /dev/null; do :; done; rmdir /tmp/lock", ""),
    ("until mkdir /tmp/lock 2> /dev/null; do sleep 0.01; done; rmdir /tmp/lock", ""),
    ("until mkdir /tmp/lock; do while test -e /tmp/lock; do :; done; done 2> /dev/null; rmdir /tmp/lock", ""),
    (
        "python3 -c 'import fcntl, os\nf = open(\"/tmp/lock\", \"a\")\nfcntl.lockf(f, fcntl.LOCK_EX)\nopen(\"/tmp/a\", \"x\")\nos.unlink(\"/tmp/a\")'",
        "lock",
    ),
];

#[test]
fn a_copy_that_waits_for_the_other_lets_it_go_on() {
    for (line, keeps) in WAITING {
        let victim = shell(line).keeps(keeps).passes(keeps).needs(if line.starts_with("python3") {
            "python3"
        } else {
            "sh"
        });
        let Some(report) = judged(&victim) else { return };
        if report.verdict == Verdict::Unsupported {
            println!("not checked: {line}: {:?}", report.not_examined);
            continue;
        }
        assert_eq!(report.verdict, Verdict::Pass, "{line}: {report:#?}");
        // One that holds the lock is held, and the other comes to wait for it.
        let Some(timeline) = waiting(&victim) else { return };
        assert!(timeline.contains("second    waits for the other"), "{line}: {timeline}");
        assert_eq!(timeline.matches("ended: success").count(), 2, "{line}: {timeline}");
    }
}

/// The timeline of the first copy held while it has the lock: at the last of its stops.
fn waiting(victim: &Victim) -> Option<String> {
    let keys = judge().session(victim, Class::None, 0o077, |session| Ok(session.stops()));
    let last = unless_unsupported("stops", keys)?.pop().expect("it has stops");
    let text = format!(
        "linkbait-timeline 1\nvictim    {}\nattacker  none    umask 077    fs tmpfs    copies 2\n  1 switch    second goes on, victim{} is held at {}(\"{}\") #{}\n",
        "any",
        if last.task == 0 { String::new() } else { format!(".{}", last.task + 1) },
        last.call,
        last.path,
        last.occurrence,
    );
    let file = Timeline::parse(&text).expect("it is a timeline");
    Some(judge().replay(victim, &file).expect("it was judged before").timeline)
}

#[test]
fn a_copy_that_asks_often_for_what_the_other_does_not_change_is_not_taken_to_wait() {
    let line = "i=0; until [ $i = 14 ]; do test -e /tmp/x; i=$((i+1)); done; echo 1 > /tmp/a; rm -f /tmp/a";
    let Some(report) = judged(&shell(line)) else { return };
    let found = report.findings.iter().find(|f| f.rule == "uses-foreign").expect("it is found");
    assert!(!found.timeline.contains("waits"), "{}", found.timeline);
    assert!(report.reduced > 100 && report.trials < 30, "{report:#?}");
}

#[test]
fn two_copies_that_each_have_what_the_other_waits_for_are_found_to_hang() {
    let line = "exec 8>> /tmp/a 9>> /tmp/b; if mkdir /tmp/d; then flock 8; flock 9; rmdir /tmp/d; else flock 9; flock 8; fi";
    let Some(report) = judged(&shell(line).keeps("?")) else { return };
    let found = report.findings.iter().find(|f| f.rule == "hangs").expect("they hang");
    assert!(
        found.timeline.contains("second    ended: hung") && found.timeline.contains("victim    ended: hung")
    );
}

#[test]
fn what_cannot_be_known_of_two_copies_is_no_pass_and_no_finding() {
    let limits = Limits { silence: std::time::Duration::from_millis(200), ..Limits::default() };
    // The last asks for ever whether the one that is held lives, by a call that names no file.
    let alive = "if mkdir /tmp/d; then echo $$ > /tmp/p; rm -r /tmp/p /tmp/d; else read p < /tmp/p; while kill -0 $p; do sleep 0.01; done; fi";
    let unknown = [
        (alive, "made no call that touches the arena for long"),
        ("if mkfifo /tmp/f; then rm /tmp/f; else cat /tmp/f; fi", "FIFO"),
        ("if mkdir /tmp/d; then rmdir /tmp/d; else setsid sleep 1000 & fi", "left processes running"),
    ];
    for (line, note) in unknown {
        let judged = judge().limits(limits).judge(&shell(line));
        let Some(report) = unless_unsupported(line, judged) else { return };
        assert_eq!(report.verdict, Verdict::Inconclusive, "{line}: {report:#?}");
        assert!(report.not_examined.iter().any(|told| told.contains(note)), "{line}: {report:#?}");
    }
    let limits = Limits { orders: 3, ..Limits::default() };
    let report = judge().limits(limits).judge(&shell(GOOD[1].0)).expect("it was judged before");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:#?}");
}

#[test]
fn a_copy_that_kills_the_other_ends_it() {
    let line =
        "if test -e /tmp/pid; then kill -9 \"$(cat /tmp/pid)\"; fi; echo $$ > /tmp/pid; rm -f /tmp/pid";
    let Some(report) = judged(&shell(line)) else { return };
    assert_eq!(report.unreached, 0, "{report:#?}");
    assert!(report.findings.iter().any(|f| f.timeline.contains("victim    ended: signal 9")), "{report:#?}");
}

#[test]
fn a_finding_of_two_copies_replays_a_hundred_times_and_cannot_be_made_smaller() {
    let Some(report) = judged(&shell(BAD[1].0)) else { return };
    let found = report.findings.iter().find(|f| f.rule == "uses-foreign").expect("it is found");
    let file = Timeline::parse(&found.timeline).expect("it reads back");
    assert_eq!(file.schedule, found.schedule);
    let plain = Judge::new(Host::detect());
    for _ in 0..100 {
        let replay = plain.replay(&shell(BAD[1].0), &file).expect("it was judged before");
        assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
    }
    let smallest = plain.minimize(&shell(BAD[1].0), &file).expect("it shows");
    let smallest = Timeline::parse(&smallest.timeline).expect("it reads back");
    assert_eq!(smallest.schedule, file.schedule);
}

#[test]
fn a_victim_of_this_process_has_no_second_copy_and_that_is_said() {
    let victim = linkbait::victim("once", |dir| tempfile::NamedTempFile::new_in(dir).map(drop));
    let report = judge().judge(&victim).expect("this machine can judge");
    assert!(report.not_examined.iter().any(|told| told.contains("no second copy")), "{report:#?}");
    let text = "linkbait-timeline 1\nvictim    once\nattacker  none    umask 077    fs tmpfs    copies 2\n";
    let file = Timeline::parse(text).expect("it is a timeline");
    let error = judge().replay(&victim, &file).expect_err("there is no second copy");
    assert!(matches!(error.kind(), linkbait::ErrorKind::Unsupported(_)), "{error}");
}
