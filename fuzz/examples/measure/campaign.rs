//! One campaign of libFuzzer, begun with an empty corpus in a directory of its own, and what it came to.

use crate::Result;
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{fs, path::PathBuf};

/// What a campaign came to.
pub(crate) struct Came {
    /// Inputs that were run.
    pub(crate) executions: u64,
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// It ended with an input that fails.
    pub(crate) found: bool,
    /// Most memory that it took, in MiB.
    pub(crate) memory: u64,
    /// What it printed last.
    pub(crate) last: String,
}

/// Where branches are counted.
pub(crate) const BRANCHES: &str = "fuzz/coverage.toml";

/// The targets whose inputs are schedules, and where functions are counted alone.
const OF_SCHEDULES: [&str; 4] = ["attack", "remove_tree", "replace_file", "tempfile_api"];
const FUNCTIONS: &str = "fuzz/schedules.toml";

/// Builds a target for a stable compiler as its users do, with these features; returns the program.
pub(crate) fn build(target: &str, features: &str) -> Result<PathBuf> {
    build_with(if OF_SCHEDULES.contains(&target) { FUNCTIONS } else { BRANCHES }, target, features)
}

/// The same with this configuration of cargo.
pub(crate) fn build_with(config: &str, target: &str, features: &str) -> Result<PathBuf> {
    let fixed = ["build", "--release", "--quiet", "--config", config, "-p", "linkbait-fuzz"];
    let built = Command::new(env!("CARGO"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(fixed)
        .args(["--bin", target, "--features", features, "--message-format", "json"])
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8(built.stdout)?;
    let program = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message.get("executable")?.as_str()?.to_owned())
    });
    let program = PathBuf::from(program.ok_or("cargo has built no program")?);
    // The next build has another program at its path.
    let kept = program.with_file_name(format!("{target}-{features}"));
    fs::copy(program, &kept)?;
    Ok(kept)
}

/// Runs a campaign with these options of libFuzzer and, behind them, wishes of ours.
pub(crate) fn run(program: &PathBuf, options: &[String], wishes: &[&str]) -> Result<Came> {
    let place = tempfile::tempdir()?;
    let corpus = place.path().join("corpus");
    fs::create_dir(&corpus)?;
    let begun = Instant::now();
    let ran = Command::new(program)
        .current_dir(place.path())
        .arg(&corpus)
        .args(["-print_final_stats=1", "-rss_limit_mb=4096"])
        .args(options)
        .arg("-ignore_remaining_args=1")
        .args(wishes)
        .stdin(Stdio::null())
        .output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let printed = String::from_utf8_lossy(&ran.stderr);
    let number = |key: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.trim().parse().ok())
            .ok_or(format!("libFuzzer did not tell {key}: {printed}"))
    };
    let executions = number("stat::number_of_executed_units:")?;
    let memory = number("stat::peak_rss_mb:")?;
    let last = printed.lines().rev().take(30).collect::<Vec<_>>().join("\n");
    Ok(Came { executions, seconds, found: !ran.status.success(), memory, last })
}
