//! How much of a program's chance is fixed: the same timeline in each of many replays, or not.

mod common;

use common::unless_unsupported;
use linkbait::timeline::{MAGIC, Timeline};
use linkbait::{Determinism, Host, Judge, Level, Program, Victim};
use std::collections::BTreeSet;

/// Programs that make names by chance, each in its own way, and how often each is replayed: those that start slowly
/// less often.
const NAMERS: [(usize, &[&str]); 7] = [
    (20, &["mktemp"]),
    (20, &["bash", "-c", ": > /tmp/$RANDOM-$$-$SRANDOM-$EPOCHREALTIME"]),
    (5, &["sh", "-c", "f=$(mktemp); cat $f | cat > $f.out; : > /tmp/$(date +%N)"]),
    (5, &["sh", "-c", ": > /tmp/$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' ')"]),
    (5, &["perl", "-MFile::Temp=tempfile", "-e", "tempfile(); open(my $f, '>', '/tmp/' . rand())"]),
    (2, &["python3", "-c", "import tempfile, time; tempfile.mkstemp(); open(f'/tmp/{time.time_ns()}', 'x')"]),
    (2, &["node", "-e", "require('fs').writeFileSync('/tmp/' + Math.random(), '')"]),
];

/// Threads that sleep and wake each other up.
const THREADS: &str = r#"
import threading, time
def work(n):
    for i in range(3):
        open(f"/tmp/t{n}-{i}-{time.time_ns()}", "w").close()
        time.sleep(0.01 * n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
"#;

/// The timelines of some replays of a program that no one interferes with; `None` where this machine cannot run it,
/// which is said.
fn replays(argv: &[&str], level: Level, count: usize) -> Option<BTreeSet<String>> {
    let name = argv.join(" ");
    let argv = argv.iter().map(ToString::to_string).collect();
    let victim = Victim::program("namer", Program { argv, ..Program::default() });
    let determinism = Determinism { level, seed: 7 };
    let head =
        format!("{MAGIC}\nvictim    namer\nattacker  none    umask 022    fs tmpfs    {determinism}\n");
    let file = Timeline::parse(&head).expect("a timeline");
    let replay = |_| {
        let replayed = Judge::new(Host::detect()).replay(&victim, &file);
        unless_unsupported(&name, replayed).map(|replay| replay.timeline)
    };
    (0..count).map(replay).collect()
}

/// True when the program could be started and made entries.
fn made_names(timeline: &str) -> bool {
    timeline.contains("names     <1> = ") && timeline.contains("ended: success")
}

#[test]
fn names_made_by_chance_are_the_same_in_every_replay_at_level_2() {
    for (count, argv) in NAMERS {
        let Some(seen) = replays(argv, Level::Full, count) else { continue };
        assert_eq!(seen.len(), 1, "{seen:#?}");
        if !seen.iter().all(|timeline| made_names(timeline)) {
            println!("not checked: {} does not run here", argv[0]);
        }
    }
}

#[test]
fn names_made_by_chance_differ_at_level_0() {
    let Some(seen) = replays(&["mktemp"], Level::Off, 3) else { return };
    assert_eq!(seen.len(), 3, "{seen:#?}");
}

#[test]
fn names_made_of_random_bytes_are_the_same_at_level_1() {
    let names = "import os, tempfile; tempfile.mkstemp(); open('/tmp/' + os.urandom(8).hex(), 'x')";
    let Some(seen) = replays(&["python3", "-c", names], Level::Random, 2) else { return };
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[test]
fn threads_go_on_in_the_same_order_in_every_replay_at_level_2() {
    let Some(seen) = replays(&["python3", "-c", THREADS], Level::Full, 2) else { return };
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[test]
fn a_sleep_takes_no_time_and_the_clock_shows_that_it_was_slept() {
    let line = "a=$(date +%s); sleep 86400; b=$(date +%s); : > /tmp/slept-$((b - a >= 86400))";
    let Some(seen) = replays(&["sh", "-c", line], Level::Full, 1) else { return };
    assert!(seen.iter().all(|timeline| timeline.contains("slept-1")), "{seen:#?}");
}

#[test]
fn names_that_a_seed_makes_constant_are_still_told_from_names_that_are() {
    let Some(seen) = replays(&["mktemp"], Level::Full, 1) else { return };
    assert!(seen.iter().all(|timeline| timeline.contains("openat(\"shared/<1>\"")), "{seen:#?}");
}
