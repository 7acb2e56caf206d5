//! What a fuzz target calls: bytes in, panic with the timeline when a rule is broken.
//!
//! Owns which attacker and umask the bytes choose, and what stays ready between two inputs.

use super::{Attack, Plan};
use crate::class::Class;
use crate::error::Error;
use crate::host::Host;
use crate::judge::{Judge, Tried};
use crate::victim::Victim;
use std::cell::RefCell;

const UMASKS: [u32; 2] = [0o022, 0o000];

/// A victim for a fuzzer, attacked by each of its classes under each umask.
///
/// To be kept by a `thread_local`: its arenas are removed when the thread ends, which they are not for a `static`.
pub struct Target {
    victim: Victim,
    judge: Judge,
    ready: RefCell<Vec<(Choice, Attack)>>,
}

/// An attacker and an umask.
type Choice = (Class, u32);

impl Target {
    /// Bytes before the plans.
    pub const HEAD: usize = 1;

    /// This victim on this machine, with the rules that need no suspicion.
    #[must_use]
    pub fn new(victim: Victim) -> Target {
        Target::judged_by(Judge::new(Host::detect()), victim)
    }

    /// The same by a judge of one's own: other rules, file systems, limits.
    #[must_use]
    pub fn judged_by(judge: Judge, victim: Victim) -> Target {
        Target { victim, judge, ready: RefCell::default() }
    }

    /// Attacks it by the schedule in these bytes.
    ///
    /// # Panics
    /// When a rule is broken, with the timeline; when this machine cannot judge, since that must not look like a pass.
    pub fn attack(&self, bytes: &[u8]) {
        let tried = self.try_bytes(bytes).unwrap_or_else(|error| panic!("{}: {error}", self.victim.name()));
        let timelines: Vec<&str> = tried.findings.iter().map(|found| found.timeline.as_str()).collect();
        assert!(timelines.is_empty(), "{}", timelines.join("\n"));
    }

    /// What the schedule in these bytes comes to: the first chooses attacker and umask, each [`Plan::BYTES`] further an act.
    ///
    /// # Errors
    /// As [`Judge::session`].
    pub fn try_bytes(&self, bytes: &[u8]) -> Result<Tried, Error> {
        let (first, plans) = bytes.split_first().unwrap_or((&0, &[]));
        let choice = self.choose(usize::from(*first));
        let mut ready = self.ready.borrow_mut();
        let at = match ready.iter().position(|(known, _)| *known == choice) {
            Some(at) => at,
            None => {
                ready.push((
                    choice,
                    Attack::start(self.judge.clone(), self.victim.clone(), choice.0, choice.1)?,
                ));
                ready.len() - 1
            }
        };
        ready[at].1.try_plans(&Plan::all(plans))
    }

    fn choose(&self, number: usize) -> Choice {
        let classes = self.victim.attacker_list();
        let class = classes.get(number / UMASKS.len() % classes.len().max(1));
        (class.copied().unwrap_or(Class::None), UMASKS[number % UMASKS.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_first_byte_chooses_among_all_attackers_and_umasks_and_no_byte_is_wasted() {
        let classes = [Class::OtherUser, Class::DirWriter];
        let target = Target::new(crate::victim("idle", |_| {}).attackers(&classes));
        let chosen: BTreeSet<Choice> = (0..4).map(|byte| target.choose(byte)).collect();
        assert_eq!(chosen.len(), 4);
        assert!((0..=255).all(|byte| chosen.contains(&target.choose(byte))));
        assert_eq!(Target::new(crate::victim("idle", |_| {}).attackers(&[])).choose(7), (Class::None, 0o000));
    }
}
