//! Jobs timed in turns, so that whatever slows the machine down slows all of them down alike.

use crate::Setup;
use std::time::{Duration, Instant};

/// One turn of a job; returns the microseconds that one repetition of it takes.
pub(crate) type Job<'a> = &'a mut dyn FnMut() -> anyhow::Result<f64>;

/// The times of one repetition of each job in microseconds, round by round.
pub(crate) struct Turns(Vec<Vec<f64>>);

/// Rounds that are made however long they take, unless fewer were asked for.
const LEAST: usize = 5;

/// Time after which no other round is begun.
const ENOUGH: Duration = Duration::from_millis(1500);

impl Turns {
    /// Lets each job have its turn, in that many rounds or as many as there is time for.
    pub(crate) fn take(setup: &Setup, rounds: usize, jobs: &mut [Job<'_>]) -> anyhow::Result<Turns> {
        let mut round = || jobs.iter_mut().map(|job| job()).collect::<anyhow::Result<Vec<f64>>>();
        // The first round warms up.
        round()?;
        let start = Instant::now();
        let mut all = Vec::new();
        while all.len() < setup.rounds.min(rounds).max(1) && (all.len() < LEAST || start.elapsed() < ENOUGH) {
            all.push(round()?);
        }
        Ok(Turns(all))
    }

    /// The median, over all rounds, of a figure made from the times of one round.
    pub(crate) fn median(&self, figure: impl Fn(&[f64]) -> f64) -> f64 {
        median(self.0.iter().map(|round| figure(round)).collect())
    }
}

/// The figure in the middle; not a number of none.
pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A job that is repeated in each turn, since it takes well under a millisecond.
pub(crate) fn repeated(
    times: u32,
    mut work: impl FnMut() -> anyhow::Result<()>,
) -> impl FnMut() -> anyhow::Result<f64> {
    move || {
        let start = Instant::now();
        for _ in 0..times {
            work()?;
        }
        Ok(micros(start) / f64::from(times))
    }
}

/// Microseconds since then.
pub(crate) fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_made_within_rounds_before_the_median_is_taken() {
        // The machine was ten times slower in the second round.
        let turns = Turns(vec![vec![1.0, 2.0], vec![10.0, 20.0], vec![1.5, 3.0]]);
        assert!((turns.median(|t| t[1] / t[0]) - 2.0).abs() < 1e-9);
        assert!((turns.median(|t| t[0]) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn there_are_as_many_rounds_as_were_asked_for_and_one_to_warm_up() {
        let setup = Setup { rounds: 2, ..Setup::new(linkbait::Host::detect()) };
        let mut turns = 0;
        let taken = Turns::take(
            &setup,
            100,
            &mut [&mut || {
                turns += 1;
                Ok(1.0)
            }],
        );
        assert_eq!(taken.expect("no job fails").0.len(), 2);
        assert_eq!(turns, 3);
    }
}
