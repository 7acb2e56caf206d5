//! The clean-up registry against signals, its own threads, forks, and other processes.

use super::{Case, both, check};
use linkbait::sync::atomic::{AtomicBool, Ordering};
use linkbait_races::inprocess::locked::LockedRegistry;
use linkbait_races::inprocess::process::{Interrupted, Process, Wrongs};
use linkbait_races::inprocess::registry::{Registered, Registry};
use linkbait_races::inprocess::{Name, System};
use std::cell::Cell;
use std::sync::Arc;

type Table = Registry<1>;
type Create = fn(&Table, &Process, Name) -> Option<Registered>;
type Remove = fn(&Table, &Process, Registered);
type End = fn(&Table, &Process);

// Names begin at 1, as a slot's name is 0 before it is written.

/// A process whose file 1 is registered.
fn with_a_file() -> (Arc<Table>, Process, Registered) {
    let (registry, process) = (Arc::new(Table::default()), Process::first());
    let file = registry.create(&process, 1).expect("there is room");
    (registry, process, file)
}

/// The handler to its end, with which the process ends.
fn end<const SLOTS: usize>(registry: &Registry<SLOTS>, process: &Process) {
    registry.end(process);
    process.end();
}

fn create_against_a_signal(create: Create) -> Wrongs {
    let (registry, process) = (Arc::new(Table::default()), Process::first());
    let (table, thread) = (Arc::clone(&registry), process.clone());
    let create = move || {
        create(&table, &thread, 1);
    };
    both(create, || end(&registry, &process));
    process.wrongs()
}

fn create_a_taken_name_against_a_signal(create: Create) -> Wrongs {
    let (registry, process) = (Arc::new(Table::default()), Process::first());
    assert!(process.other(2).create(1));
    let (table, thread) = (Arc::clone(&registry), process.clone());
    let create = move || {
        create(&table, &thread, 1);
    };
    both(create, || end(&registry, &process));
    process.wrongs()
}

fn create_two_against_a_signal() -> Wrongs {
    let (registry, process) = (Arc::new(Registry::<2>::default()), Process::first());
    let create = |name| {
        let (table, thread) = (Arc::clone(&registry), process.clone());
        move || {
            table.create(&thread, name);
        }
    };
    let (first, second) = (create(1), create(2));
    both(|| _ = both(first, second), || end(&registry, &process));
    process.wrongs()
}

fn remove_against_a_signal(remove: Remove) -> Wrongs {
    let (registry, process, file) = with_a_file();
    let (table, thread) = (Arc::clone(&registry), process.clone());
    both(move || remove(&table, &thread, file), || end(&registry, &process));
    process.wrongs()
}

/// Another process takes the name if it is free.
fn remove_a_wanted_name_against_a_signal(remove: Remove) -> Wrongs {
    let (registry, process, file) = with_a_file();
    let (table, thread, other) = (Arc::clone(&registry), process.clone(), process.other(2));
    let take = move || {
        other.create(1);
    };
    both(move || _ = both(take, || remove(&table, &thread, file)), || end(&registry, &process));
    process.wrongs()
}

/// The process forks at any moment of a thread's removal; a signal ends the child, later the parent.
fn fork_against_a_removal(end_child: End) -> Wrongs {
    let (registry, process, file) = with_a_file();
    let (table, child) = (Arc::clone(&registry), process.other(2));
    let fork = move || {
        end_child(&table.fork(), &child);
        child.end();
    };
    both(fork, || registry.remove(&process, file));
    end(&registry, &process);
    process.wrongs()
}

/// The child must not wait for a thread that only its parent has.
fn fork_against_a_creation() -> Wrongs {
    let (registry, process) = (Arc::new(Table::default()), Process::first());
    let (table, child) = (Arc::clone(&registry), process.other(2));
    let create = || {
        registry.create(&process, 1);
    };
    both(move || end(&table.fork(), &child), create);
    end(&registry, &process);
    process.wrongs()
}

/// A destructor runs in parent and child.
fn fork_with_a_destructor(remove_in_child: Remove) -> Wrongs {
    let (registry, process, file) = with_a_file();
    let (table, child) = (registry.fork(), process.other(2));
    both(move || remove_in_child(&table, &child, file), || registry.remove(&process, file));
    end(&registry, &process);
    process.wrongs()
}

