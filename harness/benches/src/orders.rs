//! What an order of the steps of two processes of the model costs our enumerator.

use crate::Setup;
use crate::cores;
use crate::floor::PingPong;
use crate::rows::{Row, Section};
use crate::turns::{Turns, micros, repeated};
use anyhow::anyhow;
use linkbait::{Actor, Ground, Moment, Stops, interleave};
use linkbait_races::protocols::{PAIRS, Pair};
use std::time::Instant;

const ROUNDS: usize = 20;

/// More orders than any of these protocols has.
const MOST: u64 = 100_000;

/// What was run.
#[derive(Clone, Copy, Default)]
struct Ran {
    orders: u64,
    steps: u64,
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let on_a_thread = std::thread::scope(|scope| scope.spawn(|| on_one_core(setup)).join());
    Ok(vec![on_a_thread.map_err(|_| anyhow!("a thread panicked"))??])
}

/// The threads of both have to take turns, which they do fastest on one core.
fn on_one_core(setup: &Setup) -> anyhow::Result<Section> {
    cores::all()?.first().copied().map_or(Ok(()), cores::stay_on)?;
    let floor = PingPong::start();
    let mut play = repeated(64, floor.job());
    let mut ran = Ran::default();
    let mut all = || {
        let start = Instant::now();
        ran = Ran::default();
        PAIRS.iter().try_for_each(|pair| run(pair, &mut ran))?;
        Ok(micros(start))
    };
    let turns = Turns::take(setup, ROUNDS, &mut [&mut play, &mut all])?;
    let (orders, steps) = (ran.orders as f64, ran.steps as f64);
    let mut section = Section::new(format!("{} protocols and their attackers, {orders} orders", PAIRS.len()));
    section.row(Row::time("futex ping-pong on one core", turns.median(|t| t[0])));
    section.row(Row::each("an order, by our enumerator", turns.median(|t| t[1] / orders)));
    let row = Row::each("a step", turns.median(|t| t[1] / steps));
    section.row(row.ratio(turns.median(|t| t[1] / steps / t[0]), "ping-pong"));
    section.note(
        "loom needs a build of its own: RUSTFLAGS=\"--cfg loom\" cargo test --target-dir target/loom -p linkbait-races --test loom -- --nocapture \
         says of each protocol how many times as long loom takes for the same orders",
    );
    Ok(section)
}

/// The repaired protocol beside its attacker, a step for each name of a path.
fn run(pair: &'static Pair, ran: &mut Ran) -> anyhow::Result<()> {
    let [_, victim] = pair.victims();
    let ground = Ground::of(&victim, pair.class);
    let actors =
        [Actor::new(ground.victim, pair.repaired), Actor::new(ground.attacker, |files| pair.attack(files))];
    ran.orders += interleave(&ground.model, &actors, Stops::Names, MOST, |moment| {
        ran.steps += u64::from(matches!(moment, Moment::Step(_)));
    })?;
    Ok(())
}
