//! The scorecard for a terminal: a row for each victim, a column for each group of rules.
//!
//! It fits into 80 columns: counts are left out where there is no room, and a name that is too long has a line of its own. Below a row that is not clean stands the weakest attacker that shows each fault.

use super::card::{Mark, Row, Square, rows};
use super::{Run, below};
use crate::output::{self, wrap};
use crate::test::short_name;
use anstyle::{AnsiColor, Style};
use linkbait::Group;
use std::fmt::Write;

const BOLD: Style = Style::new().bold();

/// How much a cell says of the trials behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Of what was broken how often, and of how many.
    Full,
    /// Of what was broken how often.
    Hits,
    /// Nothing.
    Words,
}

/// Before a name.
const INDENT: usize = 2;

/// What is tried in turn to fit into a line: the detail, the gap between columns, the least room for names.
const FITS: [(Detail, usize, usize); 4] =
    [(Detail::Full, 2, 16), (Detail::Hits, 2, 16), (Detail::Hits, 1, 10), (Detail::Words, 1, 10)];

pub(super) fn render(run: &Run, width: usize) -> String {
    let mut out = String::new();
    let tags = rows(run);
    if !run.judged.is_empty() {
        let table = Table::fitting(&tags, width);
        table.head(&mut out);
        for (tag, rows) in &tags {
            let _ = writeln!(out, "{}", output::line(tag));
            rows.iter().for_each(|row| table.row(&mut out, row, width));
        }
        below(&mut out, run, table.detail, width);
    }
    for line in below::totals(run) {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// What stands between the rows and the counts.
fn below(out: &mut String, run: &Run, detail: Detail, width: usize) {
    let short = match detail {
        Detail::Full => "",
        Detail::Hits => " Where N is missing there was no room.",
        Detail::Words => " Where M and N are missing there was no room.",
    };
    let _ = writeln!(out, "\n{}", wrap(&format!("{}{short}", below::LEGEND), width, 0));
    let caveats = below::CAVEATS.map(str::to_owned).to_vec();
    let notes = below::notes(run).into_iter();
    for (title, lines) in notes.chain([("what a clean row does not mean", caveats)]) {
        let _ = writeln!(out, "\n{BOLD}{title}{BOLD:#}");
        for line in lines {
            let _ = writeln!(out, "  {}", wrap(&line, width.saturating_sub(4), 4));
        }
    }
    out.push('\n');
}

/// How wide the columns are.
struct Table {
    detail: Detail,
    gap: usize,
    names: usize,
    squares: [usize; Group::ALL.len()],
}

impl Table {
    fn fitting(tags: &[(&str, Vec<Row<'_>>)], width: usize) -> Table {
        let rows = || tags.iter().flat_map(|(_, rows)| rows);
        let names =
            rows().map(|row| name(row).chars().count()).max().unwrap_or(0).max("victim".len()) + INDENT;
        let columns = |detail: Detail| -> [usize; Group::ALL.len()] {
            let widest =
                |at: usize| rows().map(|row| cell(&row.squares[at], detail).len()).max().unwrap_or(0);
            std::array::from_fn(|at| widest(at).max(Group::ALL[at].name().len()))
        };
        let table = |(detail, gap, least): (Detail, usize, usize)| {
            let squares = columns(detail);
            let room = width.saturating_sub(squares.iter().map(|column| column + gap).sum());
            (room >= names.min(least), Table { detail, gap, names: names.min(room.max(least)), squares })
        };
        let [.., least] = FITS;
        let fitting = FITS.into_iter().map(table).find(|(fits, _)| *fits);
        fitting.unwrap_or_else(|| table(least)).1
    }

    fn head(&self, out: &mut String) {
        let _ = write!(out, "{BOLD}{:1$}", "  victim", self.names);
        for (group, column) in Group::ALL.iter().zip(self.squares) {
            let _ = write!(out, "{:1$}{2:column$}", "", self.gap, group.name());
        }
        out.truncate(out.trim_end().len());
        let _ = writeln!(out, "{BOLD:#}");
    }

    fn row(&self, out: &mut String, row: &Row<'_>, width: usize) {
        let name = format!("  {}", name(row));
        if name.chars().count() > self.names {
            let _ = write!(out, "{name}\n{:1$}", "", self.names);
        } else {
            let _ = write!(out, "{name:0$}", self.names);
        }
        for (square, column) in row.squares.iter().zip(self.squares) {
            let (style, text) = (style_of(square.mark), cell(square, self.detail));
            let (gap, rest) = (self.gap, column - text.len());
            let _ = write!(out, "{:gap$}{style}{text}{style:#}{:rest$}", "", "");
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
        if let Some(remark) = row.remark() {
            let _ = writeln!(out, "      {}", wrap(&remark, width.saturating_sub(8), 8));
        }
    }
}

fn cell(square: &Square, detail: Detail) -> String {
    match (detail, square.mark) {
        (Detail::Words, _) => square.mark.word().to_owned(),
        (Detail::Hits, Mark::Fail | Mark::Note) if square.hits > 0 => {
            format!("{} {}", square.mark.word(), square.hits)
        }
        (Detail::Hits | Detail::Full, _) => square.to_string(),
    }
}

/// A name that leaves room for the other columns: of a long command the beginning.
fn name(row: &Row<'_>) -> String {
    const MOST: usize = 40;
    output::clip(&output::line(short_name(&row.judged.report.name, &row.judged.group)), MOST)
}

fn style_of(mark: Mark) -> Style {
    match mark {
        Mark::Pass => AnsiColor::Green.on_default(),
        Mark::Fail => AnsiColor::Red.on_default().bold(),
        Mark::Note | Mark::Unknown => AnsiColor::Yellow.on_default(),
        Mark::NotApplicable => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Judged;
    use crate::report::origin::{Environment, Settings};
    use linkbait::{Cell, Determinism, Host, RULES, Report, Verdict};

    /// A report on victims of these names, with this many trials behind every rule, all of them broken.
    fn run(names: &[&str], trials: u64) -> Run {
        let cell = |rule: &&linkbait::Rule| Cell {
            rule: rule.id,
            phase: "success",
            trials,
            broken: trials,
            noted: 0,
        };
        let judged = |name: &&str| {
            let cells = RULES.iter().map(cell).collect();
            let report = Report { verdict: Verdict::Fail, cells, ..Report::new(name) };
            Judged::of(report, "made-up")
        };
        Run {
            environment: Environment::of(&Host::detect(), Determinism::OFF),
            settings: Settings::of_all_rules(),
            part: None,
            judged: names.iter().map(judged).collect(),
            asked: names.len(),
            left_out: 0,
            narrowed: false,
            ignores: Vec::new(),
            aside: Vec::new(),
        }
    }

    #[test]
    fn every_line_fits_into_80_columns_and_a_long_name_has_one_of_its_own() {
        let long = "x".repeat(200);
        for trials in [1, 999, 9999] {
            let text = anstream::adapter::strip_str(&render(&run(&["short", &long], trials), 80)).to_string();
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest.is_some_and(|columns| columns <= 80), "{text}");
            assert!(text.lines().any(|line| line.starts_with("  xxx") && line.ends_with('…')), "{text}");
            assert_eq!(text.matches(&format!("FAIL {trials}")).count(), 2 * Group::ALL.len(), "{text}");
        }
        let text = render(&run(&["short", &long], 999_999), 80);
        assert!(text.contains("Where M and N are missing"), "{text}");
    }

    #[test]
    fn with_room_enough_a_cell_says_of_how_many_trials() {
        let text = render(&run(&["short"], 9999), 140);
        assert_eq!(text.matches("FAIL 9999/9999").count(), Group::ALL.len(), "{text}");
        assert!(!text.contains("there was no room"), "{text}");
    }
}
