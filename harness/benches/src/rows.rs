//! What a measurement comes to: rows of figures, each beside its floor and what was promised. Owns the data, not how it is shown.

use std::fmt;

/// Rows that belong together, and what has to be said beside them.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// What all of them are about.
    pub title: String,
    /// The figures.
    pub rows: Vec<Row>,
    /// What could not be measured, and why; how to read the rows.
    pub notes: Vec<String>,
}

/// A figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// How much of it there was.
    pub amount: Amount,
    /// How many a second.
    pub rate: Option<f64>,
    /// The same in units of its floor.
    pub ratio: Option<Ratio>,
    /// What was promised.
    pub promise: Option<Promise>,
    /// What it is made of.
    pub detail: Option<String>,
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// Microseconds.
    Time(f64),
    /// KiB.
    Memory(f64),
    /// A count.
    Number(f64),
    /// A share, in percent.
    Share(f64),
}

/// A multiple of a floor that was measured in the same rounds.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// How many times the floor.
    pub times: f64,
    /// The floor.
    pub of: &'static str,
}

/// What a row was promised to be.
#[derive(Clone, Copy, Debug)]
pub enum Promise {
    /// The ratio, at most.
    AtMost(f64),
    /// The ratio, at least.
    AtLeast(f64),
    /// The amount, at most.
    Within(Amount),
}

impl Section {
    pub(crate) fn new(title: impl Into<String>) -> Section {
        Section { title: title.into(), ..Section::default() }
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, amount: Amount) -> Row {
        Row { what: what.into(), amount, rate: None, ratio: None, promise: None, detail: None }
    }

    pub(crate) fn time(what: impl Into<String>, micros: f64) -> Row {
        Row::new(what, Amount::Time(micros))
    }

    /// Of what can be done again and again, with how often a second.
    pub(crate) fn each(what: impl Into<String>, micros: f64) -> Row {
        Row { rate: Some(1e6 / micros), ..Row::time(what, micros) }
    }

    pub(crate) fn rate(self, a_second: f64) -> Row {
        Row { rate: Some(a_second), ..self }
    }

    pub(crate) fn ratio(self, times: f64, of: &'static str) -> Row {
        Row { ratio: Some(Ratio { times, of }), ..self }
    }

    pub(crate) fn promised(self, promise: Promise) -> Row {
        Row { promise: Some(promise), ..self }
    }

    pub(crate) fn detail(self, detail: impl Into<String>) -> Row {
        Row { detail: Some(detail.into()), ..self }
    }

    /// Whether what was promised is kept; `None` if nothing was.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let times = self.ratio.map_or(f64::NAN, |ratio| ratio.times);
        Some(match self.promise? {
            Promise::AtMost(most) => times <= most,
            Promise::AtLeast(least) => times >= least,
            Promise::Within(most) => self.amount.value() <= most.value(),
        })
    }
}

impl Amount {
    /// The bare number.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Amount::Time(value) | Amount::Memory(value) | Amount::Number(value) | Amount::Share(value) => {
                value
            }
        }
    }

    /// What the number counts.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Amount::Time(_) => "us",
            Amount::Memory(_) => "KiB",
            Amount::Number(_) => "",
            Amount::Share(_) => "%",
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MILLI: f64 = 1e3;
        const SECOND: f64 = 1e6;
        match *self {
            Amount::Time(micros) if micros >= SECOND => write!(f, "{:.2} s", micros / SECOND),
            Amount::Time(micros) if micros >= 10.0 * MILLI => write!(f, "{:.2} ms", micros / MILLI),
            Amount::Time(micros) => write!(f, "{micros:.2} us"),
            Amount::Memory(kib) => write!(f, "{kib:.0} KiB"),
            Amount::Number(number) if number.fract() == 0.0 => write!(f, "{number:.0}"),
            Amount::Number(number) => write!(f, "{number:.1}"),
            Amount::Share(percent) => write!(f, "{percent:.1} %"),
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Promise::AtMost(most) => write!(f, "<= {most} x"),
            Promise::AtLeast(least) => write!(f, ">= {least} x"),
            Promise::Within(most) => write!(f, "<= {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_kept_up_to_its_bound_and_not_beyond() {
        let ratio = |times, promise| Row::time("a", 1.0).ratio(times, "b").promised(promise).is_met();
        assert_eq!([1.3, 1.31].map(|times| ratio(times, Promise::AtMost(1.3))), [Some(true), Some(false)]);
        assert_eq!([0.5, 0.49].map(|times| ratio(times, Promise::AtLeast(0.5))), [Some(true), Some(false)]);
        let amount =
            |kib| Row::new("a", Amount::Memory(kib)).promised(Promise::Within(Amount::Memory(1024.0)));
        assert_eq!([1024.0, 1025.0].map(|kib| amount(kib).is_met()), [Some(true), Some(false)]);
        assert_eq!(Row::time("a", 1.0).is_met(), None);
    }

    #[test]
    fn what_was_not_measured_is_not_taken_for_a_promise_kept() {
        assert_eq!(Row::time("a", 1.0).promised(Promise::AtMost(1.3)).is_met(), Some(false));
        let nothing = Row::time("a", 1.0).ratio(f64::NAN, "b");
        assert_eq!(nothing.promised(Promise::AtLeast(0.5)).is_met(), Some(false));
    }
}
