//! Long runs leave nothing behind: no memory, descriptor, thread, mount or file.
//!
//! A test binary of its own with one test in it, so that nothing else grows meanwhile.

use linkbait::{Class, Host, Judge};
use std::fs;

/// What a process holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    threads: usize,
    mounts: usize,
    arenas: usize,
}

fn held(host: &Host) -> Held {
    let count = |dir: &str| fs::read_dir(dir).map_or(0, Iterator::count);
    let ours = format!("linkbait-{}-", std::process::id());
    let name = |e: &fs::DirEntry| e.file_name().to_string_lossy().starts_with(&ours);
    Held {
        descriptors: count("/proc/self/fd"),
        threads: count("/proc/self/task"),
        mounts: fs::read_to_string("/proc/self/mounts").expect("procfs").lines().count(),
        arenas: fs::read_dir(host.place()).expect("the arena's place").flatten().filter(name).count(),
    }
}

/// Bytes that the process has in memory.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("procfs");
    let pages: u64 = pages.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}

#[test]
fn a_hundred_thousand_trials_leave_nothing_and_grow_by_less_than_a_mebibyte() {
    const TRIALS: u64 = 100_000;
    const WARM: u64 = 10_000;
    let host = Host::detect();
    let victim =
        linkbait_races::roster().into_iter().find(|v| v.name() == "named-new-in").expect("in the roster");
    let before = held(&host);
    let grown = Judge::new(host.clone()).session(&victim, Class::OtherUser, 0o022, |session| {
        let schedules = session.schedules();
        let (mut done, mut warm) = (0, 0);
        for schedule in schedules.iter().cycle().take(TRIALS as usize) {
            let tried = session.run(schedule)?;
            assert!(tried.findings.is_empty(), "{:?}", tried.findings);
            done += 1;
            if done == WARM {
                warm = resident();
            }
        }
        assert_eq!(done, TRIALS);
        Ok(resident().saturating_sub(warm))
    });
    let grown = grown.expect("this machine can judge");
    println!("grown by {} KiB after the first {WARM} of {TRIALS} trials", grown / 1024);
    assert!(grown < 1 << 20, "grown by {grown} bytes");
    assert_eq!(held(&host), before);
}
