//! The scorecard is what it says: every victim of the roster shows exactly the findings that its entry expects.

use linkbait::{Class, Expected, Host, Judge, Report, Verdict, Victim};
use std::collections::BTreeSet;

fn judged(victim: &Victim) -> Report {
    Judge::new(Host::detect()).judge(victim).expect("this machine can judge")
}

fn found(report: &Report) -> BTreeSet<(&'static str, Class)> {
    report.findings.iter().map(|f| (f.rule, f.attacker)).collect()
}

fn expected(victim: &Victim) -> BTreeSet<(&'static str, Class)> {
    victim.expected().iter().map(|Expected { rule, class }| (*rule, *class)).collect()
}

#[test]
fn every_victim_of_the_roster_shows_exactly_what_is_expected() {
    let mut wrong = Vec::new();
    for victim in linkbait_races::roster() {
        let report = judged(&victim);
        let complete = report.unreached == 0 && report.verdict != Verdict::Inconclusive;
        if found(&report) != expected(&victim) || !complete {
            let name = victim.name();
            let notes = &report.not_examined;
            wrong.push(format!(
                "{name}: found {:?}, expected {:?}, {notes:?}",
                found(&report),
                expected(&victim)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_finding_of_the_roster_replays_to_the_same_steps() {
    for victim in linkbait_races::roster().iter().filter(|v| !v.expected().is_empty()) {
        for finding in judged(victim).findings {
            let file = linkbait::timeline::Timeline::parse(&finding.timeline).expect("our own timeline");
            assert_eq!(file.schedule, finding.schedule, "{}", finding.timeline);
            let replay = Judge::new(Host::detect()).replay(victim, &file).expect("this machine can judge");
            assert!(replay.same_findings, "{}\n{}", finding.timeline, replay.timeline);
            assert!(replay.same_steps, "{}\n{}", finding.timeline, replay.timeline);
        }
    }
}

#[test]
fn looking_at_what_a_step_names_shows_the_same_as_looking_everywhere() {
    for victim in linkbait_races::roster() {
        let everywhere = Judge::new(Host::detect()).look_everywhere().judge(&victim).expect("can judge");
        let near = judged(&victim);
        let told = |report: &Report| report.findings.iter().map(|f| f.timeline.clone()).collect::<Vec<_>>();
        assert_eq!(without_names(&told(&near)), without_names(&told(&everywhere)));
        assert_eq!(
            (near.trials, near.refused, near.unreached),
            (everywhere.trials, everywhere.refused, everywhere.unreached)
        );
    }
}

/// The line that tells what fresh names were in one run differs from run to run.
fn without_names(timelines: &[String]) -> Vec<String> {
    let kept =
        |text: &String| text.lines().filter(|l| !l.starts_with("names")).collect::<Vec<_>>().join("\n");
    timelines.iter().map(kept).collect()
}
