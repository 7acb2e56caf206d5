//! Where a number in a name can come from: what it was in a run that is over, what it may be in one to come.

use super::clock::Reading;
use super::number::Base;
use super::observe::{Facts, Known, Run};

/// Something that anyone on the machine can know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// The pid or tid of a task of the run.
    Pid,
    Uid,
    Clock(Reading),
    /// The number of entries in the directory, and so many more.
    Entries(i64),
    /// Counted on from run to run: what it would have been in run 0, and by how much it grows.
    Counter {
        zero: i128,
        step: i64,
    },
    /// Any number of so many digits; the column keeps two of them apart.
    AnyOf {
        base: Base,
        width: usize,
        column: usize,
    },
}

/// A pid of fewer digits is often some other small number.
const LEAST_PID: u32 = 100;

/// As far as counters and numbers of entries are looked for.
const MOST_STEP: i128 = 4096;

impl Source {
    /// What explains a number that was this in each of the runs. `wrap` is the number of texts as wide as these, if they
    /// are all as wide.
    pub(super) fn find(numbers: &[u128], runs: &[Run], wrap: Option<u128>) -> Option<Source> {
        let each = |fits: &dyn Fn(u128, &Facts) -> bool| {
            numbers.iter().zip(runs).all(|(number, run)| fits(*number, &run.facts))
        };
        let is_pid = |number: u128, facts: &Facts| facts.pids.iter().any(|pid| number == u128::from(*pid));
        if numbers.iter().all(|number| *number >= u128::from(LEAST_PID)) && each(&is_pid) {
            return Some(Source::Pid);
        }
        if numbers.windows(2).all(|pair| pair[0] == pair[1]) {
            return None;
        }
        let showed = |reading: &Reading| each(&|number, f: &Facts| reading.fits(number, f.before, f.after));
        let clock = Reading::all(wrap).find(showed).map(Source::Clock);
        clock.or_else(|| Source::entries(numbers, runs)).or_else(|| Source::counter(numbers, runs))
    }

    fn entries(numbers: &[u128], runs: &[Run]) -> Option<Source> {
        let mut more = numbers
            .iter()
            .zip(runs)
            .map(|(number, run)| i64::try_from(*number).ok().map(|number| number - run.facts.entries as i64));
        let first = more.next()??;
        (i128::from(first).abs() <= MOST_STEP && more.all(|other| other == Some(first)))
            .then_some(Source::Entries(first))
    }

    fn counter(numbers: &[u128], runs: &[Run]) -> Option<Source> {
        let signed: Option<Vec<i128>> = numbers.iter().map(|n| i128::try_from(*n).ok()).collect();
        let signed = signed.filter(|signed| signed.len() >= 3)?;
        let serial = |at: usize| i128::from(runs[at].facts.serial);
        let (grown, passed) = (signed[1].checked_sub(signed[0])?, serial(1) - serial(0));
        let step = grown.checked_div(passed).filter(|step| (1..=MOST_STEP).contains(&step.abs()))?;
        let zero = signed[0].checked_sub(step * serial(0))?;
        let fits = |at: usize| zero.checked_add(step * serial(at)) == Some(signed[at]);
        (0..signed.len()).all(fits).then_some(Source::Counter { zero, step: step as i64 })
    }

    /// What it was in a run that is over; a clock may have been read at any time of it.
    pub(super) fn was(self, facts: &Facts, most: usize) -> Vec<u128> {
        match self {
            Source::Pid => facts.pids.iter().map(|pid| u128::from(*pid)).collect(),
            Source::Uid => vec![facts.uid.into()],
            Source::Clock(reading) => reading.between(facts.before, facts.after, most),
            Source::Entries(more) => positive(i128::from(facts.entries) + i128::from(more)),
            Source::Counter { .. } | Source::AnyOf { .. } => Vec::new(),
        }
    }

    /// What it may be in a run to come, at most so many.
    pub(super) fn values(self, known: &Known, most: usize) -> Vec<u128> {
        match self {
            Source::Pid => known.pids.iter().map(|pid| u128::from(*pid)).collect(),
            Source::Uid => vec![known.uid.into()],
            Source::Clock(reading) => reading.ahead(known.now, known.horizon, most),
            Source::Entries(more) => positive(i128::from(known.entries) + i128::from(more)),
            Source::Counter { zero, step } => {
                positive(zero.saturating_add(i128::from(step) * i128::from(known.serial)))
            }
            Source::AnyOf { base, width, .. } => {
                (0..base.count(width).unwrap_or(u128::MAX)).take(most + 1).collect()
            }
        }
    }
}

fn positive(number: i128) -> Vec<u128> {
    u128::try_from(number).into_iter().collect()
}
