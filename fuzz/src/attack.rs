//! A safe victim of `races` under a schedule of any length: no rule is ever broken.
//!
//! The first two bytes choose the victim, the third attacker and umask; each five that follow plan an act. A victim is
//! chosen by its name's place on a ring, so that inputs keep their victims when others come and go.

use crate::faults;
use crate::wishes::wishes;
use linkbait::fuzz::{Attack, Plan, cross, mutate};
use linkbait::{Class, Error, ErrorKind, FileSystem, Host, Judge, Tried, Victim};
use std::cell::RefCell;
use std::collections::VecDeque;

/// Most victims that are kept ready at once, where that many files may be open. It is enough for all.
const MOST_READY: usize = 256;

/// One in so many mutations is libFuzzer's own.
const LIBFUZZERS_SHARE: u32 = 4;

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
    let tried = WANTED.with_borrow_mut(|wanted| wanted.attack(bytes));
    let mut found = tried.map(|tried| tried.findings).unwrap_or_default();
    found.retain(|finding| faults::counts(finding.rule));
    assert!(found.is_empty(), "{}", found.iter().map(|f| f.timeline.as_str()).collect::<Vec<_>>().join("\n"));
}

/// Mutates an input of [`attack`]: its plans, or nothing when that is left to libFuzzer. Returns the new size.
pub fn mutate_attack(input: &mut [u8], size: usize, seed: u32) -> Option<usize> {
    // The bytes in front choose among what has no order, so that a byte is as good as any other.
    let left = wishes().by_bytes_alone || seed.is_multiple_of(LIBFUZZERS_SHARE);
    (!left).then(|| mutate(input, size, HEAD, seed))
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
    ready: VecDeque<(Choice, Attack)>,
    judge: Judge,
    /// How many can be ready.
    room: usize,
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
        let host = Host::detect();
        let room = host.at_once(MOST_READY);
        Arsenal { victims, ready: VecDeque::new(), judge: Judge::new(host), room }
    }

    /// The same with arenas on this file system, if one is given.
    #[must_use]
    pub fn on(self, file_system: Option<FileSystem>) -> Arsenal {
        let judge = self.judge.file_systems(file_system.as_slice());
        Arsenal { judge, ..self }
    }

    /// Runs the schedule in these bytes; nothing where they are too few or the victim cannot be judged on this machine.
    ///
    /// # Panics
    /// When our own work fails.
    pub fn attack(&mut self, bytes: &[u8]) -> Option<Tried> {
        let choice = self.choose(bytes.get(..HEAD)?);
        match self.ready(choice).and_then(|attack| attack.try_plans(&Plan::all(&bytes[HEAD..]))) {
            Ok(tried) => Some(tried),
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
                eprintln!("not attacked: {error}");
                None
            }
            Err(error) => panic!("{}: {error}", self.victims[choice.0].1.name()),
        }
    }

    fn choose(&self, head: &[u8]) -> Choice {
        let wanted = u16::from_be_bytes([head[0], head[1]]);
        let at = self.victims.partition_point(|(place, _)| *place < wanted) % self.victims.len();
        let classes = self.victims[at].1.attacker_list();
        let (class, umask) = (usize::from(head[2]) / UMASKS.len(), usize::from(head[2]) % UMASKS.len());
        (at, *classes.get(class % classes.len().max(1)).unwrap_or(&Class::None), UMASKS[umask])
    }

    /// The input that chooses this victim, the attacker of this number in its list and the umask of this one.
    pub(crate) fn input(place: u16, class: usize, umask: usize, plans: &[Plan]) -> Vec<u8> {
        let head = [place.to_be_bytes().as_slice(), &[(class * UMASKS.len() + umask) as u8]].concat();
        plans.iter().fold(head, |input, plan| [input.as_slice(), &plan.bytes()].concat())
    }

    /// The attack of that choice, the one used last in front; the one not used for longest makes room for it.
    fn ready(&mut self, choice: Choice) -> Result<&Attack, Error> {
        let known = self.ready.iter().position(|(known, _)| *known == choice);
        let attack = match known.and_then(|at| self.ready.remove(at)) {
            Some((_, attack)) => attack,
            None => self.start(choice)?,
        };
        self.ready.truncate(self.room - 1);
        self.ready.push_front((choice, attack));
        Ok(&self.ready[0].1)
    }

    fn start(&self, (victim, class, umask): Choice) -> Result<Attack, Error> {
        Attack::start(self.judge.clone(), self.victims[victim].1.clone(), class, umask)
    }
}

/// Where a name stands on the ring: FNV-1a, folded.
fn place(name: &str) -> u16 {
    let mixed =
        name.bytes().fold(0x811c_9dc5_u32, |mixed, byte| (mixed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (mixed ^ (mixed >> 16)) as u16
}
