//! What was measured, as a table in Markdown between the markers that `--output` replaces in a text.

use super::{Bench, environment, promise, rate, ratio};
use crate::files::{BEGIN, END};
use crate::output;
use linkbait_benches::Row;
use std::fmt::Write;

pub(super) fn render(bench: &Bench) -> String {
    let mut out = format!("{BEGIN}\n| what | time | rate | ratio | promised |\n|---|---|---|---|---|\n");
    let mut notes = vec![environment(bench)];
    for part in &bench.parts {
        for section in &part.sections {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "| **{}** | | | | |", cell(&section.title));
            section.rows.iter().for_each(|row| line(&mut out, row));
            notes.extend(section.notes.iter().map(|note| format!("{}: {note}", section.title)));
        }
        notes.extend(part.lacks.iter().map(|why| format!("not measured, {}: {why}", part.name)));
    }
    let notes: Vec<String> = notes.iter().map(|note| format!("\n- {}", cell(note))).collect();
    format!("{out}{}\n{END}\n", notes.concat())
}

fn line(out: &mut String, row: &Row) {
    let detail = row.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let cells =
        [format!("{}{detail}", row.what), row.amount.to_string(), rate(row), ratio(row), promise(row)];
    let _ = writeln!(out, "| {} |", cells.map(|text| cell(&text)).join(" | "));
}

/// Text that neither ends a cell nor begins a tag.
fn cell(text: &str) -> String {
    output::line(text).replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;")
}