/// A signal that interrupts the thread itself, after any of its calls.
fn interrupt(work: impl FnOnce(&Interrupted<'_>), handler: impl Fn(&Process)) -> Wrongs {
    let (process, sent) = (Process::first(), Arc::new(AtomicBool::new(false)));
    let send = Arc::clone(&sent);
    let handle = || {
        handler(&process);
        process.end();
    };
    let thread = Interrupted { process: &process, sent: &sent, handler: &handle, masked: Cell::new(false) };
    both(move || send.store(true, Ordering::Relaxed), || work(&thread));
    process.wrongs()
}

fn interrupt_the_registry() -> Wrongs {
    let registry = Table::default();
    let work = |system: &Interrupted<'_>| {
        let file = registry.create(system, 1);
        file.into_iter().for_each(|file| registry.remove(system, file));
    };
    interrupt(work, |process| registry.end(process))
}

fn interrupt_the_locked(create: fn(&LockedRegistry, &Interrupted<'_>) -> bool) -> Wrongs {
    let registry = LockedRegistry::default();
    interrupt(|system| _ = create(&registry, system), |process| registry.end(process))
}

#[test]
fn registering_leaves_nothing_behind_and_takes_nothing_of_others() {
    check(&[
        Case {
            name: "create/repaired",
            model: || create_against_a_signal(Table::create),
            outcome: "37 interleavings, clean",
        },
        Case {
            name: "create/registers late",
            model: || create_against_a_signal(Table::create_then_register),
            outcome: "20 interleavings, left behind in 7",
        },
        Case {
            name: "create/no fence",
            model: || create_against_a_signal(Table::create_unfenced),
            outcome: "72 interleavings, left behind in 6",
        },
        Case {
            name: "create a taken name/repaired",
            model: || create_a_taken_name_against_a_signal(Table::create),
            outcome: "37 interleavings, clean",
        },
        Case {
            name: "create a taken name/registers early",
            model: || create_a_taken_name_against_a_signal(Table::register_then_create),
            outcome: "24 interleavings, removed another's in 6",
        },
        Case {
            name: "two threads create/repaired",
            model: create_two_against_a_signal,
            outcome: "93579 interleavings, clean",
        },
    ]);
}

#[test]
fn dropping_removes_once_and_only_what_is_its_own() {
    check(&[
        Case {
            name: "remove/repaired",
            model: || remove_against_a_signal(Table::remove),
            outcome: "11 interleavings, clean",
        },
        Case {
            name: "remove/unregisters late",
            model: || remove_against_a_signal(Table::remove_then_unregister),
            outcome: "113 interleavings, removed twice in 76",
        },
        Case {
            name: "remove/unregisters early",
            model: || remove_against_a_signal(Table::unregister_then_remove),
            outcome: "166 interleavings, left behind in 4, removed twice in 74",
        },
        Case {
            name: "remove a wanted name/repaired",
            model: || remove_a_wanted_name_against_a_signal(Table::remove),
            outcome: "218 interleavings, clean",
        },
        Case {
            name: "remove a wanted name/unregisters late",
            model: || remove_a_wanted_name_against_a_signal(Table::remove_then_unregister),
            outcome: "9220 interleavings, removed another's in 1262, removed twice in 4325",
        },
    ]);
}

#[test]
fn a_child_leaves_alone_what_its_parent_registered() {
    check(&[
        Case {
            name: "fork/repaired",
            model: || fork_against_a_removal(Table::end),
            outcome: "88 interleavings, clean",
        },
        Case {
            name: "fork/no owner",
            model: || fork_against_a_removal(Table::end_whosever),
            outcome: "116 interleavings, removed another's in 59, removed twice in 112",
        },
        Case {
            name: "fork while creating/repaired",
            model: fork_against_a_creation,
            outcome: "384 interleavings, clean",
        },
        Case {
            name: "fork and drop/repaired",
            model: || fork_with_a_destructor(Table::remove),
            outcome: "1 interleavings, clean",
        },
        Case {
            name: "fork and drop/no owner",
            model: || fork_with_a_destructor(Table::remove_whosever),
            outcome: "7 interleavings, removed another's in 2, removed twice in 7",
        },
    ]);
}

#[test]
fn a_handler_never_waits_for_the_thread_that_it_interrupts() {
    check(&[
        Case {
            name: "interrupt/registry",
            model: interrupt_the_registry,
            outcome: "13 interleavings, clean",
        },
        Case {
            name: "interrupt/locked, masked",
            model: || interrupt_the_locked(|registry, system| registry.create(system, 1)),
            outcome: "4 interleavings, clean",
        },
        Case {
            name: "interrupt/locked, not masked",
            model: || interrupt_the_locked(|registry, system| registry.create_unmasked(system, 1)),
            outcome: "2 interleavings, deadlock in 1",
        },
    ]);
}
