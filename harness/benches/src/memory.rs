//! What many trials in one process leave behind: memory, descriptors, threads, mounts.

use crate::Setup;
use crate::rows::{Amount, Promise, Row, Section};
use crate::trials::named_temp_file;
use crate::turns::micros;
use linkbait::{Class, Error, Judge, Schedule, Session};
use std::fs;
use std::time::Instant;

/// Trials after which nothing may grow any more.
const WARM: u64 = 10_000;

/// A process may grow by so much, however many trials follow.
const GROWN: Promise = Promise::Within(Amount::Memory(1024.0));
const NONE: Promise = Promise::Within(Amount::Number(0.0));

/// What a process holds.
#[derive(Clone, Copy)]
struct Held {
    kib: f64,
    descriptors: f64,
    threads: f64,
    mounts: f64,
}

impl Held {
    fn now() -> Held {
        let count = |dir: &str| fs::read_dir(dir).map_or(f64::NAN, |all| all.count() as f64);
        let lines = |file: &str| fs::read_to_string(file).map_or(f64::NAN, |all| all.lines().count() as f64);
        Held {
            kib: resident(),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            // Those of the engine's own mount namespace.
            mounts: lines("/proc/thread-self/mounts"),
        }
    }
}

/// KiB that the process has in memory; not a number where nobody tells.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let warm = WARM.min(setup.trials / 10).max(1);
    let rest = setup.trials.saturating_sub(warm).max(1);
    let victim = linkbait::victim("NamedTempFile", named_temp_file);
    let judge = Judge::new(setup.host.clone());
    let (before, after, each) = judge.session(&victim, Class::OtherUser, 0o022, |session| {
        let schedules = session.schedules();
        run(session, &schedules, warm)?;
        let before = Held::now();
        let start = Instant::now();
        run(session, &schedules, rest)?;
        let each = micros(start) / rest as f64;
        Ok((before, Held::now(), each))
    })?;
    Ok(vec![section(warm, rest, before, after, each)])
}

fn run(session: &mut Session<'_>, schedules: &[Schedule], trials: u64) -> Result<(), Error> {
    let trials = usize::try_from(trials).unwrap_or(usize::MAX);
    schedules.iter().cycle().take(trials).try_for_each(|schedule| session.run(schedule).map(drop))
}

fn section(warm: u64, rest: u64, before: Held, after: Held, each: f64) -> Section {
    const HUNDRED_THOUSAND: f64 = 1e5;
    let mut section = Section::new(format!("memory, {} trials of NamedTempFile in one process", warm + rest));
    let grown = after.kib - before.kib;
    section.row(Row::new(format!("in memory after {warm} trials"), Amount::Memory(before.kib)));
    let row = Row::new(format!("grown after {rest} more"), Amount::Memory(grown)).rate(1e6 / each);
    section.row(row.ratio(after.kib / before.kib, "what it was").promised(GROWN));
    let by_count = grown * HUNDRED_THOUSAND / rest as f64;
    section.row(Row::new("grown for each 100000 trials", Amount::Memory(by_count)));
    for (what, grown) in [
        ("descriptors more", after.descriptors - before.descriptors),
        ("threads more", after.threads - before.threads),
        ("mounts more", after.mounts - before.mounts),
    ] {
        section.row(Row::new(what, Amount::Number(grown)).promised(NONE));
    }
    section
}
