//! What holds under any schedule: safe victims show no finding whatever up to four moves do to them.

use linkbait::{Act, Bait, Class, Finding, Host, Judge, Key, Limits, Move, Schedule, Verb, Victim};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseResult, TestRunner};
use std::cell::Cell;

/// One move of a schedule in the making: stop and name are chosen from those that the victim has.
#[derive(Clone, Debug)]
struct Plan {
    stop: Index,
    name: Index,
    verb: Verb,
    bait: Bait,
    /// Done anywhere and to anything, also where this attacker is bound to fail.
    wild: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let wild = proptest::bool::weighted(0.1);
    (any::<Index>(), any::<Index>(), select(&Verb::ALL), select(&Bait::ALL), wild)
        .prop_map(|(stop, name, verb, bait, wild)| Plan { stop, name, verb, bait, wild })
}

/// `<1>` becomes `<3>` when two fresh names were taken before.
fn later(label: &str, taken: usize) -> String {
    let shift = |name: &str| {
        let number = name.strip_prefix('<').and_then(|n| n.strip_suffix('>'));
        let number = number.and_then(|n| n.parse::<usize>().ok());
        number.map_or(name.to_owned(), |number| format!("<{}>", number + taken))
    };
    label.split('/').map(shift).collect::<Vec<_>>().join("/")
}

/// A schedule in the making, with what its moves so far are taken to have led to.
#[derive(Default)]
struct Making {
    acts: Vec<Act>,
    /// The stop reached.
    at: usize,
    /// Fresh names that the attacker had before the victim, which has gone on to the next one.
    taken: usize,
    /// What the attacker has planted and may do anything to.
    own: Vec<String>,
}

impl Making {
    /// Adds a move at a stop not before the one reached.
    fn add(&mut self, plan: &Plan, stops: &[&Key], class: Class) {
        let first = |at: &usize| stops[..*at].iter().all(|key| key.path != stops[*at].path);
        let mut choice: Vec<usize> = (self.at..stops.len()).filter(|at| plan.wild || first(at)).collect();
        if choice.is_empty() {
            choice.push(self.at);
        }
        self.at = *plan.stop.get(&choice);
        let path = later(&stops[self.at].path, self.taken);
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let names: Vec<String> = ends.map(|end| path[..end].to_owned()).chain(self.own.clone()).collect();
        let target = plan.name.get(&names).clone();
        let free = plan.wild || class == Class::DirWriter || self.own.contains(&target);
        let verb = if free { plan.verb } else { Verb::Plant };
        if verb == Verb::Plant && target == path && path.contains('<') {
            self.taken += 1;
            self.own.push(path.clone());
        }
        let does = Move { verb, bait: plan.bait, target };
        self.acts.push(Act { at: Key { path, ..stops[self.at].clone() }, does: does.into() });
    }
}

/// The schedule that the plans come to at the stops of a recorded run; empty where a victim has none.
fn schedule(plans: &[Plan], stops: &[Key], class: Class) -> Schedule {
    let stops: Vec<&Key> = stops.iter().filter(|key| key.path.starts_with("shared/")).collect();
    let mut making = Making::default();
    plans.iter().filter(|_| !stops.is_empty()).for_each(|plan| making.add(plan, &stops, class));
    Schedule { acts: making.acts, ..Schedule::default() }
}

/// How many schedules of each length were tried, and how many landed.
#[derive(Debug, Default)]
struct Tally([Cell<(u32, u32)>; 5]);

impl Tally {
    fn count(&self, moves: usize, landed: bool) {
        let (tried, before) = self.0[moves].get();
        self.0[moves].set((tried + 1, before + u32::from(landed)));
    }

    fn sum(&self) -> (u32, u32) {
        // A schedule without moves lands always and shows nothing.
        let with_moves = self.0[1..].iter().map(Cell::get);
        with_moves.fold((0, 0), |sum, (tried, landed)| (sum.0 + tried, sum.1 + landed))
    }
}

fn findings(victim: &Victim, class: Class, umask: u32, plans: &[Plan], tally: &Tally) -> Vec<Finding> {
    // A victim that retries for ever would do so two thousand times by default.
    let judge = Judge::new(Host::detect()).limits(Limits { stops: 200, ..Limits::default() });
    let tried = judge.session(victim, class, umask, |session| {
        let schedule = schedule(plans, &session.stops(), class);
        Ok((schedule.acts.len(), session.run(&schedule)?))
    });
    let (moves, tried) = tried.expect("this machine can judge");
    tally.count(moves, tried.landed);
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
fn safe_victims_hold_under_arbitrary_schedules_of_up_to_four_moves() {
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
