//! What the target `attack` begins with: schedules of the exhaustive explorer, written as the plans that come to them.

use crate::attack::{Arsenal, UMASKS, is_safe};
use linkbait::fuzz::{Courses, Plan};
use linkbait::{Bait, Class, Error, Host, Judge, Schedule, Session, Verb, Victim};
use std::collections::BTreeSet;

/// One input, with a name, for each safe victim and attacker.
///
/// # Errors
/// As [`Judge::session`].
pub fn seeds() -> Result<Vec<(String, Vec<u8>)>, Error> {
    let safe = Arsenal::new(is_safe);
    let mut seeds = Vec::new();
    for (place, victim) in &safe.victims {
        for (number, class) in victim.attacker_list().iter().enumerate().filter(|(_, c)| **c != Class::None) {
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
    let mut courses = Courses::default();
    for plan in choices.flat_map(|(way, stop)| (0..4).map(move |name| Plan { stop, name, verb, bait, way })) {
        if courses.schedule(&[plan], session)? == *wanted {
            return Ok(Some(plan));
        }
    }
    Ok(None)
}
