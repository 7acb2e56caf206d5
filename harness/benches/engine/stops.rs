//! What a stop costs: a victim that makes twice as many calls takes that much longer.

use crate::criterion;
use crate::floor::PingPong;
use crate::table::{Promise, Table};
use crate::turns::{Job, Turns};
use linkbait::{Class, Error, Host, Judge, Schedule, Session};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Calls of a trial; the other trial makes twice as many.
const CALLS: u32 = 32;
const ROUNDS: usize = 400;

/// A stop may cost this many times what two switches between threads cost.
const PROMISED: f64 = 1.3;

/// How many calls the victim makes next, in the arena and elsewhere.
#[derive(Default)]
struct Wanted {
    inside: AtomicU32,
    elsewhere: AtomicU32,
}

impl Wanted {
    fn set(&self, inside: u32, elsewhere: u32) {
        self.inside.store(inside, Ordering::Relaxed);
        self.elsewhere.store(elsewhere, Ordering::Relaxed);
    }
}

pub(crate) fn measure(host: &Host, table: &mut Table) -> Result<(), Error> {
    let wanted = Arc::new(Wanted::default());
    wanted.set(CALLS, 0);
    let theirs = Arc::clone(&wanted);
    let victim = linkbait::victim("asks", move |dir| {
        ask(dir, theirs.inside.load(Ordering::Relaxed));
        ask(Path::new("/"), theirs.elsewhere.load(Ordering::Relaxed));
    });
    let turns = Judge::new(host.clone())
        .session(&victim, Class::OtherUser, 0o022, |session| Ok(on_engine(session, &wanted, host)))?;
    report(&turns, table);
    Ok(())
}

fn ask(path: &Path, times: u32) {
    for _ in 0..times {
        // Whether it is there does not matter.
        let _ = rustix::fs::stat(path);
    }
}

fn on_engine(session: &mut Session<'_>, wanted: &Wanted, host: &Host) -> Turns {
    let floor = PingPong::start();
    let alone = Schedule::default();
    let session = std::cell::RefCell::new(session);
    let trial = |inside, elsewhere| {
        wanted.set(inside, elsewhere);
        session.borrow_mut().run(&alone).expect("the engine works");
    };
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("stop");
    group.bench_function("futex ping-pong", |b| b.iter(|| floor.play()));
    group.bench_function("32 calls in the arena", |b| b.iter(|| trial(CALLS, 0)));
    group.bench_function("64 calls in the arena", |b| b.iter(|| trial(2 * CALLS, 0)));
    group.bench_function("32 calls elsewhere", |b| b.iter(|| trial(0, CALLS)));
    group.bench_function("64 calls elsewhere", |b| b.iter(|| trial(0, 2 * CALLS)));
    group.finish();
    criterion.final_summary();
    Turns::take(
        ROUNDS,
        &mut [
            Job { repeat: 2 * CALLS, work: &mut || floor.play() },
            Job { repeat: 1, work: &mut || trial(CALLS, 0) },
            Job { repeat: 1, work: &mut || trial(2 * CALLS, 0) },
            Job { repeat: 1, work: &mut || trial(0, CALLS) },
            Job { repeat: 1, work: &mut || trial(0, 2 * CALLS) },
            Job { repeat: 2 * CALLS, work: &mut || ask(host.place(), 1) },
        ],
    )
}

fn report(turns: &Turns, table: &mut Table) {
    let inside = |t: &[f64]| (t[2] - t[1]) / f64::from(CALLS);
    let elsewhere = |t: &[f64]| (t[4] - t[3]) / f64::from(CALLS);
    table.head("a stop");
    table.time("futex ping-pong on one core", turns.median(|t| t[0]));
    table.time("the call alone (stat, not supervised)", turns.median(|t| t[5]));
    let promise = Some(Promise::AtMost(PROMISED));
    table.ratio(
        "stop that is only let go (stat of /), x ping-pong",
        turns.median(elsewhere),
        turns.median(|t| elsewhere(t) / t[0]),
        promise,
    );
    table.ratio(
        "stop in the arena, noted, made and answered, x ping-pong",
        turns.median(inside),
        turns.median(|t| inside(t) / t[0]),
        promise,
    );
    table.ratio(
        "the same without the call itself, x ping-pong",
        turns.median(|t| inside(t) - t[5]),
        turns.median(|t| (inside(t) - t[5]) / t[0]),
        promise,
    );
}
