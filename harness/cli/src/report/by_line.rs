//! Findings by the line of source that they come from: what many tests show is often one fault of the code that they test.

use super::Run;
use crate::output::{self, counted, wrap};
use crate::test::short_name;
use anstyle::Style;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const BOLD: Style = Style::new().bold();

/// Names of victims at one line; more are counted.
const NAMED: usize = 4;

/// The rules broken at a line, and by which victims.
#[derive(Default)]
struct Line {
    rules: BTreeSet<&'static str>,
    victims: Vec<String>,
}

/// Nothing where no two victims meet.
pub(super) fn render(run: &Run, width: usize) -> String {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    for judged in &run.judged {
        let name = output::line(short_name(&judged.report.name, &judged.group));
        for (finding, source) in judged.report.findings.iter().zip(&judged.sources) {
            let Some(frame) = &source.at else { continue };
            let line = lines.entry(output::line(&frame.to_string())).or_default();
            line.rules.insert(finding.rule);
            if !line.victims.contains(&name) {
                line.victims.push(name.clone());
            }
        }
    }
    lines.retain(|_, line| line.victims.len() > 1);
    let mut out = String::new();
    if !lines.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{BOLD}by source line{BOLD:#}");
    }
    for (place, Line { rules, victims }) in lines {
        let rules: Vec<&str> = rules.into_iter().collect();
        let more = victims.len().saturating_sub(NAMED);
        let shown = victims[..victims.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let of = counted(victims.len(), "victim");
        let told = format!("{place}: {}; {of}: {shown}{more}", rules.join(", "));
        let _ = writeln!(out, "  {}", wrap(&told, width.saturating_sub(4), 4));
    }
    if out.is_empty() { out } else { out + "\n" }
}
