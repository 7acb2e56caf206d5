//! What victims show does not depend on the file system, exclusive creation apart.

use linkbait::{Class, FileSystem, Host, Judge, Report, Verdict, Victim};
use std::collections::BTreeSet;

fn victim(name: &str) -> Victim {
    let named = linkbait_races::roster().into_iter().find(|v| v.name() == name);
    named.unwrap_or_else(|| panic!("no victim is named {name}"))
}

fn judged(victim: &Victim, places: &[FileSystem]) -> Report {
    Judge::new(Host::detect())
        .umasks(&[0o022])
        .file_systems(places)
        .judge(victim)
        .expect("this machine can judge")
}

fn found(report: &Report) -> BTreeSet<(&'static str, Class)> {
    report.findings.iter().map(|f| (f.rule, f.attacker)).collect()
}

fn same_everywhere(victims: &[Victim]) {
    for victim in victims {
        let usual = judged(victim, &[FileSystem::Tmpfs]);
        for name in [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs, FileSystem::Overlay] {
            match Judge::new(Host::detect()).umasks(&[0o022]).file_systems(&[name]).judge(victim) {
                Ok(there) => {
                    let tried = |r: &Report| (r.verdict, r.trials, r.refused, r.unreached);
                    assert_eq!(found(&there), found(&usual), "{} on {name}", victim.name());
                    assert_eq!(tried(&there), tried(&usual), "{} on {name}", victim.name());
                }
                Err(error) => println!("not checked: {error}"),
            }
        }
    }
}

/// One of each kind; all of them are judged by the test below.
#[test]
fn victims_show_the_same_on_every_file_system() {
    let names = ["check-then-create", "rename-keeping-mode", "remove-tree-by-path", "mkstemp", "tempdir"];
    same_everywhere(&names.map(victim));
}

#[test]
#[ignore = "takes a minute: cargo test -p linkbait-races --test file_systems -- --ignored"]
fn every_victim_of_the_roster_shows_the_same_on_every_file_system() {
    same_everywhere(&linkbait_races::roster());
}

/// Safe calls that rely on O_EXCL, and those that do not.
#[test]
fn without_exclusive_creation_only_private_directories_and_unnamed_files_stay_safe() {
    for name in ["create-new", "mkstemp", "named-new", "persist", "rename-excl"] {
        let victim = victim(name);
        assert_eq!(judged(&victim, &[FileSystem::Tmpfs]).verdict, Verdict::Pass, "{name}");
        let report = judged(&victim, &[FileSystem::NoExcl]);
        for rule in ["follows-link", "uses-foreign"] {
            assert!(found(&report).contains(&(rule, Class::OtherUser)), "{name}: no {rule}");
        }
    }
    for name in ["mkdir-private", "mkdtemp", "o-tmpfile-linkat", "tempfile", "tempdir-private"] {
        assert_eq!(judged(&victim(name), &[FileSystem::NoExcl]).verdict, Verdict::Pass, "{name}");
    }
}
