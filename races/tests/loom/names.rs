//! Names that no two threads and no two processes get: the counter and the generator.

use super::{Case, both, check};
use linkbait::sync::atomic::{AtomicBool, Ordering};
use linkbait_races::inprocess::counter::Counter;
use linkbait_races::inprocess::process::{Process, Wrongs};
use linkbait_races::inprocess::reseed::{Generator, TwoWords};
use linkbait_races::inprocess::{Name, System};
use std::sync::Arc;

/// Runs both at once; what they draw must all differ.
fn all_differ<T: Ord + Send + 'static>(
    there: impl FnOnce() -> Vec<T> + Send + 'static,
    here: impl FnOnce() -> Vec<T>,
) -> Wrongs {
    let (mut names, theirs) = both(there, here);
    names.extend(theirs);
    names.sort();
    let repeated = names.windows(2).any(|pair| pair[0] == pair[1]);
    repeated.then_some("repeated").into_iter().collect()
}

fn count_in_two_threads(take: fn(&Counter) -> Name) -> Wrongs {
    let counter = Arc::new(Counter::default());
    let theirs = Arc::clone(&counter);
    all_differ(move || vec![take(&theirs), take(&theirs)], move || vec![take(&counter), take(&counter)])
}

type Draw = fn(&Generator, &Process) -> u64;

/// The process forks at any moment of another thread's drawing.
fn fork_while_drawing(draw: Draw) -> Wrongs {
    let process = Process::first();
    let (generator, child) = (Arc::new(Generator::new(&process)), process.other(2));
    let theirs = Arc::clone(&generator);
    let fork = move || {
        let copy = theirs.fork();
        vec![draw(&copy, &child), draw(&copy, &child)]
    };
    all_differ(fork, move || vec![draw(&generator, &process), draw(&generator, &process)])
}

/// A child that was forked by a handler after its thread had asked for the pid: it goes on with the parent's.
struct Resumed {
    child: Process,
    asked: AtomicBool,
}

impl System for Resumed {
    fn pid(&self) -> u32 {
        if self.asked.swap(false, Ordering::Relaxed) { 1 } else { self.child.pid() }
    }

    fn create(&self, name: Name) -> bool {
        self.child.create(name)
    }

    fn remove(&self, name: Name) {
        self.child.remove(name);
    }

    fn masked<T>(&self, work: impl FnOnce() -> T) -> T {
        self.child.masked(work)
    }
}

fn fork_between_check_and_use(draw: fn(&Generator, &Resumed) -> u64) -> Wrongs {
    let process = Process::first();
    let generator = Arc::new(Generator::new(&process));
    let (theirs, child) = (Arc::clone(&generator), process.other(2));
    let resume = move || {
        let resumed = Resumed { child, asked: AtomicBool::new(true) };
        vec![draw(&theirs.fork(), &resumed)]
    };
    all_differ(resume, move || vec![generator.draw(&process)])
}

/// Two threads of the child notice the fork at once; the parent has drawn before.
fn notice_in_two_threads<G: Send + Sync + 'static>(
    parent: &G,
    fork: fn(&G) -> G,
    draw: fn(&G, &Process) -> u64,
) -> Wrongs {
    let process = Process::first();
    let before = draw(parent, &process);
    let (copy, child) = (Arc::new(fork(parent)), process.other(2));
    // What comes after the fork in the parent.
    let after = draw(parent, &process);
    let (theirs, thread) = (Arc::clone(&copy), child.clone());
    all_differ(move || vec![draw(&theirs, &thread)], move || vec![before, after, draw(&copy, &child)])
}

#[test]
fn no_two_threads_get_the_same_number() {
    check(&[
        Case {
            name: "counter/repaired",
            model: || count_in_two_threads(Counter::take),
            outcome: "14 interleavings, clean",
        },
        Case {
            name: "counter/two steps",
            model: || count_in_two_threads(Counter::take_in_two_steps),
            outcome: "94 interleavings, repeated in 91",
        },
    ]);
}

#[test]
fn a_child_never_repeats_its_parents_names() {
    check(&[
        Case {
            name: "reseed/repaired",
            model: || fork_while_drawing(Generator::draw),
            outcome: "19 interleavings, clean",
        },
        Case {
            name: "reseed/never asks",
            model: || fork_while_drawing(|generator, _| generator.draw_unasked()),
            outcome: "19 interleavings, repeated in 16",
        },
        Case {
            name: "reseed between check and use/repaired",
            model: || fork_between_check_and_use(Generator::draw),
            outcome: "6 interleavings, clean",
        },
        Case {
            name: "reseed between check and use/asks before",
            model: || fork_between_check_and_use(Generator::draw_asked_before),
            outcome: "6 interleavings, repeated in 4",
        },
        Case {
            name: "reseed in two threads/repaired",
            model: || {
                notice_in_two_threads(&Generator::new(&Process::first()), Generator::fork, Generator::draw)
            },
            outcome: "7 interleavings, clean",
        },
        Case {
            name: "reseed in two threads/two words",
            model: || {
                notice_in_two_threads(&TwoWords::new(&Process::first()), TwoWords::fork, TwoWords::draw)
            },
            outcome: "32 interleavings, repeated in 10",
        },
    ]);
}
