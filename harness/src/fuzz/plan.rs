//! Schedules in the making: from a few bytes, whatever they are, to acts at the stops that a victim has.
//!
//! Most plans come to acts that can happen. The attacker acts where the victim comes by a name for the first time, and does
//! more than plant only to what is its own or what its class may alter; some plans are wild and know no such bounds.

use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::schedule::{Act, Key, Schedule};
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

/// The schedule that the plans come to at the stops of a recorded run, whose calls have these names besides, and can meet these
/// faults; empty where a victim has neither.
#[must_use]
pub fn schedule(
    plans: &[Plan],
    stops: &[Key],
    besides: &[(Key, String)],
    faults: &[Act],
    class: Class,
) -> Schedule {
    let stops: Vec<&Key> = stops.iter().filter(|key| key.path.starts_with("shared/")).collect();
    let place = |fault: &Act| stops.iter().position(|key| **key == fault.at);
    let faults = faults.iter().filter_map(|fault| Some((place(fault)?, fault))).collect();
    let mut making =
        Making { stops, besides, faults, class, acts: Vec::new(), at: 0, taken: 0, own: Vec::new() };
    plans.iter().for_each(|plan| making.add(*plan));
    Schedule { acts: making.acts, ..Schedule::default() }
}

/// A schedule in the making, with what its acts so far are taken to have led to.
struct Making<'a> {
    stops: Vec<&'a Key>,
    /// Names of stops beside those of their keys, as the new one of a rename.
    besides: &'a [(Key, String)],
    /// Faults and the places of their stops.
    faults: Vec<(usize, &'a Act)>,
    class: Class,
    acts: Vec<Act>,
    /// The stop reached.
    at: usize,
    /// Fresh names that the attacker had before the victim, which has gone on to the next one.
    taken: usize,
    /// What the attacker has planted and may do anything to.
    own: Vec<String>,
}

impl Making<'_> {
    /// Adds an act at a stop not before the one reached, if there can be one.
    fn add(&mut self, plan: Plan) {
        let ahead: Vec<_> = self.faults.iter().filter(|(at, _)| *at >= self.at).copied().collect();
        match plan.way() {
            Way::Fault if !ahead.is_empty() => self.add_fault(plan, &ahead),
            _ if self.stops.is_empty() || self.class == Class::None => {}
            way => self.add_move(plan, way == Way::Wild),
        }
    }

    fn add_fault(&mut self, plan: Plan, ahead: &[(usize, &Act)]) {
        let (at, _) = *choose(plan.stop, ahead);
        let here: Vec<_> = ahead.iter().filter(|(place, _)| *place == at).collect();
        let (_, fault) = **choose(plan.verb, &here);
        self.at = at;
        let path = later(&fault.at.path, self.taken);
        self.acts.push(Act { at: Key { path, ..fault.at.clone() }, does: fault.does.clone() });
    }

    fn add_move(&mut self, plan: Plan, wild: bool) {
        self.at = *choose(plan.stop, &self.open(wild));
        let stop = self.stops[self.at];
        let path = later(&stop.path, self.taken);
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let besides = self.names_besides(self.at).map(|name| later(name, self.taken));
        let names: Vec<String> =
            ends.map(|end| path[..end].to_owned()).chain(self.own.clone()).chain(besides).collect();
        let target = choose(plan.name, &names).clone();
        let free = wild || self.class == Class::DirWriter || self.own.contains(&target);
        let verb = if free { *choose(plan.verb, &Verb::ALL) } else { Verb::Plant };
        if verb == Verb::Plant && target == path && path.contains('<') {
            self.taken += 1;
            self.own.push(path.clone());
        }
        let does = Move { verb, bait: *choose(plan.bait, &Bait::ALL), target };
        self.acts.push(Act { at: Key { path, ..stop.clone() }, does: does.into() });
    }

    fn names_besides(&self, at: usize) -> impl Iterator<Item = &str> {
        let here = self.besides.iter().filter(move |(key, _)| key == self.stops[at]);
        here.map(|(_, name)| name.as_str())
    }

    /// The places of stops that a move can be made at; the one reached if there are no others.
    fn open(&self, wild: bool) -> Vec<usize> {
        let names = |at: usize| self.names_besides(at).chain([self.stops[at].path.as_str()]);
        let first = |at: &usize| names(*at).any(|name| (0..*at).flat_map(names).all(|known| known != name));
        let open: Vec<usize> = (self.at..self.stops.len()).filter(|at| wild || first(at)).collect();
        if open.is_empty() { vec![self.at] } else { open }
    }
}

/// One of some that there are.
fn choose<T>(number: u8, from: &[T]) -> &T {
    &from[usize::from(number) % from.len()]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    fn stop(call: &str, path: &str) -> Key {
        Key { second: false, task: 0, call: call.into(), path: path.into(), occurrence: 0 }
    }

    #[test]
    fn a_plan_is_read_from_its_own_bytes_and_half_a_plan_is_none() {
        let plan = Plan { stop: 1, name: 2, verb: 3, bait: 4, way: 5 };
        assert_eq!(Plan::all(&[plan.bytes().as_slice(), &[9; 4]].concat()), [plan]);
    }

    #[test]
    fn names_that_the_attacker_took_move_the_victim_on_to_the_next() {
        let stops = [stop("openat", "shared/<1>"), stop("unlink", "shared/<1>")];
        let made = schedule(&[Plan::default(); 2], &stops, &[], &[], Class::OtherUser);
        let paths: Vec<&str> = made.acts.iter().map(|act| act.at.path.as_str()).collect();
        assert_eq!(paths, ["shared/<1>", "shared/<2>"]);
    }

    #[test]
    fn the_new_name_of_a_rename_can_be_taken_before_it_is_made() {
        let stops = [stop("openat", "shared/<1>"), stop("rename", "shared/<1>")];
        let besides = [(stops[1].clone(), "shared/a".to_owned())];
        let plan = Plan { stop: 1, name: 1, ..Plan::default() };
        let made = schedule(&[plan], &stops, &besides, &[], Class::OtherUser);
        assert_eq!(made.acts[0].at, stops[1]);
        assert_eq!(made.moves().map(|made| made.target.as_str()).collect::<Vec<_>>(), ["shared/a"]);
    }

    #[test]
    fn plans_without_an_attacker_come_to_faults_only_and_never_go_back() {
        let stops = [stop("openat", "shared/a"), stop("write", "shared/a")];
        let faults = [0, 1].map(|at| Act { at: stops[at].clone(), does: Fault::Fails(5 + at as i32).into() });
        let way = |stop, way| Plan { stop, way, ..Plan::default() };
        let plans = [way(0, 0), way(1, 4), way(0, 7), way(0, 4)];
        let made = schedule(&plans, &stops, &[], &faults, Class::None);
        assert_eq!(made.acts, [faults[1].clone(), faults[1].clone()]);
    }
}
