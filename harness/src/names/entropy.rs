//! How much chance there is in names: what it would be if all characters were drawn evenly, and what is sure from those
//! that were seen.

use super::cut::{Cut, common};

/// Of the random part of a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entropy {
    /// The characters that it is taken to be made of.
    pub alphabet: &'static str,
    /// How many of its characters are not the same in all names.
    pub length: usize,
    /// Bits, if they are drawn evenly and apart from each other.
    pub bits: f64,
    /// Bits that it has with a confidence of 95 %, by how often the same character came again at the same place (Rényi's
    /// second entropy), if they are drawn apart from each other.
    pub least: f64,
    /// The names that this is from.
    pub samples: usize,
}

type Contains = fn(&u8) -> bool;

const ALPHABETS: [(&str, u32, Contains); 8] = [
    ("0-9", 10, u8::is_ascii_digit),
    ("0-9a-f", 16, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(b)),
    ("0-9A-F", 16, |b| b.is_ascii_digit() || (b'A'..=b'F').contains(b)),
    ("a-z", 26, u8::is_ascii_lowercase),
    ("0-9a-z", 36, |b| b.is_ascii_digit() || b.is_ascii_lowercase()),
    ("0-9a-z_", 37, |b| b.is_ascii_digit() || b.is_ascii_lowercase() || *b == b'_'),
    ("0-9A-Za-z", 62, u8::is_ascii_alphanumeric),
    ("0-9A-Za-z_-", 64, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
];

/// Of the part in which these names differ; `None` when there are too few of them to tell.
pub(super) fn of(names: &[&[u8]]) -> Option<Entropy> {
    let (before, after) = common(names);
    let parts: Vec<&[u8]> = names.iter().map(|name| &name[before..name.len() - after]).collect();
    let shortest = parts.iter().map(|part| part.len()).min()?;
    // What is the same in all names, as the dashes of a UUID, tells nothing apart.
    let differs = |at: &usize| parts.iter().any(|part| part[*at] != parts[0][*at]);
    let places: Vec<usize> = (0..shortest).filter(differs).collect();
    let length = places.len();
    let pairs = length * names.len() * (names.len() - 1) / 2;
    if pairs == 0 {
        return None;
    }
    let fits = |contains: &Contains| places.iter().all(|at| parts.iter().all(|part| contains(&part[*at])));
    let known = ALPHABETS.iter().find(|(_, _, contains)| fits(contains));
    let (alphabet, size) = known.map_or(("any", 94), |(name, size, _)| (*name, *size));
    let equal = places.iter().map(|at| repeats(&parts, *at)).sum::<usize>() as f64;
    // The upper end of a 95 % interval for a count of rare events; for none it is the rule of three.
    let most = (equal + 2.0 * equal.sqrt() + 3.0) / pairs as f64;
    let bits = f64::from(size).log2() * length as f64;
    let least = (-most.min(1.0).log2() * length as f64).clamp(0.0, bits);
    Some(Entropy { alphabet, length, bits, least, samples: names.len() })
}

/// Pairs that have the same character at a place.
fn repeats(parts: &[&[u8]], at: usize) -> usize {
    let same =
        |(first, part): (usize, &&[u8])| parts[first + 1..].iter().filter(|o| o[at] == part[at]).count();
    parts.iter().enumerate().map(same).sum()
}

/// True for a name with a word that nobody would think of: letters and digits by turns, or hardly a vowel.
pub(crate) fn looks_drawn(name: &[u8]) -> bool {
    const SHORTEST: usize = 6;
    const TURNS: usize = 3;
    let kind = |byte: &u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    let turns = |word: &[u8]| word.chunk_by(|a, b| kind(a) == kind(b)).count() > TURNS;
    let vowels = |word: &[u8]| word.iter().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
    let mute = |word: &[u8]| word.iter().all(u8::is_ascii_alphabetic) && vowels(word) * 5 < word.len();
    Cut::Words.columns(name).any(|word| word.len() >= SHORTEST && (turns(word) || mute(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_names_make_surer_and_never_more_than_the_alphabet_allows() {
        let mut state = 7_u64;
        let mut draw = || {
            (0..8)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    b'a' + ((state >> 33) % 26) as u8
                })
                .collect::<Vec<u8>>()
        };
        let names: Vec<Vec<u8>> = (0..40).map(|_| draw()).collect();
        let slices: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let (few, many) = (of(&slices[..4]).expect("four"), of(&slices).expect("forty"));
        assert!(few.least < many.least && many.least < many.bits, "{few:?} {many:?}");
        assert!(many.least > 25.0 && (many.bits - 37.6).abs() < 0.1, "{many:?}");
        assert_eq!((many.alphabet, many.length, many.samples), ("a-z", 8, 40));
        assert_eq!(of(&slices[..1]), None);
    }

    #[test]
    fn what_hardly_changes_has_little() {
        let names: Vec<&[u8]> = vec![b"aaaaaaab", b"aaaaaaac", b"aaaaaaab", b"aaaaaaad"];
        assert!(of(&names).expect("some").least < 3.0);
        assert!(looks_drawn(b"tmp.x8Kq2z9") && !looks_drawn(b"app.conf.tmp") && !looks_drawn(b"backup2024"));
    }
}
