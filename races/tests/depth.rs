//! Attacks of several acts: victims break at the depth that they need and not below it, and what is left out because others
//! show the same would have shown nothing else.

use linkbait::{Class, Host, Judge, Limits, Report, Victim};
use std::collections::BTreeSet;

fn judge() -> Judge {
    Judge::new(Host::detect())
}

fn judged(judge: &Judge, victim: &Victim) -> Report {
    judge.judge(victim).expect("this machine can judge")
}

/// Rule and attacker of each finding.
fn found(report: &Report) -> BTreeSet<(&'static str, Class)> {
    report.findings.iter().map(|f| (f.rule, f.attacker)).collect()
}

#[test]
fn victims_break_at_the_depth_that_they_need_and_not_below() {
    for (acts, victim) in linkbait_races::deep() {
        let expected: BTreeSet<_> = victim.expected().iter().map(|e| (e.rule, e.class)).collect();
        for depth in 1..=acts {
            let report = judged(&judge().depth(depth), &victim);
            let told = (victim.name(), depth, report.trials, report.reduced, &report.not_examined);
            eprintln!("{told:?}");
            let wanted = if depth == acts { expected.clone() } else { BTreeSet::new() };
            assert_eq!(found(&report), wanted, "{told:?} {:#?}", report.findings);
            let fewer = report.findings.iter().filter(|f| f.schedule.acts.len() < acts.max(2) as usize);
            assert_eq!(fewer.count(), 0, "{told:?} {:#?}", report.findings);
        }
    }
}

/// Each finding: rule, path, attacker, phase.
fn identities(report: &Report) -> BTreeSet<(&'static str, String, Class, &'static str)> {
    let of = |f: &linkbait::Finding| {
        let (rule, path) = f.identity();
        (rule, path, f.attacker, f.phase)
    };
    report.findings.iter().map(of).collect()
}

/// The bound on the full set, above which a victim is named and not compared.
const MOST: u64 = 100_000;

/// Compares, for one victim, what is found with and without leaving out; says how many trials each took.
fn compare(victim: &Victim, depth: u32, faults: bool) -> Option<String> {
    let limits = Limits { trials: MOST, stops: 200, ..Limits::default() };
    let judge = judge().depth(depth).faults(faults).limits(limits);
    let full = judged(&judge.clone().without_reduction(), victim);
    let name = victim.name();
    if full.trials >= MOST {
        eprintln!("{name}: not compared, more than {MOST} trials");
        return None;
    }
    let reduced = judged(&judge, victim);
    let factor = full.trials as f64 / reduced.trials as f64;
    eprintln!("{name}: {} of {} trials, {factor:.1} times fewer", reduced.trials, full.trials);
    let (few, all) = (identities(&reduced), identities(&full));
    let as_it_was = (few == all) && reduced.verdict == full.verdict;
    (!as_it_was).then(|| {
        let (lost, new): (Vec<_>, Vec<_>) = (all.difference(&few).collect(), few.difference(&all).collect());
        format!("{name}: lost {lost:?}, new {new:?}, {:?} {:?}", reduced.not_examined, full.not_examined)
    })
}

fn compare_all(victims: &[Victim], depth: u32, faults: bool) {
    let wrong: Vec<String> = victims.iter().filter_map(|victim| compare(victim, depth, faults)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn deep() -> Vec<Victim> {
    linkbait_races::deep().into_iter().map(|(_, victim)| victim).collect()
}

/// The part of the comparison that takes seconds: those victims that show what each condition of the relation is for.
#[test]
fn nothing_is_lost_by_what_is_left_out_where_it_matters_most() {
    let names = ["second-name", "both-taken", "back-to-the-first", "looks-and-remembers", "carries-in"];
    let victims: Vec<Victim> = deep().into_iter().filter(|v| names.contains(&v.name())).collect();
    assert_eq!(victims.len(), names.len());
    compare_all(&victims, 2, false);
}

#[test]
#[ignore = "minutes; `cargo test --release -p linkbait-races --test depth -- --ignored --nocapture`"]
fn nothing_is_lost_by_what_is_left_out_of_two_moves() {
    compare_all(&[linkbait_races::roster(), deep()].concat(), 2, false);
}

#[test]
#[ignore = "minutes; `cargo test --release -p linkbait-races --test depth -- --ignored --nocapture`"]
fn nothing_is_lost_by_what_is_left_out_of_two_moves_and_faults() {
    compare_all(&[linkbait_races::roster(), deep()].concat(), 2, true);
}

#[test]
#[ignore = "minutes; `cargo test --release -p linkbait-races --test depth -- --ignored --nocapture`"]
fn nothing_is_lost_by_what_is_left_out_of_three_moves() {
    compare_all(&deep().into_iter().map(|victim| victim.faults(false)).collect::<Vec<_>>(), 3, false);
}
