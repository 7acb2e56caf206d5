//! A safe victim of `races` under a schedule of any length: no rule is ever broken.
//!
//! The first two bytes choose the victim, the third attacker and umask; each five that follow plan an act. A victim is
//! chosen by its name's place on a ring, so that inputs keep their victims when others come and go.

use crate::faults;
use crate::ready::{Ready, clean, expect};
use crate::wishes::wishes;
use linkbait::fuzz::{Plan, cross, mutate};
use linkbait::{Class, FileSystem, Tried, Victim};
use std::cell::RefCell;

/// Most victims that are kept ready at once, where that many files may be open. It is enough for all.
const MOST_READY: usize = 256;

/// Bytes before the plans.
const HEAD: usize = 3;

pub(crate) const UMASKS: [u32; 2] = [0o022, 0o000];

/// Attacks a safe victim.
///
/// # Panics
/// When it breaks a rule, with the timeline.
pub fn attack(bytes: &[u8]) {
    thread_local! {
        static WANTED: RefCell<Arsenal> = RefCell::new(Arsenal::new(is_wanted).on(wishes().file_system));
    }
    let Some(mut tried) = WANTED.with_borrow_mut(|wanted| wanted.attack(bytes)) else { return };
    tried.findings.retain(|finding| faults::counts(finding.rule));
    expect(clean(&tried));
}

/// Mutates an input of [`attack`]: now and then who attacks whom, else as [`mutate_plans`].
pub fn mutate_attack(input: &mut [u8], size: usize, seed: u32) -> Option<usize> {
    const SHARES: u32 = 16;
    // What chooses among things without an order is drawn anew: a byte is as good as any other.
    let [.., high, low, anyone] = (seed / SHARES).wrapping_mul(0x9e37_79b9).to_be_bytes();
    match (seed % SHARES, &mut *input) {
        _ if wishes().by_bytes_alone => None,
        (0, [first, second, ..]) => {
            (*first, *second) = (high, low);
            Some(size.max(2))
        }
        (1 | 2, [_, _, third, ..]) => {
            *third = anyone;
            Some(size.max(HEAD))
        }
        _ => mutate_plans(input, size, HEAD, seed),
    }
}

/// Mutates the plans behind the first bytes of an input, or leaves that to libFuzzer. Returns the new size.
pub fn mutate_plans(input: &mut [u8], size: usize, head: usize, seed: u32) -> Option<usize> {
    const LIBFUZZERS_SHARE: u32 = 4;
    let left = wishes().by_bytes_alone || seed.is_multiple_of(LIBFUZZERS_SHARE);
    (!left).then(|| mutate(input, size, head, seed))
}

/// Crosses two inputs of [`attack`] into a buffer. Returns the size.
pub fn cross_attacks(one: &[u8], other: &[u8], into: &mut [u8], seed: u32) -> usize {
    cross(one, other, into, HEAD, seed)
}

/// The one victim that is asked for, or the safe ones and those whose fault is put back.
fn is_wanted(victim: &Victim) -> bool {
    match &wishes().victim {
        Some(name) => victim.name() == name,
        None => is_safe(victim) || faults::is_put_back(victim),
    }
}

/// True for those whose oracle is that nothing is found. What starts programs is left out: each looks at all the files that
/// are open here, of which there are many.
pub(crate) fn is_safe(victim: &Victim) -> bool {
    victim.expected().is_empty() && !victim.tag_list().iter().any(|tag| tag == "starts-programs")
}

/// Some victims, and those of them that are ready.
pub struct Arsenal {
    /// With their places on the ring, in their order.
    pub(crate) victims: Vec<(u16, Victim)>,
    ready: Ready<Choice>,
}

/// A victim by its number, who attacks it, and its umask.
type Choice = (usize, Class, u32);

impl Arsenal {
    /// The victims of the roster, and those of several acts, that are wanted.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn new(wanted: impl Fn(&Victim) -> bool) -> Arsenal {
        let deep = linkbait_races::deep().into_iter().map(|(_, victim)| victim);
        let wanted = linkbait_races::roster().into_iter().chain(deep).filter(wanted);
        let mut victims: Vec<_> = wanted.map(|victim| (place(victim.name()), victim)).collect();
        assert!(!victims.is_empty(), "no victim is wanted");
        victims.sort_by_key(|(place, _)| *place);
        Arsenal { victims, ready: Ready::with_room(MOST_READY) }
    }

    /// The same with arenas on this file system, if one is given.
    #[must_use]
    pub fn on(self, file_system: Option<FileSystem>) -> Arsenal {
        Arsenal { ready: self.ready.on(file_system), ..self }
    }

    /// Runs the schedule in these bytes; nothing where they are too few or the victim cannot be judged on this machine.
    ///
    /// # Panics
    /// When our own work fails.
    pub fn attack(&mut self, bytes: &[u8]) -> Option<Tried> {
        let choice = self.choose(bytes.get(..HEAD)?);
        let victims = &self.victims;
        self.ready.try_plans(choice, &Plan::all(&bytes[HEAD..]), |judge, (victim, class, umask)| {
            (judge, victims[*victim].1.clone(), *class, *umask)
        })
    }

    fn choose(&self, head: &[u8]) -> Choice {
        let wanted = u16::from_be_bytes([head[0], head[1]]);
        let at = self.victims.partition_point(|(place, _)| *place < wanted) % self.victims.len();
        let classes = classes(&self.victims[at].1);
        let (class, umask) = (usize::from(head[2]) / UMASKS.len(), usize::from(head[2]) % UMASKS.len());
        (at, *classes.get(class % classes.len().max(1)).unwrap_or(&Class::None), UMASKS[umask])
    }

    /// The input that chooses this victim, the attacker of this number among its [`classes`] and the umask of this one.
    pub(crate) fn input(place: u16, class: usize, umask: usize, plans: &[Plan]) -> Vec<u8> {
        let head = [place.to_be_bytes().as_slice(), &[(class * UMASKS.len() + umask) as u8]].concat();
        plans.iter().fold(head, |input, plan| [input.as_slice(), &plan.bytes()].concat())
    }
}

/// The attackers of a victim, the strongest first: without one nothing but faults can happen.
pub(crate) fn classes(victim: &Victim) -> Vec<Class> {
    let mut classes = victim.attacker_list().to_vec();
    classes.sort_unstable_by(|a, b| b.cmp(a));
    classes
}

/// Where a name stands on the ring: FNV-1a, folded.
fn place(name: &str) -> u16 {
    let mixed =
        name.bytes().fold(0x811c_9dc5_u32, |mixed, byte| (mixed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (mixed ^ (mixed >> 16)) as u16
}
