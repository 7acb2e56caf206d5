//! Schedules in the making: from a few bytes, whatever they are, to acts at the stops that the victim comes to, chosen while the
//! trial runs.
//!
//! Most plans come to acts that can happen. The attacker acts where the victim comes by a name for the first time or does something
//! to what a name leads to, and does more than plant only to what is its own or what its class may alter; some plans are wild and
//! know no such bounds.

use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::error::Error;
use crate::evidence::{CallStep, Evidence};
use crate::explore::improvise::Improviser;
use crate::fault::Fault;
use crate::judge::{Session, Tried};
use crate::schedule::Does;
use crate::world::calls::Op;
use arbitrary::{Arbitrary, Unstructured};

/// One act of a schedule in the making. Each field chooses from what there is, beginning anew behind the last.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The stop: how many at which it could act are let go by first.
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

impl Session<'_> {
    /// Runs a trial in which each of these plans chooses, after the one before it has, from what the victim then comes to.
    /// [`Tried::schedule`] is what they came to: what cannot happen is left out.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn try_plans(&mut self, plans: &[Plan]) -> Result<Tried, Error> {
        let plans = plans.to_vec();
        let stops = self.stops().iter().filter(|key| key.path.starts_with("shared/")).count();
        let (class, disturbances) = (self.class(), Box::new(self.disturbances()));
        let own = Vec::new();
        self.improvise(Box::new(Chooser { plans, next: 0, gone: 0, stops, class, disturbances, own }))
    }
}

/// The errors and signals that a call can meet.
type Disturbances = dyn Fn(&Evidence, &CallStep) -> Vec<Fault>;

/// Plans on their way to acts.
struct Chooser {
    plans: Vec<Plan>,
    /// The plan that chooses next.
    next: usize,
    /// Stops at which it could have acted and has not.
    gone: usize,
    /// Stops of a run in which no one interferes.
    stops: usize,
    class: Class,
    disturbances: Box<Disturbances>,
    /// What the attacker has planted and may do anything to.
    own: Vec<String>,
}

impl Improviser for Chooser {
    fn next(&mut self, evidence: &Evidence) -> Option<Does> {
        let (_, call) = evidence.calls().last()?;
        if !evidence.label(call).starts_with("shared/") {
            return None;
        }
        let (plan, does) = loop {
            let plan = *self.plans.get(self.next)?;
            match self.options(plan, evidence, call) {
                Options::Never => self.next += 1,
                Options::NotHere => return None,
                Options::Here(does) => break (plan, does),
            }
        };
        if self.gone < usize::from(plan.stop) % self.stops.max(1) {
            self.gone += 1;
            return None;
        }
        (self.next, self.gone) = (self.next + 1, 0);
        if let Does::Move(Move { verb: Verb::Plant, target, .. }) = &does {
            self.own.push(target.clone());
        }
        Some(does)
    }
}

/// What a plan can do at a call.
enum Options {
    /// Nothing, here or elsewhere.
    Never,
    NotHere,
    Here(Does),
}

impl Chooser {
    fn options(&self, plan: Plan, evidence: &Evidence, call: &CallStep) -> Options {
        let wild = plan.way() == Way::Wild;
        if plan.way() == Way::Fault {
            let faults = (self.disturbances)(evidence, call);
            if !faults.is_empty() {
                return Options::Here((*choose(plan.verb, &faults)).into());
            }
        }
        if self.class == Class::None {
            // A fault can come later; there is nobody to make a move.
            return if plan.way() == Way::Fault { Options::NotHere } else { Options::Never };
        }
        let names = self.names(evidence, call);
        if names.is_empty() || !(wild || works_by_name(call) || is_new(evidence, call)) {
            return Options::NotHere;
        }
        let target = (*choose(plan.name, &names)).to_owned();
        let free = wild || self.class == Class::DirWriter || self.own.contains(&target);
        let verb = if free { *choose(plan.verb, &Verb::ALL) } else { Verb::Plant };
        Options::Here(Move { verb, bait: *choose(plan.bait, &Bait::ALL), target }.into())
    }

    /// The names of the call, those on the way to its first one, and what the attacker has planted; what is called `(unnamed)`
    /// cannot be looked up.
    fn names<'a>(&'a self, evidence: &'a Evidence, call: &'a CallStep) -> Vec<&'a str> {
        let path = evidence.label(call);
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
        let besides = evidence.labels(call).skip(1).filter(|name| name.starts_with("shared/"));
        let all = ends.map(|end| &path[..end]).chain(self.own.iter().map(String::as_str)).chain(besides);
        all.filter(|name| !name.ends_with("/(unnamed)")).collect()
    }
}

/// True when what stands at a name of this call decides what is done: between this and what the victim has seen there before, it
/// can be made another.
fn works_by_name(call: &CallStep) -> bool {
    match call.sys.op {
        Op::Look | Op::Close | Op::Sync | Op::Lock => false,
        // The new name is one whatever is linked.
        Op::Link => true,
        _ => !call.by_descriptor,
    }
}

