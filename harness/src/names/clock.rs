//! Clocks in names: how fine, which of the two clocks, and how much of it.

use super::observe::Clock;

const SECOND: u128 = 1_000_000_000;

/// A clock as it can be read from a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Nanoseconds that one unit takes.
    unit: u128,
    monotonic: bool,
    /// Only the rest after division by this many units is there.
    modulus: Option<u128>,
}

/// Units, the finest last.
const UNITS: [(u128, &str); 5] = [
    (SECOND, "seconds"),
    (1_000_000, "milliseconds"),
    (1_000, "microseconds"),
    (100, "tenths of a microsecond"),
    (1, "nanoseconds"),
];

impl Reading {
    pub(super) const SECONDS: Reading = Reading { unit: SECOND, monotonic: false, modulus: None };

    /// All ways to read a clock of which a number of this size can be all, or what is left of more.
    pub(super) fn all(wrap: Option<u128>) -> impl Iterator<Item = Reading> {
        UNITS.into_iter().flat_map(move |(unit, _)| {
            let second = (unit < SECOND).then_some(SECOND / unit);
            let moduli = [Some(None), second.map(Some), wrap.map(Some)].into_iter().flatten();
            moduli
                .flat_map(move |modulus| [false, true].map(|monotonic| Reading { unit, monotonic, modulus }))
        })
    }

    fn of(self, clock: Clock) -> u128 {
        (if self.monotonic { clock.monotonic } else { clock.wall }) / self.unit
    }

    /// True when the clock showed this number between two moments, and a number at random would hardly fit.
    pub(super) fn fits(self, number: u128, before: Clock, after: Clock) -> bool {
        /// A number at random must not fit more often than once in so many times.
        const ODDS: u128 = 16;
        let (first, last) = (self.of(before), self.of(after));
        if last < first {
            // Somebody has set the clock back.
            return false;
        }
        match self.modulus {
            None => (first..=last).contains(&number) && first > ODDS * (last - first + 1),
            Some(modulus) if number < modulus => {
                let since = (number + modulus - first % modulus) % modulus;
                (last - first + 1) * ODDS <= modulus && since <= last - first
            }
            Some(_) => false,
        }
    }

    /// What it showed from one moment to another, at most so many.
    pub(super) fn between(self, before: Clock, after: Clock, most: usize) -> Vec<u128> {
        (self.of(before)..=self.of(after)).take(most).collect()
    }

    /// What it shows from now on for a while, at least some and at most so many.
    pub(super) fn ahead(self, now: Clock, horizon: u128, most: usize) -> Vec<u128> {
        /// A minute, if it is in seconds: that costs little.
        const LEAST: u128 = 64;
        let first = self.of(now);
        let last = self.of(now.later(horizon)).max(first + LEAST - 1);
        let rest = |number| self.modulus.map_or(number, |modulus| number % modulus);
        (first..=last).take(most).map(rest).collect()
    }
}

impl std::fmt::Display for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = UNITS.iter().find(|(unit, _)| *unit == self.unit).map_or("?", |(_, name)| name);
        let clock = if self.monotonic { "monotonic clock" } else { "clock" };
        let part = if self.modulus.is_some() { "part of the " } else { "" };
        write!(f, "{part}{clock} in {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u128) -> Clock {
        Clock { wall, monotonic: wall / 977 }
    }

    #[test]
    fn a_number_that_the_clock_showed_fits_and_one_beside_it_does_not() {
        let (before, after) = (at(1_763_900_000_123_456_789), at(1_763_900_000_143_456_789));
        let fits = |number, wrap| Reading::all(wrap).find(|reading| reading.fits(number, before, after));
        assert_eq!(fits(1_763_900_000, None).expect("seconds").to_string(), "clock in seconds");
        assert_eq!(fits(1_763_900_000_140, None).expect("ms").to_string(), "clock in milliseconds");
        assert_eq!(fits(1_763_900_000_100, None), None);
        assert_eq!(fits(130_123, Some(1_000_000)).map(|r| r.modulus), Some(Some(1_000_000)));
        assert_eq!(fits(0, None), None);
        assert_eq!(fits(u128::MAX, None), None);
    }

    #[test]
    fn candidates_begin_now_and_are_bounded() {
        let reading = Reading { unit: 1_000_000, monotonic: false, modulus: None };
        let ahead = reading.ahead(at(5_000_000_000), 99_000_000, 1000);
        assert_eq!((ahead[0], ahead[99], ahead.len()), (5000, 5099, 100));
        assert_eq!(reading.ahead(at(5_000_000_000), 0, 1000).len(), 64);
        assert_eq!(reading.ahead(at(0), u128::from(u64::MAX), 7).len(), 7);
    }
}
