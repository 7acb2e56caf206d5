//! Replays the corpus of the fuzz targets: each file is a test of its name, `TARGET/FILE`. And the timelines of what was once found
//! by mistake, `regressions/FILE`. And what shows that they can fail.
//!
//! It stands here and not in the package `fuzz`, because `cargo test` leaves that one out.

use libtest_mimic::{Arguments, Trial};
use linkbait::timeline::Timeline;
use linkbait::{Host, Judge, Replay};
use linkbait_fuzz::{
    Arsenal, Deleter, Fault, ReplaceFault, TARGETS, Target, remove_tree_with, replace_file_with,
    tempfile_api_with,
};
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus");

fn main() -> ExitCode {
    let replays = TARGETS.iter().flat_map(|(name, target)| replays(name, *target));
    let bad = Trial::test("the_seeds_of_safe_victims_break_bad_ones", || {
        let broken = seeds_that_break_bad_victims();
        if broken > 0 { Ok(()) } else { Err("no seed breaks any bad victim".into()) }
    });
    let faults = Fault::all().map(|fault| {
        Trial::test(format!("a_seed_of_tempfile_api_shows_{fault:?}"), move || {
            if files("tempfile_api").iter().any(|file| shows(file, fault)) {
                Ok(())
            } else {
                Err("no seed shows it".into())
            }
        })
    });
    let broken = BROKEN.map(|(name, target, fails)| {
        Trial::test(name, move || {
            let failed = files(target).iter().filter(|file| fails(&read(file))).count();
            if failed > 0 { Ok(()) } else { Err("no seed shows it".into()) }
        })
    });
    // One thread, the first: when it ends, and only then, victims that were kept ready are gone and their arenas with them.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let all = replays.chain(regressions()).chain([bad]).chain(broken).chain(faults).collect();
    libtest_mimic::run(&arguments, all).exit_code()
}

/// Whether an input shows what is broken.
type Shows = fn(&[u8]) -> bool;

/// Broken twins of what a target holds to be right.
const BROKEN: [(&str, &str, Shows); 3] = [
    ("the_seeds_of_trees_lead_deleting_by_path_astray", "remove_tree", |bytes| {
        remove_tree_with(bytes, Deleter::ByPath).is_err()
    }),
    ("the_seeds_of_replacing_show_what_is_written_in_place", "replace_file", |bytes| {
        replace_file_with(bytes, ReplaceFault::WritesInPlace).is_err()
    }),
    ("the_seeds_of_replacing_show_what_stays_after_an_error", "replace_file", |bytes| {
        replace_file_with(bytes, ReplaceFault::LeavesTemporary).is_err()
    }),
];

fn files(target: &str) -> Vec<PathBuf> {
    let dir = Path::new(CORPUS).join(target);
    let entries = fs::read_dir(&dir).unwrap_or_else(|e| panic!("{dir:?}: {e}"));
    entries.map(|entry| entry.expect("an entry of the corpus").path()).collect()
}

/// What was found in a safe victim by mistake, or missed in a bad one's safe twin: the same still happens, and nothing is found.
fn regressions() -> impl Iterator<Item = Trial> {
    let timelines =
        files("regressions").into_iter().filter(|file| file.extension() == Some("timeline".as_ref()));
    timelines.map(|file| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("regressions/{name}"), move || Ok(is_found_no_more(&file)?))
    })
}

fn is_found_no_more(file: &Path) -> Result<(), String> {
    let text = String::from_utf8(read(file)).map_err(|e| e.to_string())?;
    let timeline = Timeline::parse(&text).map_err(|e| e.to_string())?;
    let deep = linkbait_races::deep().into_iter().map(|(_, victim)| victim);
    let mut all = linkbait_races::roster().into_iter().chain(deep);
    let victim = all.find(|victim| victim.name() == timeline.head.victim).ok_or("no such victim")?;
    let replay = Judge::new(Host::detect()).replay(&victim, &timeline).map_err(|e| e.to_string())?;
    match replay {
        Replay { same_steps: false, timeline, .. } => Err(format!("it goes another way:\n{timeline}")),
        Replay { same_findings: true, timeline, .. } => Err(format!("found again:\n{timeline}")),
        Replay { .. } => Ok(()),
    }
}

fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_else(|e| panic!("{file:?}: {e}"))
}

/// With none but bad victims to choose from, the same bytes choose among them.
fn seeds_that_break_bad_victims() -> usize {
    let mut bad = Arsenal::new(|victim| ["create-fixed", "reopen-by-path"].contains(&victim.name()));
    let tried = files("attack").into_iter().filter_map(|file| bad.attack(&read(&file)));
    tried.filter(|tried| !tried.findings.is_empty()).count()
}

/// True when a crate with this fault fails.
fn shows(file: &Path, fault: Fault) -> bool {
    let bytes = read(file);
    panic::catch_unwind(|| tempfile_api_with(&bytes, Some(fault))).is_err()
}

/// The tests of one target. One without any file is a mistake.
fn replays(name: &str, target: Target) -> Vec<Trial> {
    let files = files(name);
    assert!(!files.is_empty(), "nothing is there to replay {name} with");
    let replay = |file: PathBuf| {
        let bytes = read(&file);
        let file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("{name}/{file}"), move || {
            target(&bytes);
            Ok(())
        })
    };
    files.into_iter().map(replay).collect()
}
