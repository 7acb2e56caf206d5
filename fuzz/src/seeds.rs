//! What targets of schedules begin with, written as the plans that come to them: `attack` with those of the exhaustive explorer,
//! `replace_file` with kills and a full disk, `remove_tree` with all kinds of entries and what breaks the broken twin.

use crate::attack::{Arsenal, UMASKS, classes, is_safe};
use crate::remove_tree::{self, Deleter, remove_tree_with};
use crate::replace_file;
use linkbait::fuzz::Plan;
use linkbait::{Act, Bait, Class, Error, Fault, Host, Judge, Schedule, Session, Verb, Victim, Whom};
use std::collections::BTreeSet;

/// Inputs of a target, with their names; none of one whose inputs are written by hand.
///
/// # Errors
/// As [`Judge::session`].
pub fn seeds(target: &str) -> Result<Seeds, Error> {
    match target {
        "attack" => attacks(),
        "remove_tree" => Ok(removals()),
        "replace_file" => replacements(),
        _ => Ok(Seeds::new()),
    }
}

type Seeds = Vec<(String, Vec<u8>)>;

/// Each tree, and the first swap in it by which deleting by path goes astray.
fn removals() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, head) in remove_tree::trees() {
        seeds.push((name.to_owned(), head.to_vec()));
        let mut inputs = swaps().map(|plan| [head.as_slice(), &plan.bytes()].concat());
        let astray = inputs.find(|input| remove_tree_with(input, Deleter::ByPath).is_err());
        seeds.extend(astray.map(|input| (format!("{name}.swapped"), input)));
    }
    seeds
}

/// Exchanges at the first stops, for anything.
fn swaps() -> impl Iterator<Item = Plan> {
    const WILD: u8 = 7;
    let verb = Verb::ALL.iter().position(|verb| *verb == Verb::Exchange).unwrap_or_default() as u8;
    let baits = |stop| (0..Bait::ALL.len() as u8).map(move |bait| (stop, bait));
    let places = (0..24).flat_map(baits);
    places.flat_map(move |(stop, bait)| (0..3).map(move |name| Plan { stop, name, verb, bait, way: WILD }))
}

/// Each way of replacing: alone, killed where the new content is written and where it comes to its name, and with a full disk.
fn replacements() -> Result<Seeds, Error> {
    let mut seeds = Seeds::new();
    for (name, head) in replace_file::ways() {
        seeds.push((name.clone(), head.to_vec()));
        let (victim, class, umask) = replace_file::victim(head);
        Judge::new(Host::detect()).session(&victim, class, umask, |session| {
            for (what, call, fault) in MISHAPS {
                let plan = fault_plan(call, fault, session)?;
                let input = plan.map(|plan| [head.as_slice(), &plan.bytes()].concat());
                seeds.extend(input.map(|input| (format!("{name}.{what}"), input)));
            }
            Ok(())
        })?;
    }
    Ok(seeds)
}

/// What, where, and by what.
const MISHAPS: [(&str, &str, Fault); 5] = [
    ("killed-at-rename", "rename", Fault::Signal(libc::SIGKILL, Whom::Process)),
    ("killed-at-link", "linkat", Fault::Signal(libc::SIGKILL, Whom::Process)),
    ("killed-at-write", "write", Fault::Signal(libc::SIGKILL, Whom::Process)),
    ("killed-at-copy", "copy_file_range", Fault::Signal(libc::SIGKILL, Whom::Process)),
    ("disk-full", "write", Fault::Fails(libc::ENOSPC)),
];

/// The plan that comes to this fault alone at the first such call of the victim's, found as [`plan`] is.
fn fault_plan(call: &str, fault: Fault, session: &mut Session<'_>) -> Result<Option<Plan>, Error> {
    const FAULT: u8 = 4;
    let is_it = |act: &&Act| {
        act.at.call.contains(call) && act.at.path.starts_with("shared/") && act.does == fault.into()
    };
    let Some(wanted) = session.faults().iter().find(is_it).cloned().map(Schedule::from) else {
        return Ok(None);
    };
    let places = 0..u8::try_from(session.stops().len()).unwrap_or(u8::MAX);
    for (stop, verb) in places.flat_map(|stop| (0..64).map(move |verb| (stop, verb))) {
        let plan = Plan { stop, verb, way: FAULT, ..Plan::default() };
        if session.try_plans(&[plan])?.schedule == wanted {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}

/// One for each safe victim and attacker.
fn attacks() -> Result<Seeds, Error> {
    let safe = Arsenal::new(is_safe);
    let mut seeds = Vec::new();
    for (place, victim) in &safe.victims {
        for (number, class) in classes(victim).iter().enumerate().filter(|(_, c)| **c != Class::None) {
            // From each another one, so that together they have every kind of move.
            if let Some(plan) = nth_of_its_kind(victim, *class, seeds.len())? {
                let name = format!("{}.{class}", victim.name());
                seeds.push((name, Arsenal::input(*place, number, 0, &[plan])));
            }
        }
    }
    Ok(seeds)
}

/// A plan for one of the schedules that come about and show what no earlier one does: the n-th, beginning anew behind the last.
fn nth_of_its_kind(victim: &Victim, class: Class, n: usize) -> Result<Option<Plan>, Error> {
    Judge::new(Host::detect()).session(victim, class, UMASKS[0], |session| {
        let distinct = distinct(session)?;
        let plans = distinct.iter().filter_map(|wanted| plan(wanted, session).transpose());
        let plans = plans.collect::<Result<Vec<Plan>, Error>>()?;
        Ok(plans.get(n % plans.len().max(1)).copied())
    })
}

fn distinct(session: &mut Session<'_>) -> Result<Vec<Schedule>, Error> {
    let (mut seen, mut distinct) = (BTreeSet::new(), Vec::new());
    for schedule in session.schedules() {
        if session.run(&schedule)?.landed && seen.insert(session.shown()) {
            distinct.push(schedule);
        }
    }
    Ok(distinct)
}

/// The plan that comes to this schedule of one move, if any does: all are tried, so nothing here knows how plans are read.
fn plan(wanted: &Schedule, session: &mut Session<'_>) -> Result<Option<Plan>, Error> {
    const TAME: u8 = 0;
    const WILD: u8 = 7;
    let Some(does) = wanted.moves().next() else { return Ok(None) };
    let number = |found: Option<usize>| found.unwrap_or_default() as u8;
    let verb = number(Verb::ALL.iter().position(|verb| *verb == does.verb));
    let bait = number(Bait::ALL.iter().position(|bait| *bait == does.bait));
    let places = 0..u8::try_from(session.stops().len()).unwrap_or(u8::MAX);
    let choices = [TAME, WILD].into_iter().flat_map(|way| places.clone().map(move |stop| (way, stop)));
    for plan in choices.flat_map(|(way, stop)| (0..4).map(move |name| Plan { stop, name, verb, bait, way })) {
        if session.try_plans(&[plan])?.schedule == *wanted {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}
