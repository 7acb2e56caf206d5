//! Acts in the making: from a few bytes, whatever they are, to an act at a stop that the victim comes to.
//!
//! Most plans come to acts that can happen. The attacker acts where the victim comes by a name for the first time, and does
//! more than plant only to what is its own or what its class may alter; some plans are wild and know no such bounds.

use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::schedule::{Act, Key};
use arbitrary::{Arbitrary, Unstructured};

/// One act of a schedule in the making. Each field chooses from what there is, beginning anew behind the last.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The stop, from the one reached on.
    pub stop: u8,
    /// A name at that stop, or one that the attacker has planted.
    pub name: u8,
    /// What is done there, or which fault the call meets.
    pub verb: u8,
    /// With what.
    pub bait: u8,
    /// Whether it is a move, a fault where there are any, or a wild move.
    pub way: u8,
}

/// What becomes of a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A move that can be made, as far as is known.
    Tame,
    /// A fault, or a tame move of a victim without any.
    Fault,
    /// A move anywhere and at anything, also where this attacker is bound to fail.
    Wild,
}

impl Plan {
    /// Bytes that a plan takes.
    pub const BYTES: usize = 5;

    /// The plans in these bytes; what is left over at the end is none.
    #[must_use]
    pub fn all(bytes: &[u8]) -> Vec<Plan> {
        let one = |bytes: &[u8]| Plan::arbitrary(&mut Unstructured::new(bytes)).unwrap_or_default();
        bytes.chunks_exact(Plan::BYTES).map(one).collect()
    }

    /// The bytes that this plan is read from.
    #[must_use]
    pub fn bytes(self) -> [u8; Plan::BYTES] {
        [self.stop, self.name, self.verb, self.bait, self.way]
    }

    fn way(self) -> Way {
        match self.way % 8 {
            0..=3 => Way::Tame,
            4..=6 => Way::Fault,
            _ => Way::Wild,
        }
    }
}

/// What a plan can choose from when some acts have happened.
#[derive(Debug)]
pub(super) struct Course {
    stops: Vec<Key>,
    /// Names of stops beside those of their keys, as the new one of a rename.
    besides: Vec<(Key, String)>,
    /// Faults and the places of their stops.
    faults: Vec<(usize, Act)>,
    /// The place of the last act's stop.
    at: usize,
    /// What the attacker has planted and may do anything to.
    own: Vec<String>,
    /// The last act was SIGKILL: nothing follows.
    over: bool,
}

impl Course {
    /// The course of a victim that makes these stops, with these names besides, and whose calls can meet these faults after
    /// these acts.
    pub(super) fn new(
        stops: Vec<Key>,
        besides: Vec<(Key, String)>,
        faults: Vec<Act>,
        acts: &[Act],
    ) -> Course {
        let stops: Vec<Key> = stops.into_iter().filter(|key| key.path.starts_with("shared/")).collect();
        let place = |key: &Key| stops.iter().position(|stop| stop == key);
        let faults = faults.into_iter().filter_map(|fault| Some((place(&fault.at)?, fault))).collect();
        let at = acts.last().and_then(|last| place(&last.at)).unwrap_or(0);
        let planted = acts.iter().filter_map(Act::as_move).filter(|does| does.verb == Verb::Plant);
        let own = planted.map(|does| does.target.clone()).collect();
        let over = acts.last().is_some_and(Act::is_kill);
        Course { stops, besides, faults, at, own, over }
    }

    /// The act that a plan comes to, at a stop not before the one reached, if there can be one.
    pub(super) fn act(&self, plan: Plan, class: Class) -> Option<Act> {
        if self.over {
            return None;
        }
        let ahead: Vec<_> = self.faults.iter().filter(|(at, _)| *at >= self.at).collect();
        match plan.way() {
            Way::Fault if !ahead.is_empty() => Some(fault(plan, &ahead)),
            _ if self.stops.is_empty() || class == Class::None => None,
            way => self.attack(plan, class, way == Way::Wild),
        }
    }

    /// `None` where there is no name: what is called `(unnamed)` cannot be looked up.
    fn attack(&self, plan: Plan, class: Class, wild: bool) -> Option<Act> {
        let stop = &self.stops[*choose(plan.stop, &self.open(wild))];
        let path = &stop.path;
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let own = self.own.iter().map(String::as_str);
        let names = ends.map(|end| &path[..end]).chain(own).chain(self.names_besides(stop));
        let names: Vec<&str> = names.filter(|name| !name.ends_with("/(unnamed)")).collect();
        if names.is_empty() {
            return None;
        }
        let target = (*choose(plan.name, &names)).to_owned();
        let free = wild || class == Class::DirWriter || self.own.contains(&target);
        let verb = if free { *choose(plan.verb, &Verb::ALL) } else { Verb::Plant };
        let does = Move { verb, bait: *choose(plan.bait, &Bait::ALL), target };
        Some(Act { at: stop.clone(), does: does.into() })
    }

