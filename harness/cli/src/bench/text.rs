//! What was measured, for a terminal.

use super::{Bench, environment, promise, rate, ratio};
use crate::output;
use linkbait_benches::{Row, Section};
use std::fmt::Write;

/// Columns of what was measured.
const WHAT: usize = 52;

pub(super) fn render(bench: &Bench) -> String {
    let mut out = format!("{}\n", environment(bench));
    for part in &bench.parts {
        for section in &part.sections {
            tell(&mut out, section);
        }
        if let Some(why) = &part.lacks {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n{}\n  not measured: {}", part.name, output::line(why));
        }
    }
    let _ = writeln!(out, "\npromises: {} met, {} NOT met", bench.promises(true), bench.promises(false));
    out
}

fn tell(out: &mut String, section: &Section) {
    let _ = writeln!(out, "\n{}", section.title);
    for row in &section.rows {
        let _ = writeln!(out, "{}", line(row).trim_end());
        if let Some(detail) = &row.detail {
            let _ = writeln!(out, "      {}", output::wrap(detail, output::width() - 6, 6));
        }
    }
    for note in &section.notes {
        let _ = writeln!(out, "  {}", output::wrap(&output::line(note), output::width() - 2, 2));
    }
}

fn line(row: &Row) -> String {
    let promise = match row.promise {
        Some(_) => format!("   promised {}", promise(row)),
        None => String::new(),
    };
    format!("  {:<WHAT$} {:>11} {:>10}  {}{promise}", row.what, row.amount.to_string(), rate(row), ratio(row))
}