/// True when the victim comes by a name of this call, which is the last, for the first time.
fn is_new(evidence: &Evidence, call: &CallStep) -> bool {
    let earlier = || evidence.calls().rev().skip(1).flat_map(|(_, earlier)| evidence.labels(earlier));
    evidence.labels(call).any(|name| earlier().all(|known| known != name))
}

/// One of some that there are.
fn choose<T>(number: u8, from: &[T]) -> &T {
    &from[usize::from(number) % from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Host, Judge, Victim};
    use std::fs::File;
    use std::path::Path;

    #[test]
    fn a_plan_is_read_from_its_own_bytes_and_half_a_plan_is_none() {
        let plan = Plan { stop: 1, name: 2, verb: 3, bait: 4, way: 5 };
        assert_eq!(Plan::all(&[plan.bytes().as_slice(), &[9; 4]].concat()), [plan]);
    }

    /// The acts that these plans come to.
    fn acts(victim: &Victim, class: Class, plans: &[Plan]) -> Vec<String> {
        let judge = Judge::new(Host::detect());
        let tried = judge.session(victim, class, 0o022, |session| session.try_plans(plans));
        let tried = tried.expect("this machine can judge");
        assert!(tried.landed);
        tried.schedule.acts.iter().map(|act| format!("{} at {}", act.does, act.at)).collect()
    }

    fn plan(stop: u8, name: u8, verb: u8, way: u8) -> Plan {
        Plan { stop, name, verb, bait: 0, way }
    }

    fn takes_the_next(dir: &Path) -> std::io::Result<()> {
        let [first, second] = ["a", "b"].map(|name| dir.join(name));
        let name = if File::create_new(&first).is_ok() { first } else { second };
        std::fs::rename(name, dir.join("c"))
    }

    #[test]
    fn plans_without_an_attacker_come_to_faults_only_and_never_go_back() {
        let victim = crate::victim("writes", |dir| std::fs::write(dir.join("a"), "x")).faults(true);
        let made = |plans: &[Plan]| acts(&victim, Class::None, plans);
        assert!(made(&[plan(0, 0, 0, 0), plan(0, 0, 0, 7)]).is_empty());
        assert_eq!(
            made(&[plan(1, 0, 0, 4), plan(0, 0, 0, 0)]),
            ["fail EDQUOT at write(\"shared/a\") #0 of task 0"]
        );
        assert_eq!(made(&[plan(1, 0, 1, 4), plan(0, 0, 2, 4)]), made(&[plan(1, 0, 1, 4), plan(9, 0, 2, 4)]));
    }

    #[test]
    fn a_stop_that_only_an_act_brings_about_is_met_by_the_next_plan() {
        let victim = crate::victim("takes the next", takes_the_next).keeps("*");
        let made = acts(&victim, Class::OtherUser, &[plan(0, 0, 0, 0), plan(1, 2, 0, 0)]);
        assert_eq!(made.len(), 2, "{made:?}");
        assert!(
            made[1].contains("\"shared/c\"") && made[1].contains("at rename(\"shared/<1>\")"),
            "{made:?}"
        );
    }

    #[test]
    fn what_the_attacker_has_planted_is_its_own_and_a_refused_move_never_was() {
        let victim = crate::victim("takes the next", takes_the_next).keeps("*");
        let unlink = Verb::ALL.iter().position(|verb| *verb == Verb::Unlink).expect("it is one") as u8;
        let made = acts(&victim, Class::OtherUser, &[plan(0, 0, 0, 0), plan(0, 1, unlink, 0)]);
        assert!(made[1].starts_with("unlink \"shared/a\""), "{made:?}");
        // Nothing is there to be removed.
        assert!(acts(&victim, Class::DirWriter, &[plan(0, 0, unlink, 0)]).is_empty());
    }

    #[test]
    fn a_name_that_was_looked_at_can_be_taken_before_it_is_used() {
        let victim = crate::victim("looks first", |dir| {
            let name = dir.join("a");
            if name.exists() { Ok(()) } else { std::fs::write(name, "x") }
        });
        let made = acts(&victim.keeps("*"), Class::OtherUser, &[plan(1, 0, 0, 0)]);
        assert!(made[0].contains("at openat(\"shared/a\")"), "{made:?}");
    }

    #[test]
    fn a_name_that_was_looked_at_can_be_taken_before_an_unnamed_file_is_linked_to_it() {
        let victim = crate::victim("looks first", |dir| {
            let name = dir.join("a");
            let mut file = tempfile::tempfile_in(dir)?;
            std::io::Write::write_all(&mut file, b"x")?;
            if name.exists() { Ok(()) } else { crate::libc_temp::link_unnamed(&file, &name) }
        });
        let made = acts(&victim.keeps("*"), Class::OtherUser, &[plan(1, 0, 0, 0)]);
        assert!(made[0].starts_with("plant") && made[0].contains("at linkat("), "{made:?}");
    }

    #[test]
    fn a_file_without_a_name_is_no_place_for_a_move() {
        let victim = crate::victim("has no name", |dir| tempfile::tempfile_in(dir).map(drop));
        let made = acts(&victim, Class::DirWriter, &[plan(0, 0, 0, 7), plan(1, 0, 0, 7)]);
        assert!(made.is_empty(), "{made:?}");
    }
}
