//! What a second core is worth: two engines at once, threads of one process, against one.

use crate::Setup;
use crate::cores;
use crate::kept::{Kept, Runs};
use crate::rows::{Promise, Row, Section};
use crate::trials::{beside_the_arenas, named_temp_file};
use crate::turns::{Turns, micros};
use anyhow::{Context, anyhow};
use linkbait::Judge;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 40;

/// How often an engine tries all schedules, and how often the bare work is done, in one round.
const RUNS: u32 = 16;
const BARE: u32 = 1000;

/// Trials of two engines, of those of one.
const PROMISED: Promise = Promise::AtLeast(1.7);

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("two engines at once");
    if setup.host.cores() < 2 {
        section.note("not measured: there is one core only");
        return Ok(vec![section]);
    }
    let judge = Judge::new(setup.host.clone());
    let victim = linkbait::victim("NamedTempFile", named_temp_file);
    // Of one host engines get cores in turn.
    let start = || Kept::start(&judge, &victim, Runs::Planted);
    let (mut first, mut second) = (start()?, start()?);
    let trials = f64::from(RUNS) * first.schedules as f64;
    // Two threads would wait for each other in one directory, or on one core; two engines have an arena and a core each.
    let (here, there) = (beside_the_arenas(setup)?, beside_the_arenas(setup)?);
    let places: Vec<(&Path, usize)> = [here.path(), there.path()].into_iter().zip(cores::all()?).collect();
    let turns = {
        let engines = std::cell::RefCell::new((&mut first, &mut second));
        let mut one = || engines.borrow_mut().0.run(RUNS);
        let mut two = || {
            let (first, second) = &mut *engines.borrow_mut();
            let start = Instant::now();
            first.begin(RUNS);
            second.begin(RUNS);
            first.end().and(second.end())?;
            Ok(micros(start) / (2.0 * trials))
        };
        let mut bare = || on_threads(&places[..1]);
        let mut bare_twice = || on_threads(&places);
        Turns::take(setup, ROUNDS, &mut [&mut bare, &mut bare_twice, &mut one, &mut two])?
    };
    section.row(Row::each("bare file work on one thread", turns.median(|t| t[0])));
    let both = Row::each("bare file work on two threads", turns.median(|t| t[1]));
    section.row(both.ratio(turns.median(|t| t[0] / t[1]), "the rate of one"));
    section.row(Row::each("a trial, one engine", turns.median(|t| t[2])));
    let both = Row::each("a trial, two engines", turns.median(|t| t[3]));
    section.row(both.ratio(turns.median(|t| t[2] / t[3]), "the rate of one").promised(PROMISED));
    Ok(vec![section])
}

/// The microseconds that one run of the body takes when a thread runs it in each of these directories, on that core.
fn on_threads(places: &[(&Path, usize)]) -> anyhow::Result<f64> {
    let work = |(place, core)| {
        cores::stay_on(core)?;
        (0..BARE).try_for_each(|_| named_temp_file(place)).context("the work, bare")
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let all: Vec<_> = places.iter().map(|at| scope.spawn(move || work(*at))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join();
        all.into_iter()
            .try_for_each(|thread| join(thread).unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
    })?;
    Ok(micros(start) / (f64::from(BARE) * places.len() as f64))
}
