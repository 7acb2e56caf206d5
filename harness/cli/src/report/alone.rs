//! Programs that fail when no one interferes: how each ended and the last lines of what it printed, which is what one
//! must know to call it rightly.

use super::{Run, how_ended};
use crate::output;
use linkbait::{Ending, Report};
use std::fmt::Write;

/// Lines that are shown, and how much of each.
const LINES: usize = 8;
const COLUMNS: usize = 200;

/// How a program fails that nobody interferes with.
pub(super) struct Told {
    /// Part of a sentence: `ended with status 1`.
    pub(super) how: String,
    /// The last lines of what it printed, which may hold anything.
    pub(super) lines: Vec<String>,
    /// It printed more before that.
    pub(super) more: bool,
}

/// What there is to tell of a program that fails when left alone.
pub(super) fn told(report: &Report) -> Option<Told> {
    let alone = report.alone.as_ref().filter(|alone| alone.ending != Ending::Success)?;
    let lines: Vec<&str> = alone.output.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].iter();
    let lines_told = last.map(|line| line.chars().take(COLUMNS).collect()).collect();
    Some(Told { how: how_ended(&alone.ending), lines: lines_told, more: alone.cut || lines.len() > LINES })
}

pub(super) fn render(run: &Run, width: usize) -> String {
    let reports = run.judged.iter().map(|judged| &judged.report);
    reports.filter_map(|report| Some(tell(report, &told(report)?, width))).collect()
}

fn tell(report: &Report, told: &Told, width: usize) -> String {
    let how = format!("{}: left alone it {}", output::line(&report.name), told.how);
    if told.lines.is_empty() {
        return format!("{}\n\n", output::wrap(&format!("{how}; it printed nothing"), width, 2));
    }
    let what = if told.more { "the end of what it printed:" } else { "it printed:" };
    let mut text = format!("{}\n", output::wrap(&format!("{how}; {what}"), width, 2));
    for line in &told.lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  | {}", output::line(line));
    }
    text + "\n"
}
