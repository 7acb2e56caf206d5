//! Whether a campaign finds each known fault, put back among all safe victims.

use crate::campaign::{self, Came};
use crate::{Result, median};
use linkbait_fuzz::rules_with_a_fault;
use std::fmt::Write;

const SEEDS: u64 = 10;
const SECONDS: u64 = 60;

/// Targets with faults that are no rule's.
const OTHERS: [(&str, &str); 10] = [
    ("replace_file", "fault-writes-in-place"),
    ("replace_file", "fault-leaves-temporary"),
    ("remove_tree", "fault-deletes-by-path"),
    ("tempfile_api", "fault-checks-before-persist"),
    ("tempfile_api", "fault-persists-by-copy"),
    ("tempfile_api", "fault-reopens-what-is-there"),
    ("tempfile_api", "fault-forgets-to-remove"),
    ("tempfile_api", "fault-creates-for-all"),
    ("tempfile_api", "fault-ignores-permissions"),
    ("tempfile_api", "fault-loses-byte-on-roll"),
];

/// The table.
pub(crate) fn measure() -> Result<String> {
    let mut table = String::from(HEAD);
    let rules = rules_with_a_fault().map(|rule| ("attack", format!("fault-{rule}")));
    for (target, feature) in rules.chain(OTHERS.map(|(target, feature)| (target, feature.to_owned()))) {
        let program = campaign::build(target, &feature)?;
        let came = |seed: u64| {
            campaign::run(&program, &[format!("-seed={seed}"), format!("-max_total_time={SECONDS}")], &[])
        };
        let all: Vec<Came> = (1..=SEEDS).map(came).collect::<Result<_>>()?;
        let in_time = all.iter().filter(|came| came.found && came.seconds < SECONDS as f64).count();
        let executions = median(all.iter().map(|came| came.executions).collect()).unwrap_or_default();
        let seconds = median(all.iter().map(|came| came.seconds).collect()).unwrap_or_default();
        let slowest = all.iter().map(|came| came.seconds).fold(0.0, f64::max);
        let row = format!(
            "| `{target}` | `{feature}` | {in_time} of {SEEDS} | {executions} | {seconds:.1} | {slowest:.1} |"
        );
        eprintln!("{row}");
        writeln!(table, "{row}")?;
    }
    Ok(table)
}

const HEAD: &str = "# Known faults, put back\n\nHow many of ten campaigns find each within a minute, from an empty corpus, with \
    executions and seconds: the medians, and\nthe slowest. The victim that has the fault is one among all that `attack` takes. \
    Written by `cargo run --release\n-p linkbait-fuzz --no-default-features --example measure -- faults`.\n\n\
    | target | feature | found | executions | seconds | slowest |\n|---|---|---:|---:|---:|---:|\n";
