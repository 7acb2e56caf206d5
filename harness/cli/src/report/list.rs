//! Findings as a list, a line each, where they are too many to be drawn: the path, and the replay file, whose name
//! tells victim and rule.

use super::Run;
use crate::files::FOLDER;
use crate::output::{self, counted, wrap};
use crate::test::TEST;
use anstyle::Style;
use linkbait::save::replay_name;
use std::fmt::Write;

const BOLD: Style = Style::new().bold();

pub(super) fn render(run: &Run, count: usize, width: usize) -> String {
    let mut lines = Vec::with_capacity(count);
    for judged in &run.judged {
        for (number, finding) in judged.report.findings.iter().enumerate() {
            let file = replay_name(&judged.report.name, number, finding.rule);
            let ignored = if judged.ignored(number).is_some() { ", ignored" } else { "" };
            lines.push((format!("{}{ignored}", output::line(&finding.path)), file));
        }
    }
    let column = lines.iter().map(|(path, _)| path.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{BOLD}  {:column$}  replay file in {FOLDER}/{BOLD:#}", "path");
    for (path, file) in lines {
        let _ = writeln!(out, "  {path:column$}  {file}");
    }
    let tests = run.judged.iter().any(|judged| judged.report.name.starts_with(TEST));
    let drawn = if tests { "drawn" } else { "drawn by `linkbait run VICTIM` and" };
    let count = counted(count, "finding");
    let advice = format!("{count}, {drawn} with --verbose; rules: `linkbait explain RULE`");
    let _ = writeln!(out, "\n{}\n", wrap(&advice, width, 0));
    out
}
