//! Mutations of schedules as schedules: of an input of some bytes and plans behind them, the plans change and stay plans.
//!
//! For the custom mutator and the crossover of a target of libFuzzer. Does not own libFuzzer's own mutations, which are as
//! good for the bytes in front.

use super::plan::Plan;
use crate::stream::Stream;

/// Plans that are added at most at once.
const MOST_ADDED: usize = 6;

/// Changes one thing about the plans behind the first `head` bytes of an input, which is `size` bytes long and may become as long
/// as its buffer: an act goes to the next stop or the one before, becomes one of another kind or at another name, is doubled,
/// dropped, or changes places with the next, or some are added, in the place of all that follow if need be. Returns the new size.
#[must_use]
pub fn mutate(input: &mut [u8], size: usize, head: usize, seed: u32) -> usize {
    let mut luck = Stream::new(seed.into());
    let mut plans = Plan::all(input.get(head..size).unwrap_or_default());
    change(&mut plans, &mut luck);
    // What is behind an input's end is not of it.
    input[size.min(head)..].fill(0);
    write(&plans, input, head)
}

/// The beginning of one input's plans, and the end of another's, behind the first `head` bytes of the one. Returns the size.
#[must_use]
pub fn cross(one: &[u8], other: &[u8], into: &mut [u8], head: usize, seed: u32) -> usize {
    let mut luck = Stream::new(seed.into());
    let [mut plans, end] = [one, other].map(|input| Plan::all(input.get(head..).unwrap_or_default()));
    plans.truncate(below(&mut luck, plans.len() + 1));
    plans.extend_from_slice(&end[below(&mut luck, end.len() + 1)..]);
    into.fill(0);
    let known = one.len().min(head).min(into.len());
    into[..known].copy_from_slice(&one[..known]);
    write(&plans, into, head)
}

fn change(plans: &mut Vec<Plan>, luck: &mut Stream) {
    let at = below(luck, plans.len());
    let what = if plans.is_empty() { 0 } else { below(luck, 12) };
    let some = |luck: &mut Stream| (0..=below(luck, MOST_ADDED)).map(|_| random(luck)).collect::<Vec<_>>();
    match what {
        // Several at once, as one alone often shows nothing new and would be forgotten before the next comes.
        0 => plans.splice(at..at, some(luck)).for_each(drop),
        // What led to something goes on in another way.
        1..=4 => plans.splice(at.., some(luck)).for_each(drop),
        5 => drop(plans.remove(at)),
        6 => plans.insert(at, plans[at]),
        7 if at + 1 < plans.len() => plans.swap(at, at + 1),
        7 | 8 => plans[at].stop = plans[at].stop.wrapping_add(if below(luck, 2) == 0 { 1 } else { u8::MAX }),
        9 => plans[at].name = random(luck).name,
        10 => plans[at] = Plan { stop: plans[at].stop, ..random(luck) },
        _ => plans[at].bait = random(luck).bait,
    }
}

fn random(luck: &mut Stream) -> Plan {
    let mut bytes = [0; Plan::BYTES];
    luck.fill(&mut bytes);
    Plan::all(&bytes)[0]
}

/// Any number below this one; 0 for 0.
fn below(luck: &mut Stream, bound: usize) -> usize {
    (luck.number() % bound.max(1) as u64) as usize
}

/// Writes as many plans behind the head as there is room for.
fn write(plans: &[Plan], into: &mut [u8], head: usize) -> usize {
    let head = head.min(into.len());
    let room = into[head..].chunks_exact_mut(Plan::BYTES);
    let written = room.zip(plans).map(|(room, plan)| room.copy_from_slice(&plan.bytes())).count();
    head + written * Plan::BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: usize = 3;

    fn input(plans: &[Plan]) -> Vec<u8> {
        plans.iter().fold(vec![7, 8, 9], |input, plan| [input.as_slice(), &plan.bytes()].concat())
    }

    fn plan(stop: u8) -> Plan {
        Plan { stop, ..Plan::default() }
    }

    #[test]
    fn every_mutation_keeps_the_head_and_whole_plans_whatever_room_there_is() {
        for room in 0..40 {
            for (size, seed) in (0..=room).flat_map(|size| (0..50).map(move |seed| (size, seed))) {
                let mut buffer = vec![5; room];
                let long = mutate(&mut buffer, size, HEAD, seed);
                let kept = size.min(HEAD);
                assert!(
                    long <= room && buffer[..kept].iter().all(|byte| *byte == 5),
                    "{size} of {room}: {seed}"
                );
                assert!(
                    long == room.min(HEAD) || (long - HEAD).is_multiple_of(Plan::BYTES),
                    "{size} of {room}"
                );
            }
        }
    }

    #[test]
    fn every_kind_of_change_comes_by() {
        let before = [plan(10), plan(20), plan(30)];
        let after = (0..2_000).map(|seed| {
            let mut buffer = [input(&before), vec![0; 20]].concat();
            let size = mutate(&mut buffer, HEAD + before.len() * Plan::BYTES, HEAD, seed);
            Plan::all(&buffer[HEAD..size])
        });
        let after: Vec<Vec<Plan>> = after.collect();
        let some = |holds: fn(&[Plan]) -> bool| after.iter().any(|plans| holds(plans));
        assert!(some(|plans| plans == [plan(10), plan(21), plan(30)]), "the next stop");
        assert!(some(|plans| plans == [plan(10), plan(20), plan(29)]), "the stop before");
        assert!(some(|plans| plans == [plan(20), plan(10), plan(30)]), "other places");
        assert!(some(|plans| plans == [plan(10), plan(30)]), "dropped");
        assert!(some(|plans| plans == [plan(10), plan(10), plan(20), plan(30)]), "doubled");
        assert!(some(|plans| plans.len() == 4 && plans[1] != plan(10) && plans[1] != plan(20)), "added");
        assert!(
            some(|plans| plans[0].name != 0 && plans[0].verb == 0 && plans[0].stop == 10),
            "another name"
        );
        assert!(
            some(|plans| plans[0].bait != 0 && plans[0].verb == 0 && plans[0].stop == 10),
            "another bait"
        );
        assert!(some(|plans| plans[0].verb != 0 && plans[0].stop == 10), "another kind");
    }

    #[test]
    fn crossing_begins_with_the_one_and_ends_with_the_other() {
        let (one, other) = (input(&[plan(1), plan(2)]), input(&[plan(3), plan(4)]));
        let crossed = |seed| {
            let mut buffer = vec![9; 64];
            let size = cross(&one, &other, &mut buffer, HEAD, seed);
            assert_eq!(buffer[..HEAD], one[..HEAD]);
            Plan::all(&buffer[HEAD..size]).iter().map(|plan| plan.stop).collect::<Vec<u8>>()
        };
        let all: Vec<Vec<u8>> = (0..200).map(crossed).collect();
        assert!(
            all.contains(&vec![1, 4]) && all.contains(&vec![1, 2, 3, 4]) && all.contains(&vec![]),
            "{all:?}"
        );
        assert!(all.iter().all(|stops| stops.is_sorted()), "{all:?}");
    }
}
