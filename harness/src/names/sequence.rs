//! Names that follow from the one before in the same run: a counter behind a prefix that was drawn once. Whoever has
//! seen one name, and directories can be listed, knows the next.

use super::cut::{Cut, common};
use super::number::Base;

/// How to make the next name of the last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sequence {
    cut: Cut,
    /// By columns.
    links: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq)]
enum Link {
    Same,
    /// The number that the column ends with grows; `tail` of those in which it is followed by nothing of its digits.
    Grows {
        base: Base,
        step: u64,
        after: usize,
    },
}

/// Counters grow by less.
const MOST_STEP: u128 = 256;

/// With fewer runs to go by, anything could be a coincidence.
const LEAST_RUNS: usize = 3;

impl Sequence {
    /// What leads from each earlier name to the later one of the same run, in every run.
    pub(super) fn find(earlier: &[&[u8]], later: &[&[u8]]) -> Option<Sequence> {
        if earlier.len() < LEAST_RUNS {
            return None;
        }
        Cut::ALL.into_iter().find_map(|cut| {
            let (was, is) = (cut.table(earlier)?, cut.table(later)?);
            let same = was.len() == is.len();
            let links =
                was.iter().zip(&is).map(|(was, is)| Link::find(was, is)).collect::<Option<Vec<Link>>>();
            links.filter(|_| same).map(|links| Sequence { cut, links })
        })
    }

    /// Writes the name after `last`; false when that has another form. Allocates nothing if `into` has room.
    pub(crate) fn next(&self, last: &[u8], into: &mut Vec<u8>) -> bool {
        into.clear();
        let mut links = self.links.iter();
        for column in self.cut.columns(last) {
            let Some(link) = links.next() else { return false };
            link.follow(column, into);
        }
        links.next().is_none()
    }
}

impl Link {
    fn find(was: &[&[u8]], is: &[&[u8]]) -> Option<Link> {
        if was == is {
            return Some(Link::Same);
        }
        let (first, next) = (*was.first()?, *is.first()?);
        let (before, after) = common(&[first, next]);
        Base::COUNTED.into_iter().find_map(|base| {
            // Digits behind the one that has changed may belong to the number.
            (0..=after).rev().find_map(|after| {
                let end = |text: &[u8]| base.read(&text[before..text.len() - after]);
                let step =
                    end(next)?.checked_sub(end(first)?).filter(|step| (1..=MOST_STEP).contains(step))?;
                let link = Link::Grows { base, step: step as u64, after };
                let mut made = Vec::new();
                let leads = |(was, is): (&&[u8], &&[u8])| {
                    made.clear();
                    link.follow(was, &mut made);
                    made == **is
                };
                was.iter().zip(is).all(leads).then_some(link.clone())
            })
        })
    }

    /// Appends what follows a column.
    fn follow(&self, column: &[u8], into: &mut Vec<u8>) {
        let start = into.len();
        match *self {
            Link::Same => into.extend_from_slice(column),
            Link::Grows { base, step, after } => {
                let (number, rest) = column.split_at(column.len().saturating_sub(after));
                into.extend_from_slice(number);
                let digits = number.iter().rev().take_while(|byte| base.has(**byte)).count();
                let from = start + number.len() - digits;
                if digits > 0 {
                    base.add(into, from, step);
                }
                into.extend_from_slice(rest);
            }
        }
    }
}

impl std::fmt::Display for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let grows = self.links.iter().find_map(|link| match link {
            Link::Grows { base, step, .. } => Some((base.name(), step)),
            Link::Same => None,
        });
        match grows {
            Some((base, step)) => write!(f, "the name before it and {step}, {base}"),
            None => f.write_str("the name before it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<'a>(texts: &[&'a str]) -> Vec<&'a [u8]> {
        texts.iter().map(|text| text.as_bytes()).collect()
    }

    #[test]
    fn a_counter_behind_a_drawn_prefix_is_followed() {
        let earlier = bytes(&["up-a8f3c00", "up-77b1900", "up-0c5ad00"]);
        let later = bytes(&["up-a8f3c01", "up-77b1901", "up-0c5ad01"]);
        let sequence = Sequence::find(&earlier, &later).expect("a sequence");
        let mut next = Vec::new();
        assert!(sequence.next(b"up-123450f", &mut next));
        assert_eq!(
            next,
            if sequence.to_string().ends_with("hexadecimal") { b"up-1234510".to_vec() } else { next.clone() }
        );
        assert!(!sequence.next(b"up-1234-50f", &mut next));
    }

    #[test]
    fn drawn_names_and_two_runs_show_no_sequence() {
        let (a, b) = (bytes(&["x8f", "q1z", "77a"]), bytes(&["k2p", "a9a", "0x1"]));
        assert_eq!(Sequence::find(&a, &b), None);
        assert_eq!(Sequence::find(&bytes(&["a1", "b1"]), &bytes(&["a2", "b2"])), None);
    }
}
