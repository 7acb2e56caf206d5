//! The scorecard as Markdown, between markers by which `files::splice` finds it again in a text of somebody's.

use super::card::{Row, rows};
use super::{Run, below};
use crate::files::{BEGIN, END};
use crate::output;
use linkbait::Group;
use std::fmt::Write;

/// Characters of a victim's name; a command can be long.
const NAME: usize = 80;

pub(super) fn render(run: &Run) -> String {
    let groups = Group::ALL.map(Group::name).join(" | ");
    let mut out = format!("{BEGIN}\n\n| victim | {groups} | by the weakest attacker |\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "|---|{}---|", "---|".repeat(Group::ALL.len()));
    for row in rows(run).iter().flat_map(|(_, rows)| rows) {
        let _ = writeln!(out, "{}", line(row));
    }
    let _ = writeln!(out, "\n{}\n", below::LEGEND);
    for line in below::totals(run) {
        let _ = writeln!(out, "{line}  ");
    }
    for (title, lines) in below::notes(run) {
        list(&mut out, title, lines.iter().map(|line| escape(line)));
    }
    list(&mut out, "what a clean row does not mean", below::CAVEATS.iter().map(|&caveat| caveat.to_owned()));
    let _ = writeln!(out, "\n{END}");
    out
}

fn line(row: &Row<'_>) -> String {
    let squares = row.squares.map(|square| square.to_string()).join(" | ");
    let name = escape(&output::clip(&row.judged.report.name, NAME));
    format!("| {name} | {squares} | {} |", row.remark().as_deref().map(escape).unwrap_or_default())
}

fn list(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let _ = writeln!(out, "\n**{title}**\n");
    lines.for_each(|line| out.push_str(&format!("- {line}\n")));
}

/// Text that Markdown takes for nothing else.
pub(crate) fn escape(text: &str) -> String {
    let text = output::line(text);
    text.chars().flat_map(|c| "\\`*_<>[]#|&~!".contains(c).then_some('\\').into_iter().chain([c])).collect()
}
