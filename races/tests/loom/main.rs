//! The in-process protocols in every interleaving of their threads, by loom, with the exact number of interleavings:
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p linkbait-races --test loom -- --nocapture
//! ```
//!
//! Without `--cfg loom` the repaired twins run on the system's threads a number of times, which explores nothing; that
//! the interleavings were not explored shows as an ignored test.

#[cfg(loom)]
mod files;
mod gate;
/// The library's own file: what is private there cannot be reached in another way.
#[path = "../../../harness/src/attacker/gate.rs"]
mod hand_over;
mod limits;
mod names;
mod registry;

use linkbait::sync::{self, thread};
use linkbait_races::inprocess::process::Wrongs;

/// A model of a protocol at work.
struct Case {
    name: &'static str,
    /// Returns what went wrong.
    model: fn() -> Wrongs,
    /// How many interleavings there are, and what goes wrong in how many of them.
    outcome: &'static str,
}

/// Runs both at once: `here` on this thread, `there` on another.
fn both<T: Send + 'static>(there: impl FnOnce() -> T + Send + 'static, here: impl FnOnce() -> T) -> (T, T) {
    let other = thread::spawn(there);
    let here = here();
    (here, other.join().expect("the other thread did not panic"))
}

#[cfg(loom)]
fn check(cases: &[Case]) {
    let mut differ = Vec::new();
    for case in cases {
        let outcome = linkbait::under_loom::explore(case.model).to_string();
        println!("{}: {outcome}", case.name);
        if outcome != case.outcome {
            differ.push(format!("{}: {outcome}, not {}", case.name, case.outcome));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// Broken twins go wrong by luck only, or hang, so they are left out here.
#[cfg(not(loom))]
fn check(cases: &[Case]) {
    const RUNS: usize = 300;
    for case in cases.iter().filter(|case| case.outcome.ends_with("clean")) {
        for _ in 0..RUNS {
            let wrong = (case.model)();
            assert!(wrong.is_empty(), "{}: {wrong:?}", case.name);
        }
        println!("{}: {RUNS} runs; not explored: {}", case.name, case.outcome);
    }
}

#[cfg(not(loom))]
#[test]
#[ignore = "explored only with RUSTFLAGS=\"--cfg loom\""]
fn all_interleavings_are_explored() {
    panic!("built without --cfg loom");
}
