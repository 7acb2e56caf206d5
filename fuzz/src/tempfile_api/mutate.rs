//! Mutations of programs as programs: of what is done, of who attacks, and of the attacker's plans.

use super::op::{Does, Kind, Op};
use super::program::{CLASSES, MOST_OPS, Program, UMASKS, fitting, kinds_behind};
use crate::wishes::wishes;
use fastrand::Rng;
use linkbait::Class;
use linkbait::fuzz::mutate;

/// Operations that are added at most at once.
const MOST_ADDED: usize = 6;

/// Mutates an input of [`super::tempfile_api`], or leaves that to libFuzzer. Returns the new size.
pub fn mutate_tempfile_api(input: &mut [u8], size: usize, seed: u32) -> Option<usize> {
    let mut luck = Rng::with_seed(seed.into());
    let mut program = Program::read(&input[..size]).unwrap_or_default();
    match luck.u8(..8) {
        _ if wishes().by_bytes_alone => return None,
        0 => return None,
        1 => {
            program.class = luck.u8(..CLASSES.len() as u8);
            program.umask = luck.u8(..UMASKS.len() as u8);
        }
        // Plans more often than operations, as a program that is kept ready is tried again in one trial.
        4.. if program.class() != Class::None => {
            let size = write(&program, input);
            return Some(mutate(input, size, program.head(), luck.u32(..)));
        }
        _ => change(&mut program.ops, &mut luck),
    }
    Some(write(&program, input))
}

fn change(ops: &mut Vec<Op>, luck: &mut Rng) {
    let at = luck.usize(..ops.len().max(1));
    let what = if ops.is_empty() { 0 } else { luck.u8(..10) };
    match what {
        0..3 => {
            // Half of them behind all others, where nothing takes from them what they made.
            let at = if luck.bool() { ops.len() } else { at };
            let added = made_up(&ops[..at], luck);
            ops.splice(at..at, added).for_each(drop);
            ops.truncate(MOST_OPS);
        }
        3 => {
            let added = made_up(&ops[..at], luck);
            ops.splice(at.., added).for_each(drop);
        }
        4 => drop(ops.remove(at)),
        5 => ops.insert(at, ops[at]),
        6 if at + 1 < ops.len() => ops.swap(at, at + 1),
        6 | 7 => ops[at].at = ops[at].at.wrapping_add(1),
        8 => ops[at].place = luck.u8(..4),
        _ => ops[at].detail = luck.u8(..),
    }
}

/// Some operations that fit behind these; half of them go on with the handle that is there since last.
fn made_up(before: &[Op], luck: &mut Rng) -> Vec<Op> {
    let mut ops = before.to_vec();
    for _ in 0..luck.usize(1..=MOST_ADDED) {
        let kinds = kinds_behind(&ops);
        let goes_on = luck.bool();
        let (all, on) = (fitting(&kinds), going_on(&kinds));
        let from = if goes_on && !on.is_empty() { &on } else { &all };
        let does = from[luck.usize(..from.len())];
        let at = if goes_on { last_place(does, &kinds) } else { luck.u8(..4) };
        ops.push(Op { does, at, place: luck.u8(..4), detail: luck.u8(..) });
    }
    ops.split_off(before.len())
}

/// The operations that take the last of these handles.
fn going_on(kinds: &[Kind]) -> Vec<Does> {
    let last = kinds.last().map(std::slice::from_ref).unwrap_or_default();
    fitting(last).into_iter().filter(|does| !does.takes().is_empty()).collect()
}

/// The place of the last handle that an operation can take, among all of those.
fn last_place(does: Does, kinds: &[Kind]) -> u8 {
    let fits = |kind: &&Kind| does.takes().first().is_some_and(|wanted| wanted.contains(kind));
    kinds.iter().filter(fits).count().saturating_sub(1) as u8
}

/// Writes as much of a program as there is room for.
fn write(program: &Program, into: &mut [u8]) -> usize {
    let bytes = program.bytes();
    let size = bytes.len().min(into.len());
    into[..size].copy_from_slice(&bytes[..size]);
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_stays_within_its_buffer_and_is_a_program() {
        for room in 2..60 {
            for (size, seed) in (0..=room).flat_map(|size| (0..20).map(move |seed| (size, seed))) {
                let mut buffer = vec![77; room];
                let long = mutate_tempfile_api(&mut buffer, size, seed);
                assert!(long.is_none_or(|long| long <= room), "{size} of {room}: {seed}");
            }
        }
    }

    #[test]
    fn operations_that_are_made_up_fit_what_is_there() {
        let mut luck = Rng::with_seed(1);
        let made = (0..1_000).flat_map(|_| {
            let ops = made_up(&[], &mut luck);
            assert_eq!(
                Program::read(&Program { ops: ops.clone(), ..Program::default() }.bytes()).map(|p| p.ops),
                Some(ops.clone())
            );
            ops
        });
        assert!(
            made.map(|op| op.does).any(|does| does == Does::Persist),
            "what takes another before it comes by"
        );
    }
}
