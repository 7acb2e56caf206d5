//! The stacks of programs at the calls that findings come from, and victims that are left alone because they do nothing.

mod common;

use common::unless_unsupported;
use linkbait::{Host, Judge, Limits, Program, Report, Verdict, Victim};
use std::ops::Range;

fn shell(line: &str) -> Victim {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    Victim::program(line, Program { argv, ..Program::default() })
}

/// The report; nothing where this machine cannot contain programs, which is said.
fn judged(judge: Judge, victim: &Victim) -> Option<Report> {
    unless_unsupported(victim.name(), judge.umasks(&[0o022]).judge(victim))
}

fn judge() -> Judge {
    Judge::new(Host::detect())
}

/// The range of a line of proc_pid_maps(5).
fn range(line: &str) -> Range<u64> {
    let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
    let number = |text| u64::from_str_radix(text, 16).expect("a number");
    number(start)..number(end)
}

#[test]
fn a_finding_has_the_stack_that_its_call_was_made_from() {
    let line = "echo secret > /tmp/app.log; rm /tmp/app.log";
    let Some(report) = judged(judge(), &shell(line)) else { return };
    let follows = report.findings.iter().find(|finding| finding.rule == "follows-link").expect("a finding");
    assert_eq!(follows.site.step, follows.step);
    let stack = match &follows.site.stack {
        Ok(stack) => stack,
        Err(why) if !cfg!(target_arch = "x86_64") => return assert!(why.contains("x86-64"), "{why}"),
        Err(why) => panic!("{why}"),
    };
    let mapping = |address: u64| {
        let line = stack.maps.lines().find(|line| range(line).contains(&address));
        line.unwrap_or_else(|| panic!("{address:x} is not in\n{}", stack.maps))
    };
    assert!(mapping(stack.pc).contains(" r-xp "), "{}", mapping(stack.pc));
    assert!(mapping(stack.sp).contains("[stack]") && !stack.bytes.is_empty(), "{}", mapping(stack.sp));
}

#[test]
fn what_was_left_behind_comes_from_the_call_that_made_it() {
    let line = "umask 077; test -e /tmp/none; echo secret > /tmp/app.log; test -e /tmp/none";
    let Some(report) = judged(judge().attackers(&[]), &shell(line)) else { return };
    let left = report.findings.iter().find(|finding| finding.rule == "leftover").expect("a finding");
    let steps = linkbait::timeline::Timeline::parse(&left.timeline).expect("a timeline").steps;
    let step = left.site.step.expect("a step");
    assert!(left.step.is_none() && steps[step - 1].contains("open"), "{step} of {}", left.timeline);
    assert!(left.site.stack.is_ok() || !cfg!(target_arch = "x86_64"), "{:?}", left.site.stack);
}

#[test]
fn why_there_is_no_stack_is_said() {
    let within = linkbait::victim("within", |dir| std::fs::write(dir.join("app.log"), "x"));
    let report = judge().judge(&within).expect("this machine has seccomp notification");
    let why = report.findings.iter().map(|finding| finding.site.stack.clone().expect_err("no program"));
    assert!(why.into_iter().all(|why| why.contains("within linkbait")));
    let Some(report) = judged(judge(), &shell("echo secret > /tmp/app.$$; rm /tmp/app.$$")) else { return };
    let predicted = report.findings.iter().find(|finding| finding.rule == "predictable-name");
    let why = predicted.expect("a finding").site.stack.clone();
    assert!(why.clone().is_err_and(|why| why.contains("predicted")), "{why:?}");
}

#[test]
fn a_bound_on_all_calls_that_was_hit_is_told_and_is_no_pass() {
    let bound = |calls| judge().limits(Limits { calls, ..Limits::default() });
    let victim = shell("f=$(mktemp) && rm \"$f\"");
    let Some(report) = judged(bound(20), &victim) else { return };
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(
        report.not_examined.iter().any(|note| note.contains("limit on calls")),
        "{:?}",
        report.not_examined
    );
    let Some(report) = judged(bound(100_000), &victim) else { return };
    assert_eq!(report.verdict, Verdict::Pass);
}

#[test]
fn a_victim_that_does_nothing_is_left_at_that_when_it_is_looked_at_first() {
    for (line, verdict, trials) in [
        ("true", Verdict::NothingToAttack, Some(0)),
        ("test -e $HOME/.settings", Verdict::Inconclusive, Some(0)),
        ("test -e $HOME/.settings; true", Verdict::NothingToAttack, Some(0)),
        ("exit 3", Verdict::Inconclusive, Some(0)),
        ("test -e /tmp/none; true", Verdict::Pass, None),
        ("umask 077; echo x > $HOME/settings", Verdict::Pass, None),
    ] {
        let Some(report) = judged(judge().looks_first(), &shell(line)) else { return };
        assert_eq!(report.verdict, verdict, "{line}: {:?}", report.not_examined);
        assert!(trials.is_none_or(|trials| trials == report.trials), "{line}: {}", report.trials);
    }
    let Some(report) = judged(judge(), &shell("true")) else { return };
    assert_eq!(report.verdict, Verdict::Pass);
}
