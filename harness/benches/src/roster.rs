//! What the whole roster takes, on all cores.

use crate::Setup;
use crate::rows::{Amount, Promise, Row, Section};
use crate::turns::micros;
use linkbait::{Error, ErrorKind, Judge, Victim};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const PROMISED: Promise = Promise::Within(Amount::Time(10e6));

/// What came of one victim: how long it took, and in how many trials.
struct Done {
    micros: f64,
    trials: Result<u64, Error>,
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let jobs = setup.host.at_once(setup.host.cores());
    let start = Instant::now();
    let done = judge_all(&Judge::new(setup.host.clone()), &setup.roster, jobs);
    let wall = micros(start);
    let mut section = Section::new(format!("the roster, {} victims, {jobs} at once", setup.roster.len()));
    // Neither can be beaten by any order of the victims.
    let longest = done.iter().map(|one| one.micros).fold(0.0, f64::max);
    let shared = done.iter().map(|one| one.micros).sum::<f64>() / jobs as f64;
    let least = longest.max(shared);
    let mut trials = 0;
    for one in done {
        match one.trials {
            Ok(count) => trials += count,
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
                section.note(format!("not judged: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    section.row(Row::time("the victim that takes longest", longest));
    section.row(Row::time("all of them, spread evenly", shared));
    let row = Row::time("wall time", wall).rate(trials as f64 * 1e6 / wall);
    section.row(row.ratio(wall / least, "the least there can be").promised(PROMISED));
    section.row(Row::new("trials", Amount::Number(trials as f64)));
    Ok(vec![section])
}

fn judge_all(judge: &Judge, victims: &[Victim], jobs: usize) -> Vec<Done> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(victim) = victims.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let trials = judge.judge(victim).map(|report| report.trials);
                    let one = Done { micros: micros(start), trials };
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(one);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}
