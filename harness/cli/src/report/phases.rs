//! Every rule after every phase, in Markdown: a table for each victim, in each cell the trials behind it.

use super::Run;
use super::markdown::escape;
use crate::output::counted;
use linkbait::rules::PHASES;
use linkbait::{Cell, RULES, Report, Rule};
use std::fmt::Write;

const LEGEND: &str = "A cell says how many trials could have broken the rule and ended so, or got that signal: `pass`, `FAIL` \
    with how many did, `note` with after how many something stays. `n/a`: there is no such trial.";

pub(super) fn render(run: &Run) -> String {
    let mut out = format!("# Rule × phase\n\n{LEGEND}\n");
    if let Some(part) = run.of_a_part() {
        let _ = writeln!(out, "\n{part}");
    }
    for judged in &run.judged {
        table(&mut out, &judged.report);
    }
    out
}

fn table(out: &mut String, report: &Report) {
    let head = format!("{}, {}", report.verdict, counted(report.trials as usize, "trial"));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "\n## {}\n\n{head}\n", escape(&report.name));
    let _ = writeln!(out, "| rule | {} |", PHASES.join(" | "));
    let _ = writeln!(out, "|---|{}", "---|".repeat(PHASES.len()));
    for rule in RULES.iter().filter(|rule| is_shown(rule, report)) {
        let cells: Vec<String> = PHASES.iter().map(|phase| cell(report, rule.id, phase)).collect();
        let _ = writeln!(out, "| {} | {} |", rule.id, cells.join(" | "));
    }
    for note in report.notes.iter().chain(&report.not_examined) {
        let _ = writeln!(out, "{}- {}", if is_first(note, report) { "\n" } else { "" }, escape(note));
    }
}

fn is_first(note: &str, report: &Report) -> bool {
    report.notes.iter().chain(&report.not_examined).next().is_some_and(|first| first == note)
}

/// Suspicions are there only when asked for.
fn is_shown(rule: &Rule, report: &Report) -> bool {
    !rule.suspicion || report.cells.iter().any(|cell| cell.rule == rule.id)
}

fn cell(report: &Report, rule: &str, phase: &str) -> String {
    match report.cells.iter().find(|cell| (cell.rule, cell.phase) == (rule, phase)) {
        None => "n/a".to_owned(),
        Some(Cell { trials, broken: 0, noted: 0, .. }) => format!("pass {trials}"),
        Some(Cell { trials, broken: 0, noted, .. }) => format!("note {noted}/{trials}"),
        Some(Cell { trials, broken, .. }) => format!("FAIL {broken}/{trials}"),
    }
}
