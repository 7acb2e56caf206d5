//! From the names of several runs to what each of their parts is. Tries what is telling first, and a guess that fits by
//! chance last; a guess that is wrong predicts nothing.

use super::clock::Reading;
use super::cut::{Cut, common};
use super::hash::Hash;
use super::number::Base;
use super::observe::Run;
use super::source::Source;
use super::{MOST_CANDIDATES, Piece};

/// How far a part of a name is widened to find the number that it is the end of.
const REACH: usize = 24;

/// The cut that explains most of a name, and its pieces by columns.
pub(super) fn name(names: &[&[u8]], runs: &[Run]) -> (Cut, Vec<Piece>) {
    let mut fallback = None;
    for cut in Cut::ALL {
        let Some(table) = cut.table(names) else { continue };
        let pieces: Vec<Piece> =
            table.iter().enumerate().flat_map(|(at, column)| explain(at, column, runs)).collect();
        if !pieces.contains(&Piece::Random) {
            return (cut, pieces);
        }
        fallback.get_or_insert((cut, pieces));
    }
    fallback.unwrap_or((Cut::Whole, vec![Piece::Random]))
}

fn explain(at: usize, column: &[&[u8]], runs: &[Run]) -> Vec<Piece> {
    let is_constant = column.windows(2).all(|pair| pair[0] == pair[1]);
    if let (true, Some(text)) = (is_constant, column.first()) {
        return hashed(column, runs).unwrap_or_else(|| constant(text, runs));
    }
    let found = numbered(column, runs).or_else(|| hashed(column, runs));
    let found = found.or_else(|| repeats(column, runs).then(|| vec![Piece::Repeats { column: at }]));
    found.or_else(|| few(at, column)).unwrap_or_else(|| {
        let (before, after) = common(column);
        around(column, before, after, Piece::Random)
    })
}

/// A piece, and what is the same before and after it.
fn around(column: &[&[u8]], before: usize, after: usize, piece: Piece) -> Vec<Piece> {
    let text = column.first().copied().unwrap_or_default();
    let (start, end) =
        (Piece::Text(text[..before].to_vec()), Piece::Text(text[text.len() - after..].to_vec()));
    let empty = |piece: &Piece| matches!(piece, Piece::Text(text) if text.is_empty());
    [start, piece, end].into_iter().filter(|piece| !empty(piece)).collect()
}

/// What is the same in every run can still be a pid that was the same, or the uid.
fn constant(text: &[u8], runs: &[Run]) -> Vec<Piece> {
    let Some(facts) = runs.first().map(|run| &run.facts) else { return vec![Piece::Text(text.to_vec())] };
    let always = |pid: &&u32| **pid >= 100 && runs.iter().all(|run| run.facts.pids.contains(pid));
    let pids = facts.pids.iter().filter(always).map(|pid| (Source::Pid, *pid));
    let uid = Some((Source::Uid, facts.uid)).filter(|(_, uid)| *uid >= 100);
    for (source, number) in pids.chain(uid) {
        if let Some((start, end)) = find_number(text, number.to_string().as_bytes()) {
            let piece = Piece::Number { source, base: Base::Decimal, width: None };
            return around(&[text], start, text.len() - end, piece);
        }
    }
    vec![Piece::Text(text.to_vec())]
}

/// Where these digits stand with no others beside them.
fn find_number(text: &[u8], digits: &[u8]) -> Option<(usize, usize)> {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    (0..text.len().checked_sub(digits.len())? + 1).map(|start| (start, start + digits.len())).find(
        |(start, end)| text[*start..*end] == *digits && !digit(*end) && (*start == 0 || !digit(start - 1)),
    )
}

