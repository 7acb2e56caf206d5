//! Programs that fail when no one interferes: how each ended and the last lines of what it printed, which is what one
//! must know to call it rightly.

use super::{Run, how_ended};
use crate::output;
use linkbait::{Alone, Ending, Report};
use std::fmt::Write;

/// Lines that are shown, and how much of each.
const LINES: usize = 8;
const COLUMNS: usize = 200;

pub(super) fn render(run: &Run, width: usize) -> String {
    let failed = run.judged.iter().filter_map(|judged| Some((&judged.report, judged.report.alone.as_ref()?)));
    let failed = failed.filter(|(_, alone)| alone.ending != Ending::Success);
    failed.map(|(report, alone)| tell(report, alone, width)).collect()
}

fn tell(report: &Report, alone: &Alone, width: usize) -> String {
    let how = format!("{}: left alone it {}", output::line(&report.name), how_ended(&alone.ending));
    let lines: Vec<&str> = alone.output.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return format!("{}\n\n", output::wrap(&format!("{how}; it printed nothing"), width, 2));
    }
    let more = alone.cut || lines.len() > LINES;
    let what = if more { "the end of what it printed:" } else { "it printed:" };
    let mut text = format!("{}\n", output::wrap(&format!("{how}; {what}"), width, 2));
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        let short: String = line.chars().take(COLUMNS).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  | {}", output::line(&short));
    }
    text + "\n"
}
