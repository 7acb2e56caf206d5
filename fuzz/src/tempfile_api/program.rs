//! Sequences over the tempfile crate's API, and their bytes: who attacks, how many operations there are, four bytes for each of
//! them, and the attacker's plans.
//!
//! An operation is chosen from those that fit the handles there are then, if all before have succeeded, so that no input is
//! wasted.

use super::op::{Does, Kind, Op, TARGETS};
use super::sequence::take;
use linkbait::fuzz::Plan;
use linkbait::{Class, Victim};

/// Most operations of one input.
pub(super) const MOST_OPS: usize = 20;

const OP_BYTES: usize = 4;

/// Most acts of the attacker.
const MOST_PLANS: usize = 6;

/// None first: bytes of zero are the plainest input.
pub(super) const CLASSES: [Class; 3] = [Class::None, Class::OtherUser, Class::DirWriter];
pub(super) const UMASKS: [u32; 2] = [0o022, 0o000];

/// A sequence, and who attacks it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// Attacker and umask, as numbers.
    pub(super) class: u8,
    pub(super) umask: u8,
    pub(super) plans: Vec<Plan>,
    pub(super) ops: Vec<Op>,
}

impl Program {
    /// Reads any bytes but too few.
    pub(super) fn read(bytes: &[u8]) -> Option<Program> {
        let (&[who, count], rest) = bytes.split_first_chunk()?;
        let (class, umask) = (who % CLASSES.len() as u8, who / CLASSES.len() as u8 % UMASKS.len() as u8);
        let (ops, plans) = rest.split_at((usize::from(count) % (MOST_OPS + 1) * OP_BYTES).min(rest.len()));
        let mut plans = Plan::all(plans);
        plans.truncate(MOST_PLANS);
        Some(Program { class, umask, ops: read_ops(ops), plans })
    }

    /// The bytes that it is read from, but for operations that do not fit.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let ops = op_bytes(&self.ops);
        let head = [self.class + CLASSES.len() as u8 * self.umask, (ops.len() / OP_BYTES) as u8];
        let plans = self.plans.iter().flat_map(|plan| plan.bytes());
        head.into_iter().chain(ops).chain(plans).collect()
    }

    /// Bytes before the plans.
    pub(super) fn head(&self) -> usize {
        2 + op_bytes(&self.ops).len()
    }

    pub(super) fn class(&self) -> Class {
        CLASSES[usize::from(self.class)]
    }

    /// A directory whose mode is the umask's is open to all under umask 000, which the crate documents. That is not tried.
    pub(super) fn umask(&self) -> u32 {
        let open = self.ops.iter().any(|op| op.does == Does::TempdirIn && op.mode().is_none());
        if open { UMASKS[0] } else { UMASKS[usize::from(self.umask)] }
    }

    /// True when something may be made in a temporary directory, which may be gone by then.
    pub(super) fn works_in_directories(&self) -> bool {
        self.ops.iter().any(|op| op.does == Does::TempdirIn) && self.ops.iter().any(|op| op.place > 1)
    }

    /// Says what it is meant to leave, to show and not to replace.
    pub(super) fn describe(&self, mut victim: Victim) -> Victim {
        if self.leaves_something() {
            victim = victim.keeps("*");
        }
        if self.shows_something() {
            victim = victim.public("*");
        }
        TARGETS.iter().fold(victim, |victim, name| {
            let victim = victim.keeps(name);
            if self.clobbers(name) { victim } else { victim.noclobber(name) }
        })
    }

    /// True when the same can be said of both, and they have the same attacker and umask.
    pub(super) fn is_described_as(&self, other: &Program) -> bool {
        let told = |program: &Program| {
            let who = (program.class(), program.umask());
            let clobbered = TARGETS.map(|name| program.clobbers(name));
            (who, program.leaves_something(), program.shows_something(), clobbered)
        };
        told(self) == told(other)
    }

    fn leaves_something(&self) -> bool {
        let leaves = |op: &Op| matches!(op.does, Does::Keep | Does::DisableCleanup) || op.disables_cleanup();
        self.ops.iter().any(leaves)
    }

    fn shows_something(&self) -> bool {
        self.ops.iter().any(|op| op.mode().is_some_and(|mode| mode & 0o044 != 0))
    }

    fn clobbers(&self, name: &str) -> bool {
        self.ops.iter().any(|op| op.clobbers(name))
    }
}

/// The operations that fit these handles.
pub(super) fn fitting(kinds: &[Kind]) -> Vec<Does> {
    let fits = |does: &Does| does.takes().iter().all(|wanted| wanted.iter().any(|kind| kinds.contains(kind)));
    Does::ALL.into_iter().filter(fits).collect()
}

/// The handles that there are behind these operations, if all succeed.
pub(super) fn kinds_behind(ops: &[Op]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    ops.iter().for_each(|op| follow(&mut kinds, *op));
    kinds
}

fn follow(kinds: &mut Vec<Kind>, op: Op) {
    if let Some((at, taken)) = take(kinds, op, |kind| *kind) {
        kinds.splice(at..at, op.does.gives(&taken));
    }
}

fn read_ops(bytes: &[u8]) -> Vec<Op> {
    let mut kinds = Vec::new();
    let read = |[does, at, place, detail]: &[u8; OP_BYTES]| {
        let fitting = fitting(&kinds);
        let op =
            Op { does: fitting[usize::from(*does) % fitting.len()], at: *at, place: *place, detail: *detail };
        follow(&mut kinds, op);
        op
    };
    bytes.as_chunks().0.iter().map(read).collect()
}

fn op_bytes(ops: &[Op]) -> Vec<u8> {
    let (mut kinds, mut bytes) = (Vec::new(), Vec::new());
    for op in ops.iter().take(MOST_OPS) {
        if let Some(does) = fitting(&kinds).iter().position(|does| *does == op.does) {
            bytes.extend([does as u8, op.at, op.place, op.detail]);
            follow(&mut kinds, *op);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_from_its_own_bytes() {
        let op = |does, at| Op { does, at, place: 2, detail: 77 };
        let ops = vec![op(Does::NewIn, 0), op(Does::DropElsewhere, 9)];
        let plans = vec![Plan { stop: 1, name: 2, verb: 3, bait: 4, way: 5 }; MOST_PLANS];
        let program = Program { class: 2, umask: 1, plans, ops };
        assert_eq!(Program::read(&program.bytes()), Some(program));
    }
}
