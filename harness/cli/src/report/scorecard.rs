//! The scorecard: a row for each victim, then what was not examined, then counts. No grade: it would hide which hole
//! is open.

use super::Run;
use crate::crew::Judged;
use crate::output::{self, counted, wrap};
use anstyle::{AnsiColor, Style};
use linkbait::{Report, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const BOLD: Style = Style::new().bold();

/// Columns of verdict and trials, with the gaps around them.
const MIDDLE: usize = 24;

/// Names of victims in one note; more are counted.
const NAMED: usize = 4;

pub(super) fn render(run: &Run, width: usize) -> String {
    let mut out = String::new();
    let names = run.judged.iter().map(|j| short(&j.report.name).chars().count());
    let column = names.max().unwrap_or(0).max("victim".len());
    if !run.judged.is_empty() {
        let head = format!(
            "  {:column$}  {:12} {:>7}  found, by the weakest attacker",
            "victim", "verdict", "trials"
        );
        let _ = writeln!(out, "{BOLD}{head}{BOLD:#}");
    }
    for group in groups(&run.judged) {
        let _ = writeln!(out, "{}", output::line(group));
        for judged in run.judged.iter().filter(|judged| judged.group == group) {
            row(&mut out, &judged.report, column, width);
        }
    }
    notes(&mut out, &run.judged, width);
    totals(&mut out, run);
    out
}

/// The groups in the order in which they first appear.
fn groups(judged: &[Judged]) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for Judged { group, .. } in judged {
        if !groups.contains(&group.as_str()) {
            groups.push(group);
        }
    }
    groups
}

fn row(out: &mut String, report: &Report, column: usize, width: usize) {
    let style = style_of(report.verdict);
    let (name, verdict) = (short(&report.name), report.verdict.to_string());
    let indent = 2 + column + MIDDLE;
    let found = wrap(&found(report), width.saturating_sub(indent).max(24), indent);
    let row = format!("  {name:column$}  {style}{verdict:12}{style:#} {:>7}  {found}", report.trials);
    let _ = writeln!(out, "{}", row.trim_end());
}

/// A name that leaves room for the other columns: of a long command the beginning.
fn short(name: &str) -> String {
    const MOST: usize = 40;
    let name = output::line(name);
    match name.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}

fn style_of(verdict: Verdict) -> Style {
    let color = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail => AnsiColor::Red,
        Verdict::Inconclusive | Verdict::Unsupported => AnsiColor::Yellow,
    };
    let style = color.on_default();
    if verdict == Verdict::Fail { style.bold() } else { style }
}

/// The rules broken, by the weakest attacker that shows each; the file system, unless it is the
/// first of those judged on.
fn found(report: &Report) -> String {
    let mut rules: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    let usual = report.file_systems.first().map(|(name, _)| *name);
    for finding in &report.findings {
        let place = Some(finding.file_system).filter(|place| Some(*place) != usual);
        let place = place.map(|place| format!(" on {place}")).unwrap_or_default();
        rules.entry(finding.attacker).or_default().insert(format!("{}{place}", finding.rule));
    }
    let of_class = |(class, rules): (_, BTreeSet<String>)| {
        format!("{class}: {}", rules.into_iter().collect::<Vec<_>>().join(", "))
    };
    rules.into_iter().map(of_class).collect::<Vec<_>>().join("; ")
}

/// What was seen beside the findings, and what was not looked at.
fn notes(out: &mut String, judged: &[Judged], width: usize) {
    section(out, "notes", judged, |report| &report.notes, width);
    section(out, "not examined", judged, |report| &report.not_examined, width);
}

/// Each note once, with the victims it is about.
fn section(
    out: &mut String,
    title: &str,
    judged: &[Judged],
    notes_of: fn(&Report) -> &[String],
    width: usize,
) {
    let mut notes: Vec<(&str, Vec<String>)> = Vec::new();
    for Judged { report, .. } in judged {
        for note in notes_of(report) {
            match notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, victims)) => victims.push(output::line(&report.name)),
                None => notes.push((note, vec![output::line(&report.name)])),
            }
        }
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
    }
    for (note, victims) in notes {
        let more = victims.len().saturating_sub(NAMED);
        let shown = victims[..victims.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let note = format!("{shown}{more}: {}", output::line(note));
        let _ = writeln!(out, "  {}", wrap(&note, width.saturating_sub(4), 4));
    }
}

/// How far was gone beyond schedules of one act, and what of it was not tried.
fn depth(out: &mut String, run: &Run) {
    let sum = |of: fn(&Report) -> u64| run.judged.iter().map(|judged| of(&judged.report)).sum::<u64>();
    let samples = || run.judged.iter().filter_map(|judged| judged.report.samples);
    let acts = run.judged.iter().map(|judged| judged.report.depth).max().unwrap_or(1);
    if acts > 1 {
        let (reduced, refused, unreached) = (sum(|r| r.reduced), sum(|r| r.refused), sum(|r| r.unreached));
        let all = if unreached == 0 { "all" } else { "not all" };
        let _ = writeln!(
            out,
            "{all} schedules of up to {acts} acts: {reduced} reduced away, {refused} refused, {unreached} not reached"
        );
    }
    if let Some(any) = samples().next() {
        let (drawn, landed) = samples().fold((0, 0), |(d, l), one| (d + one.drawn, l + one.landed));
        let (acts, seed, early) = (any.acts, any.seed, drawn - landed);
        let _ = writeln!(
            out,
            "{drawn} samples of up to {acts} acts, seed {seed}: {landed} landed, {early} ended early; not exhaustive"
        );
    }
}

fn totals(out: &mut String, run: &Run) {
    let trials: u64 = run.judged.iter().map(|j| j.report.trials).sum();
    let count = |verdict| format!("{} {verdict}", run.count(verdict));
    let mut counts = vec![count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive)];
    if run.count(Verdict::Unsupported) > 0 {
        counts.push(count(Verdict::Unsupported));
    }
    let (victims, counts) = (counted(run.judged.len(), "victim"), counts.join(", "));
    let _ = writeln!(out, "\n{victims}, {trials} trials: {counts}");
    depth(out, run);
    if run.is_partial() {
        let (done, asked) = (run.judged.len(), run.asked);
        let _ = writeln!(out, "interrupted: only {done} of {asked} victims were judged");
    }
    if let Some(part) = run.of_a_part() {
        let _ = writeln!(out, "{part}");
    }
    if run.left_out > 0 {
        let slow = counted(run.left_out, "slow victim");
        let _ = writeln!(out, "left out: {slow}; `linkbait run slow` judges them");
    }
    let mut places: Vec<&str> = Vec::new();
    for (name, _) in run.judged.iter().flat_map(|judged| &judged.report.file_systems) {
        if !places.contains(name) {
            places.push(name);
        }
    }
    if places != ["tmpfs"] && !places.is_empty() {
        let _ = writeln!(out, "file systems: {}", places.join(", "));
    }
}
