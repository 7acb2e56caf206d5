//! Names made up by a scheme: what the predictor tells is never what was drawn by chance, never more than an attacker can
//! plant, and what a scheme has besides chance is found.

use arbitrary::{Arbitrary, Result, Unstructured};
use linkbait::fuzz::names::{Before, predict};

/// Part of a name.
#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Pid,
    Seconds,
    /// Grows by so much from run to run.
    Serial(u8),
    /// Chance of 60 bits and more.
    Drawn(usize),
}

/// Runs from which schemes are learned.
const LEARNED: u64 = 5;

/// How long a run takes, in nanoseconds.
const LASTS: u64 = 3_000_000;

/// Most links that an attacker can plant for one name.
const MOST_CANDIDATES: usize = 1024;

const SECOND: u64 = 1_000_000_000;

/// Makes up names and has those of a further run predicted.
///
/// # Panics
/// When one of the above does not hold.
pub fn names(bytes: &[u8]) {
    let mut bytes = Unstructured::new(bytes);
    let Ok(schemes) = schemes(&mut bytes) else { return };
    let seed = u64::arbitrary(&mut bytes).unwrap_or_default();
    let mut machine = Machine { seed, serial: 0, pid: 4_000, second: 1_763_900_000 };
    let earlier: Vec<_> = (0..LEARNED).map(|_| machine.run(&schemes)).collect();
    let (_, twin) = machine.run(&schemes);
    let (next, real) = machine.run(&schemes);
    // Processes of others may begin before the victim does.
    let pids = (next.pids[0] - 30..=next.pids[0] + 30).collect();
    let told = predict(&earlier, LASTS, &twin, &Before { pids, ..next });
    assert_eq!(told.len(), schemes.len());
    for ((scheme, candidates), name) in schemes.iter().zip(&told).zip(&real) {
        let chance = scheme.iter().any(|piece| matches!(piece, Piece::Drawn(_)));
        let shown = || format!("{scheme:?}: {} among {} candidates", name.escape_ascii(), candidates.len());
        assert!(candidates.len() <= MOST_CANDIDATES, "too many: {}", shown());
        assert_eq!(candidates.contains(name), !chance, "{}", shown());
    }
}

/// A machine on which a victim runs now and then.
struct Machine {
    seed: u64,
    serial: u64,
    pid: u32,
    second: u64,
}

impl Machine {
    fn run(&mut self, schemes: &[Vec<Piece>]) -> (Before, Vec<Vec<u8>>) {
        self.pid += 1 + (self.draw() % 30) as u32;
        // At any time of a second of its own: any order in it would explain other numbers, too.
        self.second += 2 + self.draw() % 1_000;
        let clock = self.second * SECOND + self.draw() % (SECOND - LASTS);
        let before = Before { clock, pids: vec![self.pid], entries: 4, serial: self.serial };
        let names = schemes.iter().map(|scheme| self.name(scheme, &before)).collect();
        self.serial += 1;
        (before, names)
    }

    fn name(&mut self, scheme: &[Piece], now: &Before) -> Vec<u8> {
        let mut name = Vec::new();
        for piece in scheme {
            match piece {
                Piece::Text(text) => name.extend_from_slice(text),
                Piece::Pid => name.extend(now.pids[0].to_string().bytes()),
                Piece::Seconds => name.extend((now.clock / SECOND).to_string().bytes()),
                Piece::Serial(step) => {
                    name.extend((100 + now.serial * u64::from(*step)).to_string().bytes());
                }
                Piece::Drawn(length) => name.extend((0..*length).map(|_| b'a' + (self.draw() % 26) as u8)),
            }
        }
        name
    }

    /// The next number of splitmix64.
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Schemes of one to three names. Pieces other than text have text between them, as the predictor does not tell two numbers
/// apart that stand side by side.
fn schemes(from: &mut Unstructured<'_>) -> Result<Vec<Vec<Piece>>> {
    (0..from.int_in_range(1..=3)?).map(|_| scheme(from)).collect()
}

fn scheme(from: &mut Unstructured<'_>) -> Result<Vec<Piece>> {
    let mut pieces = vec![text(from)?];
    for _ in 0..from.int_in_range(0..=2)? {
        pieces.push(match u8::arbitrary(from)? % 4 {
            0 => Piece::Pid,
            1 => Piece::Seconds,
            2 => Piece::Serial(from.int_in_range(1..=9)?),
            _ => Piece::Drawn(from.int_in_range(13..=20)?),
        });
        pieces.push(text(from)?);
    }
    Ok(pieces)
}

/// Any bytes that a name can have, but for letters and digits at its ends, which could be taken for those of a number.
fn text(from: &mut Unstructured<'_>) -> Result<Piece> {
    let length = from.int_in_range(0..=6)?;
    let odd: Vec<u8> =
        from.bytes(length)?.iter().map(|byte| if b"/\0".contains(byte) { b'_' } else { *byte }).collect();
    Ok(Piece::Text([b"-", odd.as_slice(), b"."].concat()))
}
