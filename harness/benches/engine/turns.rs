//! Jobs timed in turns, so that whatever slows the machine down slows all of them down alike.

use std::time::Instant;

/// Work that is timed, and how often in a row: what takes well under a millisecond is repeated.
pub(crate) struct Job<'a> {
    pub(crate) repeat: u32,
    pub(crate) work: &'a mut dyn FnMut(),
}

/// The times of one repetition of each job in microseconds, round by round.
pub(crate) struct Turns(Vec<Vec<f64>>);

impl Turns {
    pub(crate) fn take(rounds: usize, jobs: &mut [Job<'_>]) -> Turns {
        let mut round = || jobs.iter_mut().map(timed).collect();
        // The first round warms up.
        let _: Vec<f64> = round();
        Turns((0..rounds).map(|_| round()).collect())
    }

    /// The median, over all rounds, of a figure made from the times of one round.
    pub(crate) fn median(&self, figure: impl Fn(&[f64]) -> f64) -> f64 {
        let mut all: Vec<f64> = self.0.iter().map(|round| figure(round)).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    }
}

fn timed(job: &mut Job<'_>) -> f64 {
    let start = Instant::now();
    for _ in 0..job.repeat {
        (job.work)();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(job.repeat)
}
