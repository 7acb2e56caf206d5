//! Schemes held against made-up machines: what can be predicted is predicted in every further run, what cannot be is never
//! claimed, and no names whatever make it fail.

#![cfg(test)]

use super::number::Base;
use super::{Clock, Facts, Known, MOST_CANDIDATES, Run, hash::Hash, learn};
use crate::testing::runner;
use proptest::collection::vec;
use proptest::prelude::*;

const LEARNED: u64 = 5;
const FRESH: u64 = 20;

/// A machine whose clock goes on and whose pids grow, with an attacker who reads both before each run.
struct Machine {
    clock: Clock,
    pid: u32,
    serial: u64,
    entropy: u64,
}

/// How a victim makes its names.
type Maker = fn(&mut Machine, &Facts) -> Vec<String>;

const SECOND: u128 = 1_000_000_000;

impl Machine {
    fn new(seed: u64) -> Machine {
        let wall = 1_763_900_000 * SECOND + u128::from(seed % 1_000_000_007);
        Machine { clock: Clock { wall, monotonic: wall / 977 }, pid: 4_000, serial: 0, entropy: seed | 1 }
    }

    fn draw(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.entropy ^ (self.entropy >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 31)
    }

    fn drawn(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.draw() as usize % letters.len()]).collect()
    }

    /// Lets some time pass and some processes begin, then runs the victim.
    fn run(&mut self, maker: Maker, entries: u64) -> Run {
        self.pid += 1 + (self.draw() % 40) as u32;
        let before = self.clock;
        let after = before.later(3_000_000);
        let facts = Facts { before, after, pids: vec![self.pid], uid: 1000, entries, serial: self.serial };
        let names = maker(self, &facts).into_iter().map(String::into_bytes).collect();
        self.serial += 1;
        self.clock = after.later(1_000_000);
        Run { facts, names }
    }

    fn known(&self, entries: u64, twin: &Run) -> Known {
        Known {
            now: self.clock,
            horizon: 500_000_000,
            pids: (self.pid + 1..=self.pid + 64).collect(),
            uid: 1000,
            entries,
            serial: self.serial,
            twin: twin.names.clone(),
        }
    }

    /// Waits until the second is young.
    fn wait(&mut self) {
        self.clock = self.clock.later(SECOND - self.clock.wall % SECOND + 1_000);
    }
}

/// A generator such as C's rand(3), of which nothing here knows.
fn seeded(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        char::from(b'a' + ((state >> 16) % 26) as u8)
    };
    (0..8).map(|_| next()).collect()
}

fn middle(facts: &Facts) -> u128 {
    facts.before.wall + 1_000_000
}

const PREDICTABLE: [(&str, Maker); 13] = [
    ("pid", |_, f| vec![format!("app.{}", f.pids[0])]),
    ("pid and counter", |_, f| (0..3).map(|n| format!("app-{}-{n}.tmp", f.pids[0])).collect()),
    ("pid twice", |_, f| vec![format!("{}.{}.lock", f.pids[0], f.pids[0])]),
    ("seconds", |_, f| vec![format!("log.{}", middle(f) / SECOND)]),
    ("milliseconds", |_, f| vec![format!("up_{}.bin", middle(f) / 1_000_000)]),
    ("milliseconds in base 36", |_, f| {
        let mut text = Vec::new();
        Base::Base36.write(middle(f) / 1_000_000, None, &mut text);
        vec![String::from_utf8(text).expect("digits")]
    }),
    ("part of milliseconds", |_, f| vec![format!("p{:05}", middle(f) / 1_000_000 % 100_000)]),
    ("generator seeded by the clock", |_, f| vec![format!("t{}", seeded((middle(f) / SECOND) as u64))]),
    ("generator with a constant seed", |_, _| vec![seeded(1), seeded(2)]),
    ("number of entries", |_, f| vec![format!("file{}.dat", f.entries + 1)]),
    ("md5 of the pid", |_, f| {
        let digits = Hash::ALL[0].of(f.pids[0].into(), 32);
        vec![String::from_utf8(digits).expect("digits")]
    }),
    ("counter from run to run", |m, _| vec![format!("job-{:06}", 17 + 3 * m.serial)]),
    ("two digits", |m, _| vec![format!("sess{:02}", m.draw() % 100)]),
];

const HEX: &str = "0123456789abcdef";
const ALL_LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const DRAWN: [(&str, Maker); 6] = [
    ("mkstemp", |m, _| vec![format!("tmp.{}", m.drawn(ALL_LETTERS, 6))]),
    ("mktemp", |m, _| vec![format!("tmp.{}", m.drawn(ALL_LETTERS, 10))]),
    ("CPython", |m, _| {
        (0..3).map(|_| format!("tmp{}", m.drawn("abcdefghijklmnopqrstuvwxyz0123456789_", 8))).collect()
    }),
    ("uuid", |m, _| {
        let parts = [8, 3, 3, 12].map(|length| m.drawn(HEX, length));
        vec![format!("{}-{}-4{}-a{}-{}", parts[0], m.drawn(HEX, 4), parts[1], parts[2], parts[3])]
    }),
    ("pid and drawn", |m, f| vec![format!("{}-{}", f.pids[0], m.drawn(HEX, 8))]),
    ("nanoseconds", |_, f| vec![format!("app.{}", middle(f) + u128::from(f.pids[0]) * 7_919 % 900_000)]),
];

