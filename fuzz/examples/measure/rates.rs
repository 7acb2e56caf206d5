//! How fast each target is, and that none fails.

use crate::Result;
use crate::campaign;
use linkbait_fuzz::TARGETS;
use std::fmt::Write;

const SECONDS: u64 = 30;

/// The table.
pub(crate) fn measure() -> Result<String> {
    let mut table = String::from(HEAD);
    for (target, _) in TARGETS {
        let program = campaign::build(target, "")?;
        let came = campaign::run(&program, &["-seed=1".into(), format!("-max_total_time={SECONDS}")], &[])?;
        if came.found {
            return Err(format!("{target} has failed:\n{}", came.last).into());
        }
        let rate = came.executions as f64 / came.seconds;
        let row = format!("| `{target}` | {rate:.0} | {} |", came.memory);
        eprintln!("{row}");
        writeln!(table, "{row}")?;
    }
    Ok(table)
}

const HEAD: &str = "# Executions per second\n\nEach target for half a minute from an empty corpus, one process, stable compiler, tmpfs, \
    without AddressSanitizer, and the most\nmemory that it took. Written by `cargo run --release -p linkbait-fuzz \
    --no-default-features --example measure -- rates`.\n\n| target | executions per second | MiB |\n|---|---:|---:|\n";
