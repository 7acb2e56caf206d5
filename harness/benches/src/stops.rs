//! What a stop costs: a victim that makes twice as many calls takes that much longer.

use crate::Setup;
use crate::floor::PingPong;
use crate::rows::{Promise, Row, Section};
use crate::trials::beside_the_arenas;
use crate::turns::{Turns, repeated};
use linkbait::{Class, Judge, Schedule, Session};
use rustix::fs::Access;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Calls of a trial; the other trial makes twice as many.
const CALLS: u32 = 32;
const ROUNDS: usize = 400;

/// A stop may cost this many times what two switches between threads cost.
const PROMISED: Promise = Promise::AtMost(1.3);

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

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let wanted = Arc::new(Wanted::default());
    wanted.set(CALLS, 0);
    let theirs = Arc::clone(&wanted);
    let victim = linkbait::victim("asks", move |dir| {
        ask(dir, theirs.inside.load(Ordering::Relaxed));
        ask_in_vain(theirs.elsewhere.load(Ordering::Relaxed));
    });
    let turns = Judge::new(setup.host.clone())
        .session(&victim, Class::OtherUser, 0o022, |session| Ok(on_engine(session, &wanted, setup)))??;
    Ok(vec![section(&turns)])
}

pub(crate) fn ask(path: &Path, times: u32) {
    for _ in 0..times {
        // Whether it is there does not matter.
        let _ = rustix::fs::stat(path);
    }
}

/// Calls that name a file, and that the kernel refuses for their mode before it looks for one (access(2), EINVAL).
pub(crate) fn ask_in_vain(times: u32) {
    let no_mode = Access::from_bits_retain(0o10);
    for _ in 0..times {
        let _ = rustix::fs::access("/", no_mode);
    }
}

fn on_engine(session: &mut Session<'_>, wanted: &Wanted, setup: &Setup) -> anyhow::Result<Turns> {
    let floor = PingPong::start();
    let alone = Schedule::default();
    let session = RefCell::new(session);
    let trial = |inside, elsewhere| {
        wanted.set(inside, elsewhere);
        session.borrow_mut().run(&alone).map(drop).map_err(Into::into)
    };
    let place = beside_the_arenas(setup)?;
    let stat = || {
        ask(place.path(), 1);
        Ok(())
    };
    let access = || {
        ask_in_vain(1);
        Ok(())
    };
    Turns::take(
        setup,
        ROUNDS,
        &mut [
            &mut repeated(2 * CALLS, floor.job()),
            &mut repeated(1, || trial(CALLS, 0)),
            &mut repeated(1, || trial(2 * CALLS, 0)),
            &mut repeated(1, || trial(0, CALLS)),
            &mut repeated(1, || trial(0, 2 * CALLS)),
            &mut repeated(2 * CALLS, stat),
            &mut repeated(2 * CALLS, access),
        ],
    )
}

fn section(turns: &Turns) -> Section {
    const FLOOR: &str = "ping-pong";
    let inside = |t: &[f64]| (t[2] - t[1]) / f64::from(CALLS);
    let elsewhere = |t: &[f64]| (t[4] - t[3]) / f64::from(CALLS);
    let mut section = Section::new("a stop");
    section.row(Row::time("futex ping-pong on one core", turns.median(|t| t[0])));
    section.row(Row::time("access that is refused at once, not supervised", turns.median(|t| t[6])));
    section.row(Row::time("stat, not supervised", turns.median(|t| t[5])));
    let mut stop = |what, cost: &dyn Fn(&[f64]) -> f64| {
        let row = Row::time(what, turns.median(cost)).ratio(turns.median(|t| cost(t) / t[0]), FLOOR);
        section.row(row.promised(PROMISED));
    };
    stop("a stop that is only let go (that access)", &elsewhere);
    stop("a stop in the arena (stat): decoded, made and answered", &inside);
    stop("the same without the call itself", &|t| inside(t) - t[5]);
    section
}
