//! The file protocols on the model, attacker and victim on a thread each: loom orders their calls, or each name of a path.
//! It must come to the same orders as our own explorer, which runs each once.

use crate::{both, sync};
use linkbait::model::{Call, Files, Model, Reply, Task};
use linkbait::under_loom::explore;
use linkbait::{Actor, Ground, Stops, interleave};
use linkbait_races::inprocess::process::Wrongs;
use linkbait_races::protocols::{PAIRS, Pair, Result, Run, WALKED, harm};
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Instant;
use sync::{Arc, Mutex};

/// Whose step each was.
type Order = Vec<u32>;

/// The orders that loom came to. Of the standard library, so that noting one is no step of the model.
type Orders = std::sync::Arc<std::sync::Mutex<BTreeSet<Order>>>;

/// What both threads use.
struct Shared {
    before: Model,
    model: Model,
    attacker: u32,
    wrong: Wrongs,
    order: Order,
}

/// The file system as one of the threads sees it.
struct Seen {
    shared: Arc<Mutex<Shared>>,
    task: Task,
    uid: u32,
    stops: Stops,
}

impl Seen {
    /// Does something that no other thread sees half done.
    fn at_once<T>(&self, does: impl FnOnce(&mut Model) -> T) -> T {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let done = does(&mut shared.model);
        shared.order.push(self.uid);
        let wrong = harm(&shared.before, &shared.model, shared.attacker);
        shared.wrong.extend(wrong);
        done
    }
}

impl Files for Seen {
    fn call(&self, call: Call) -> Result<Reply> {
        if self.stops == Stops::Calls {
            return self.at_once(|model| model.perform(self.task, &call));
        }
        let mut pending = None;
        loop {
            let answer = self.at_once(|model| {
                let pending = pending.get_or_insert_with(|| model.begin(self.task, call.clone()));
                model.step(pending)
            });
            if let Some(answer) = answer {
                return answer;
            }
        }
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn uid(&self) -> u32 {
        self.uid
    }
}

/// Victim and attacker at once.
fn run(pair: &'static Pair, protocol: Run, stops: Stops, orders: &Orders) -> Wrongs {
    let [victim, _] = pair.victims();
    let Ground { model, victim, attacker, .. } = Ground::of(&victim, pair.class);
    let (own, theirs) = (model.uid(victim), model.uid(attacker));
    let (before, wrong, order) = (model.clone(), Wrongs::new(), Order::new());
    let shared = Arc::new(Mutex::new(Shared { before, model, attacker: theirs, wrong, order }));
    let seen = |task, uid| Seen { shared: Arc::clone(&shared), task, uid, stops };
    let (here, there) = (seen(victim, own), seen(attacker, theirs));
    let _ = both(move || pair.attack(&there), move || protocol(&here));
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    orders.lock().unwrap_or_else(PoisonError::into_inner).insert(std::mem::take(&mut shared.order));
    std::mem::take(&mut shared.wrong)
}

/// How many orders our own explorer comes to.
fn orders(pair: &'static Pair, protocol: Run, stops: Stops) -> usize {
    let [victim, _] = pair.victims();
    let ground = Ground::of(&victim, pair.class);
    let actors =
        [Actor::new(ground.victim, protocol), Actor::new(ground.attacker, |files| pair.attack(files))];
    interleave(&ground.model, &actors, stops, 100_000, |_| {}).expect("there are fewer") as usize
}

/// Explores one; whether there is harm in any order.
fn is_harmful(pair: &'static Pair, protocol: Run, stops: Stops) -> bool {
    let seen = Orders::default();
    let noted = Orders::clone(&seen);
    let start = Instant::now();
    let explored = explore(move || run(pair, protocol, stops, &noted));
    let by_loom = start.elapsed();
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).len();
    let start = Instant::now();
    let ours = orders(pair, protocol, stops);
    let times = by_loom.as_secs_f64() / start.elapsed().as_secs_f64();
    println!("{}, {stops:?}: {seen} orders in {explored}; loom takes {times:.1} times as long", pair.name);
    assert_eq!(seen, ours, "{}, {stops:?}", pair.name);
    !explored.wrong.is_empty()
}

#[test]
fn loom_and_our_own_explorer_come_to_the_same_orders_and_the_same_harm() {
    for stops in [Stops::Calls, Stops::Names] {
        for pair in &PAIRS {
            assert!(is_harmful(pair, pair.broken, stops), "{}", pair.name);
            assert!(!is_harmful(pair, pair.repaired, stops), "{}", pair.name);
        }
        assert_eq!(is_harmful(&WALKED, WALKED.broken, stops), stops == Stops::Names);
        assert!(!is_harmful(&WALKED, WALKED.repaired, stops));
    }
}