/// The parts of a column that are digits of a base and hold all that differs: how much stands before and after, the
/// widest first.
fn regions(column: &[&[u8]], base: Base) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (before, after) = common(column);
    let text = column.first().copied().unwrap_or_default();
    let left = text[..before].iter().rev().take(REACH).take_while(|byte| base.has(**byte)).count();
    let right = text[text.len() - after..].iter().take(REACH).take_while(|byte| base.has(**byte)).count();
    let starts = before - left..=before;
    starts.flat_map(move |start| (after - right..=after).map(move |end| (start, end)))
}

fn numbered(column: &[&[u8]], runs: &[Run]) -> Option<Vec<Piece>> {
    for base in Base::NUMBERS {
        for (before, after) in regions(column, base) {
            let texts = column.iter().map(|text| &text[before..text.len() - after]);
            let Some(numbers) = texts.clone().map(|text| base.read(text)).collect::<Option<Vec<u128>>>()
            else {
                continue;
            };
            let lengths: Vec<usize> = texts.clone().map(<[u8]>::len).collect();
            let same = lengths.windows(2).all(|pair| pair[0] == pair[1]).then(|| lengths[0]);
            let padded = texts.clone().any(|text| text.len() > 1 && text[0] == b'0');
            if padded && same.is_none() {
                continue;
            }
            let wrap = same.and_then(|width| base.count(width));
            if let Some(source) = Source::find(&numbers, runs, wrap) {
                let width = same.filter(|_| padded || matches!(source, Source::Clock(_)));
                return Some(around(column, before, after, Piece::Number { source, base, width }));
            }
        }
    }
    None
}

fn hashed(column: &[&[u8]], runs: &[Run]) -> Option<Vec<Piece>> {
    let sources = [Source::Pid, Source::Uid, Source::Entries(0), Source::Clock(Reading::SECONDS)];
    let length = column.first()?.len();
    let hexadecimal = |text: &&[u8]| text.len() == length && text.iter().all(|byte| Base::Hex.has(*byte));
    if length < Hash::SHORTEST || !column.iter().all(hexadecimal) {
        return None;
    }
    let is = |hash: Hash, source: Source| {
        column.iter().zip(runs).all(|(text, run)| {
            source.was(&run.facts, MOST_CANDIDATES).iter().any(|number| hash.of(*number, length) == *text)
        })
    };
    let pairs = sources.into_iter().flat_map(|source| Hash::ALL.map(|hash| (hash, source)));
    let found = pairs.into_iter().find(|(hash, source)| is(*hash, *source));
    found.map(|(hash, source)| vec![Piece::Hashed { hash, source, length }])
}

/// The same in all runs of a second, and another in another second.
fn repeats(column: &[&[u8]], runs: &[Run]) -> bool {
    let seen: Vec<(u128, &[u8])> =
        runs.iter().zip(column).filter_map(|(run, text)| Some((run.second()?, *text))).collect();
    let pairs = || seen.iter().enumerate().flat_map(|(at, a)| seen[at + 1..].iter().map(move |b| (a, b)));
    let together = pairs().any(|(a, b)| a.0 == b.0);
    together && pairs().all(|(a, b)| (a.0 == b.0) == (a.1 == b.1))
}

/// So few digits that all numbers can be tried.
fn few(at: usize, column: &[&[u8]]) -> Option<Vec<Piece>> {
    let bases = [Base::Decimal, Base::Hex, Base::UpperHex, Base::Letters, Base::Base36, Base::UpperBase36];
    bases.into_iter().find_map(|base| {
        let (before, after) = regions(column, base).next()?;
        let texts = column.iter().map(|text| &text[before..text.len() - after]);
        let width = texts.clone().map(<[u8]>::len).max()?;
        let even = texts.clone().all(|text| text.len() == width);
        let digits = texts.flatten().all(|byte| base.has(*byte));
        let countable = base.count(width).is_some_and(|count| count <= MOST_CANDIDATES as u128);
        let source = Source::AnyOf { base, width, column: at };
        let piece = Piece::Number { source, base, width: even.then_some(width) };
        (digits && countable).then(|| around(column, before, after, piece))
    })
}