    fn names_besides<'a>(&'a self, stop: &'a Key) -> impl Iterator<Item = &'a str> {
        self.besides.iter().filter(move |(key, _)| key == stop).map(|(_, name)| name.as_str())
    }

    /// The places of stops that a move can be made at; the one reached if there are no others.
    fn open(&self, wild: bool) -> Vec<usize> {
        let names = |key| self.names_besides(key).chain([key.path.as_str()]);
        let known = |at: usize, name| self.stops[..at].iter().flat_map(names).any(|known| known == name);
        let first = |at: &usize| names(&self.stops[*at]).any(|name| !known(*at, name));
        let open: Vec<usize> = (self.at..self.stops.len()).filter(|at| wild || first(at)).collect();
        if open.is_empty() { vec![self.at] } else { open }
    }
}

fn fault(plan: Plan, ahead: &[&(usize, Act)]) -> Act {
    let (at, _) = choose(plan.stop, ahead);
    let here: Vec<_> = ahead.iter().filter(|(place, _)| place == at).collect();
    choose(plan.verb, &here).1.clone()
}

/// One of some that there are.
fn choose<T>(number: u8, from: &[T]) -> &T {
    &from[usize::from(number) % from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Whom};

    fn stop(call: &str, path: &str) -> Key {
        Key { second: false, task: 0, call: call.into(), path: path.into(), occurrence: 0 }
    }

    #[test]
    fn a_plan_is_read_from_its_own_bytes_and_half_a_plan_is_none() {
        let plan = Plan { stop: 1, name: 2, verb: 3, bait: 4, way: 5 };
        assert_eq!(Plan::all(&[plan.bytes().as_slice(), &[9; 4]].concat()), [plan]);
    }

    #[test]
    fn plans_without_an_attacker_come_to_faults_only_and_never_go_back() {
        let stops = vec![stop("openat", "shared/a"), stop("write", "shared/a")];
        let faults = [0, 1].map(|at| Act { at: stops[at].clone(), does: Fault::Fails(5 + at as i32).into() });
        let way = |stop, way| Plan { stop, way, ..Plan::default() };
        let act = |acts: &[Act], plan| {
            Course::new(stops.clone(), Vec::new(), faults.to_vec(), acts).act(plan, Class::None)
        };
        assert_eq!([act(&[], way(0, 0)), act(&[], way(0, 7))], [None, None]);
        assert_eq!(act(&[], way(1, 4)), Some(faults[1].clone()));
        assert_eq!(act(&faults[1..], way(0, 4)), Some(faults[1].clone()));
        let kill = Act { at: stops[0].clone(), does: Fault::Signal(libc::SIGKILL, Whom::Process).into() };
        assert_eq!(act(&[kill], way(0, 4)), None);
    }

    #[test]
    fn a_file_without_a_name_is_no_place_for_a_move() {
        let course = Course::new(vec![stop("write", "shared/(unnamed)")], Vec::new(), Vec::new(), &[]);
        assert_eq!(course.act(Plan { way: 7, ..Plan::default() }, Class::DirWriter), None);
    }

    #[test]
    fn the_new_name_of_a_rename_can_be_taken_before_it_is_made() {
        let stops = vec![stop("openat", "shared/<1>"), stop("rename", "shared/<1>")];
        let besides = vec![(stops[1].clone(), "shared/a".to_owned())];
        let course = Course::new(stops.clone(), besides, Vec::new(), &[]);
        let plan = Plan { stop: 1, name: 1, ..Plan::default() };
        let act = course.act(plan, Class::OtherUser).expect("there is a stop");
        let target = act.as_move().map(|does| does.target.as_str());
        assert_eq!((&act.at, target), (&stops[1], Some("shared/a")));
    }

    #[test]
    fn what_the_attacker_has_planted_is_its_own() {
        let stops = vec![stop("openat", "shared/a"), stop("openat", "shared/b")];
        let plan = |name| Plan { stop: 1, name, verb: 1, ..Plan::default() };
        let target = "shared/a".to_owned();
        let planted = Move { verb: Verb::Plant, bait: Bait::Link, target: target.clone() };
        let planted = Act { at: stops[0].clone(), does: planted.into() };
        let course = Course::new(stops, Vec::new(), Vec::new(), &[planted]);
        let does = |name| course.act(plan(name), Class::OtherUser).and_then(|act| act.as_move().cloned());
        assert_eq!(does(0).map(|does| does.verb), Some(Verb::Plant));
        assert_eq!(does(1).map(|does| (does.verb, does.target)), Some((Verb::ALL[1], target)));
    }
}
