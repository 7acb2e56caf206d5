//! What holds under any schedule: safe victims show no finding whatever up to four acts do to them. How acts are planned is
//! in `linkbait::fuzz`, as for the fuzzer.

use linkbait::fuzz::Plan;
use linkbait::{Class, Finding, Host, Judge, Limits, Victim};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseResult, TestRunner};
use std::cell::Cell;

/// Any act of a schedule in the making.
fn plan() -> impl Strategy<Value = Plan> {
    any::<[u8; Plan::BYTES]>().prop_map(|bytes| Plan::all(&bytes)[0])
}

/// How many schedules of each length were tried, and how many landed.
#[derive(Debug, Default)]
struct Tally([Cell<(u32, u32)>; 5]);

impl Tally {
    fn count(&self, acts: usize, landed: bool) {
        let (tried, before) = self.0[acts].get();
        self.0[acts].set((tried + 1, before + u32::from(landed)));
    }

    fn sum(&self) -> (u32, u32) {
        // A schedule without acts lands always and shows nothing.
        let with_acts = self.0[1..].iter().map(Cell::get);
        with_acts.fold((0, 0), |sum, (tried, landed)| (sum.0 + tried, sum.1 + landed))
    }
}

fn findings(victim: &Victim, class: Class, umask: u32, plans: &[Plan], tally: &Tally) -> Vec<Finding> {
    // A victim that retries for ever would do so two thousand times by default.
    let judge = Judge::new(Host::detect()).limits(Limits { stops: 200, ..Limits::default() });
    let tried = judge.session(victim, class, umask, |session| session.try_plans(plans));
    let tried = tried.expect("this machine can judge");
    tally.count(tried.schedule.acts.len(), tried.landed);
    tried.findings
}

fn nothing_is_found(
    victim: &Victim,
    class: Class,
    umask: u32,
    plans: &[Plan],
    tally: &Tally,
) -> TestCaseResult {
    let found = findings(victim, class, umask, plans, tally);
    let shown: Vec<&str> = found.iter().map(|f| f.timeline.as_str()).collect();
    prop_assert!(found.is_empty(), "{} under {}:\n{}", victim.name(), class, shown.join("\n"));
    Ok(())
}

/// A victim that can be chosen by its place in the roster, with one of the classes that it is judged against.
fn attacked(victims: &[Victim]) -> Vec<(usize, Class)> {
    let all = victims.iter().enumerate();
    let pairs = all.flat_map(|(at, v)| v.attacker_list().iter().map(move |class| (at, *class)));
    pairs.filter(|(_, class)| *class != Class::None).collect()
}

/// Judges random victims under random schedules; the reason is the first finding.
fn holds(cases: u32, kept: FileFailurePersistence, victims: &[Victim], tally: &Tally) -> Result<(), String> {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: Some(Box::new(kept)),
        max_shrink_iters: 64,
        ..Config::default()
    });
    let chosen = (select(attacked(victims)), select(&[0o022, 0o000]), vec(plan(), 1..=4));
    let result = runner.run(&chosen, |((at, class), umask, plans)| {
        nothing_is_found(&victims[at], class, umask, &plans, tally)
    });
    result.map_err(|e| e.to_string())
}

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/regressions/safe-victims.txt");

#[test]
fn safe_victims_hold_under_arbitrary_schedules_of_up_to_four_acts() {
    let safe: Vec<Victim> =
        linkbait_races::roster().into_iter().filter(|v| v.expected().is_empty()).collect();
    let tally = Tally::default();
    let result = holds(600, FileFailurePersistence::Direct(KEPT), &safe, &tally);
    let (tried, landed) = tally.sum();
    eprintln!("{} safe victims: {landed} of {tried} schedules landed; by length {:?}", safe.len(), tally.0);
    result.unwrap_or_else(|found| panic!("{found}"));
    assert!(landed * 5 > tried, "only {landed} of {tried} schedules landed");
}

#[test]
fn the_same_schedules_break_a_bad_victim() {
    let bad: Vec<Victim> = linkbait_races::roster()
        .into_iter()
        .filter(|v| ["create-fixed", "reopen-by-path"].contains(&v.name()))
        .collect();
    assert_eq!(bad.len(), 2);
    assert!(holds(200, FileFailurePersistence::Off, &bad, &Tally::default()).is_err());
}
