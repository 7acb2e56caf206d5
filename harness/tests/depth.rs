//! Schedules of several acts: what they find, how it is told, what is drawn by chance, and that programs are no exception.

mod common;

use common::unless_unsupported;
use linkbait::timeline::Timeline;
use linkbait::{Class, Finding, Host, Judge, Limits, Program, Report, Samples, Verdict, Victim};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o022]).attackers(&[Class::OtherUser])
}

fn judged(judge: &Judge, victim: &Victim) -> Report {
    judge.judge(victim).expect("this machine can judge")
}

fn create(path: &Path, exclusive: bool) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .create_new(exclusive)
        .mode(0o600)
        .open(path)?;
    fs::remove_file(path)
}

/// Follows a link at the last of its names, which it gets to only while all names before it are taken and the locks between
/// them are not.
fn gives_way(names: &'static [&'static str]) -> Victim {
    linkbait::victim("gives way", move |dir| {
        for name in &names[..names.len() - 1] {
            if create(&dir.join(name), true).is_ok() {
                return Ok(());
            }
            create(&dir.join("lock"), true)?;
        }
        create(&dir.join(names[names.len() - 1]), false)
    })
}

fn acts(finding: &Finding) -> Vec<String> {
    finding.schedule.acts.iter().map(|act| act.does.to_string()).collect()
}

fn follows_link(report: &Report) -> Option<&Finding> {
    report.findings.iter().find(|f| f.rule == "follows-link")
}

#[test]
fn a_name_behind_n_others_takes_n_moves_and_one_more_and_is_replayed() {
    for (depth, names) in [(1, &["a"][..]), (2, &["a", "b"]), (3, &["a", "b", "c"])] {
        let victim = gives_way(names);
        let report = judged(&judge().depth(depth), &victim);
        let found = follows_link(&report).unwrap_or_else(|| panic!("{report:#?}"));
        assert_eq!((found.schedule.acts.len(), report.depth), (names.len(), depth), "{:?}", acts(found));
        let file = Timeline::parse(&found.timeline).expect("it reads back");
        assert_eq!(file.schedule, found.schedule);
        for _ in 0..100 {
            let replay = judge().replay(&victim, &file).expect("this machine can judge");
            assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
        }
        if depth > 1 {
            let report = judged(&judge().depth(depth - 1), &victim);
            assert_eq!((report.verdict, report.unreached), (Verdict::Pass, 0), "{report:#?}");
        }
    }
}

#[test]
fn a_fault_and_a_move_are_found_together_at_a_stop_that_is_there_without() {
    let victim = linkbait::victim("last words", |dir| {
        let done = create(&dir.join("work"), true);
        create(&dir.join("lock"), true)?;
        create(&dir.join("log"), done.is_ok()).and(done)
    });
    let judge = judge().faults(true);
    assert!(follows_link(&judged(&judge, &victim)).is_none());
    let report = judged(&judge.depth(2), &victim);
    let found = follows_link(&report).expect("the log is opened as it should not");
    assert!(acts(found).iter().any(|act| act.contains("\"shared/log\"")), "{:?}", acts(found));
    assert_eq!(found.schedule.acts.len(), 2);
}

#[test]
fn a_victim_may_ask_for_depth_itself() {
    let report = judged(&judge(), &gives_way(&["a", "b"]).depth(2));
    assert_eq!((report.verdict, report.depth), (Verdict::Fail, 2));
}

#[test]
fn what_the_limit_on_trials_kept_from_being_tried_makes_it_inconclusive() {
    let victim = gives_way(&["a", "b", "c"]);
    let limits = Limits { trials: 40, ..Limits::default() };
    let report = judged(&judge().depth(2).limits(limits), &victim);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:#?}");
    assert!(report.not_examined.iter().any(|note| note.contains("limit on trials")));
}

#[test]
fn the_same_seed_draws_the_same_and_finds_what_takes_four_moves() {
    let victim = gives_way(&["a", "b", "c", "d"]);
    let drawn = |seed| judged(&judge().samples(1000, 4, seed), &victim);
    let (one, again, other) = (drawn(7), drawn(7), drawn(8));
    let told = |r: &Report| (r.trials, r.refused, r.samples, r.findings.iter().map(acts).collect::<Vec<_>>());
    assert_eq!(told(&one), told(&again));
    assert_ne!(told(&one), told(&other));
    let samples = one.samples.expect("samples");
    assert!(samples.landed > 0 && samples.landed < samples.drawn, "{samples:?}");
    assert_eq!(samples, Samples { drawn: 1000, acts: 4, seed: 7, ..samples });
    assert_eq!((one.depth, one.unreached), (1, 0));
    let at_last = one.findings.iter().find(|f| f.example == "shared/d").expect("four plants");
    assert_eq!(at_last.schedule.acts.len(), 4, "{:?}", acts(at_last));
}

/// A line of shell that takes a second name when the first is taken, as long as it gets its lock.
const LINE: &str = "umask 077; set -C; if : > /tmp/a; then :; elif : > /tmp/l; then set +C; : > /tmp/b; fi";

fn shell(line: &str) -> Victim {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    Victim::program(line, Program { argv, ..Program::default() }).keeps("*")
}

#[test]
fn programs_and_their_copies_are_attacked_twice_and_show_the_same() {
    let victim = shell(LINE);
    let Some(single) = unless_unsupported(LINE, judge().judge(&victim)) else { return };
    assert!(follows_link(&single).is_none(), "{single:#?}");
    let told = |report: &Report| {
        let findings: BTreeSet<_> = report.findings.iter().map(|f| (f.identity(), acts(f))).collect();
        (report.trials, report.refused, report.unreached, report.reduced, findings)
    };
    let copied = judged(&judge().depth(2), &victim);
    let found = follows_link(&copied).unwrap_or_else(|| panic!("{copied:#?}"));
    assert_eq!(found.schedule.acts.len(), 2);
    assert_eq!(told(&copied), told(&judged(&judge().depth(2).start_anew(), &victim)));
    assert!(judged(&judge().samples(60, 3, 1), &victim).samples.is_some_and(|samples| samples.landed > 0));
}

#[test]
fn a_signal_and_a_move_are_found_together() {
    let line = "trap 'umask 077; echo bye > /tmp/log' TERM; test -e /tmp/work";
    let victim = shell(line);
    let judge = judge().signals(true).depth(2);
    let Some(report) = unless_unsupported(line, judge.judge(&victim)) else { return };
    let in_trap = |f: &&Finding| (f.rule, f.example.as_str()) == ("follows-link", "shared/log");
    let found = report.findings.iter().find(in_trap).unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!(found.schedule.signal(), Some("SIGTERM"), "{:?}", acts(found));
    assert_eq!(found.schedule.acts.len(), 2);
}
