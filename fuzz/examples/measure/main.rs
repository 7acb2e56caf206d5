//! Measures campaigns and writes what came out as tables below `corpus/tables`:
//!
//! - `guidance`: executions until a fault of several acts is found, by what guides the fuzzer;
//! - `faults`: executions and time until each known fault is found, from an empty corpus;
//! - `rates`: executions per second of each target.
//!
//! Needs a C++ compiler. One run at a time: what is measured in seconds is about an idle machine.

mod campaign;
mod faults;
mod guidance;
mod rates;

use std::error::Error;
use std::fs;
use std::path::Path;

/// What goes wrong is shown and ends the command.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (what, table) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guidance"] => ("guidance", guidance::measure()?),
        ["faults"] => ("known-faults", faults::measure()?),
        ["rates"] => ("rates", rates::measure()?),
        _ => return Err("say what to measure: guidance, faults or rates".into()),
    };
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/tables");
    print!("{table}");
    Ok(fs::write(tables.join(what).with_extension("md"), table)?)
}

/// The middle one; of an even number the upper of the two in the middle.
fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> Option<T> {
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    all.get(all.len() / 2).copied()
}