/// In how many of the fresh runs each name was among the candidates for it, and the most candidates there were.
fn predicted(maker: Maker, seed: u64) -> (Vec<u64>, usize) {
    let mut machine = Machine::new(seed);
    let mut runs: Vec<Run> = (0..3).map(|_| machine.run(maker, 4)).collect();
    machine.wait();
    runs.extend((3..LEARNED).map(|at| machine.run(maker, 5 + at % 2)));
    let schemes = learn(&runs);
    let (mut hits, mut most) = (vec![0; schemes.len()], 0);
    for run in 0..FRESH {
        machine.wait();
        let twin = machine.run(maker, 4);
        let entries = 3 + run % 5;
        let known = machine.known(entries, &twin);
        let told: Vec<_> = schemes.iter().enumerate().map(|(at, s)| s.candidates(at, &known)).collect();
        let real = machine.run(maker, entries);
        for (at, candidates) in told.into_iter().enumerate() {
            let candidates = candidates.unwrap_or_default();
            most = most.max(candidates.len());
            hits[at] += u64::from(candidates.contains(&real.names[at]));
        }
    }
    (hits, most)
}

#[test]
fn what_can_be_predicted_is_in_20_of_20_fresh_runs() {
    for (name, maker) in PREDICTABLE {
        for seed in [1, 77, 123_456_789] {
            let (hits, most) = predicted(maker, seed);
            assert!(!hits.is_empty() && hits.iter().all(|hits| *hits == FRESH), "{name}: {hits:?}");
            assert!(most <= MOST_CANDIDATES, "{name}: {most}");
        }
    }
}

#[test]
fn what_is_drawn_is_never_predicted() {
    for (name, maker) in DRAWN {
        for seed in 1..20 {
            let (hits, _) = predicted(maker, seed);
            assert!(hits.iter().all(|hits| *hits == 0), "{name}: {hits:?}");
        }
    }
}

#[test]
fn a_counter_behind_a_drawn_prefix_is_told_from_the_name_before_it() {
    let maker: Maker = |machine, _| {
        let prefix = machine.drawn(HEX, 23);
        (0..4).map(|number| format!("{prefix}{number:02x}")).collect()
    };
    let mut machine = Machine::new(5);
    let schemes = learn(&(0..3).map(|_| machine.run(maker, 0)).collect::<Vec<_>>());
    assert!(schemes.len() == 4 && schemes[0].follows.is_none() && schemes[0].is_random());
    let mut next = Vec::new();
    for _ in 0..FRESH {
        let run = machine.run(maker, 0);
        for (at, scheme) in schemes.iter().enumerate().skip(1) {
            let sequence = scheme.follows.as_ref().expect("a sequence");
            assert!(sequence.next(&run.names[at - 1], &mut next));
            assert_eq!(next, run.names[at]);
        }
    }
}

fn any_run() -> impl Strategy<Value = Run> {
    let odd = "[a-f0-9._-]{0,12}".prop_map(String::into_bytes);
    let name = prop_oneof![vec(1..=255_u8, 0..40), odd, "[0-9]{1,42}".prop_map(String::into_bytes)];
    let clock = || (any::<u64>(), any::<u64>());
    let facts = (clock(), clock(), vec(any::<u32>(), 0..3), any::<u32>(), any::<u32>(), any::<u64>());
    (vec(name, 0..4), facts).prop_map(|(names, (before, after, pids, uid, entries, serial))| {
        let clock = |(wall, monotonic): (u64, u64)| Clock { wall: wall.into(), monotonic: monotonic.into() };
        let (before, after, entries) = (clock(before), clock(after), entries.into());
        Run { facts: Facts { before, after, pids, uid, entries, serial }, names }
    })
}

#[test]
fn any_names_at_all_give_schemes_and_no_more_candidates_than_allowed() {
    let cases = (vec(any_run(), 0..6), any_run(), any::<u64>());
    let result = runner(400, None).run(&cases, |(runs, known, horizon)| {
        let Facts { before, pids, uid, entries, serial, .. } = known.facts;
        let known =
            Known { now: before, horizon: horizon.into(), pids, uid, entries, serial, twin: known.names };
        let mut next = Vec::new();
        for (at, scheme) in learn(&runs).iter().enumerate() {
            let candidates = scheme.candidates(at, &known);
            prop_assert!(candidates.is_none_or(|all| all.len() <= MOST_CANDIDATES));
            prop_assert!(!scheme.to_string().is_empty() || runs[0].names[at].is_empty());
            if let Some(sequence) = &scheme.follows {
                sequence.next(&runs[0].names[0], &mut next);
            }
        }
        Ok(())
    });
    assert_eq!(result.map_err(|e| e.to_string()), Ok(()));
}

#[test]
fn names_drawn_from_any_alphabet_are_never_claimed() {
    let cases = (any::<u64>(), "[a-z]{2,9}[A-Z]{0,9}[0-9]{0,9}", 8..24_usize, "[a-z.-]{0,6}");
    let result = runner(300, None).run(&cases, |(seed, alphabet, length, prefix)| {
        let mut letters: Vec<char> = alphabet.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        prop_assume!(letters.len() >= 4);
        let alphabet: String = letters.into_iter().collect();
        let mut machine = Machine::new(seed);
        let runs: Vec<Run> = (0..LEARNED)
            .map(|_| {
                let mut run = machine.run(|_, _| Vec::new(), 0);
                run.names.push(format!("{prefix}{}", machine.drawn(&alphabet, length)).into_bytes());
                run
            })
            .collect();
        let known = machine.known(0, &runs[0]);
        let real = format!("{prefix}{}", machine.drawn(&alphabet, length)).into_bytes();
        for scheme in learn(&runs) {
            prop_assert!(!scheme.candidates(0, &known).unwrap_or_default().contains(&real), "{scheme}");
        }
        Ok(())
    });
    assert_eq!(result.map_err(|e| e.to_string()), Ok(()));
}
