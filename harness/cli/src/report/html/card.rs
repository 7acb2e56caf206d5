//! The scorecard of the page: a table, which on a narrow screen is a card for each victim.

use super::{NAME, Text, filter, prose};
use crate::output;
use crate::report::card::{Mark, Row, Square, rows};
use crate::report::{Run, below};
use linkbait::{Group, RULES};
use maud::{Markup, html};

pub(super) fn scorecard(run: &Run) -> Markup {
    html! {
        section id="scorecard" aria-labelledby="scorecard-title" {
            h2 id="scorecard-title" { "Scorecard" }
            // A table that is laid out otherwise is one for screen readers only if that is said.
            table.card role="table" aria-labelledby="scorecard-title" {
                thead role="rowgroup" {
                    tr role="row" {
                        th scope="col" role="columnheader" { "victim" }
                        @for group in Group::ALL { th scope="col" role="columnheader" { (group.name()) } }
                    }
                }
                @for (tag, rows) in rows(run) {
                    tbody role="rowgroup" {
                        tr.tag role="row" {
                            th scope="rowgroup" role="rowheader" colspan=(1 + Group::ALL.len()) { bdi { (Text(tag)) } }
                        }
                        @for row in rows { (victim(&row)) }
                    }
                }
            }
            p.muted { (prose(below::LEGEND)) }
            (columns())
        }
    }
}

fn victim(row: &Row<'_>) -> Markup {
    let name = output::clip(&row.judged.report.name, NAME);
    let findings = !row.judged.report.findings.is_empty();
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                @if findings { a href={ "#" (filter::victim(row.number)) } { bdi { (Text(&name)) } } }
                @else { bdi { (Text(&name)) } }
                @if let Some(remark) = row.remark() { p.remark { (Text(&remark)) } }
            }
            @for (group, square) in Group::ALL.iter().zip(&row.squares) { (cell(*group, square)) }
        }
    }
}

fn cell(group: Group, square: &Square) -> Markup {
    html! {
        td role="cell" data-group=(group.name()) class=(class_of(square.mark)) {
            span.word { (square.mark.word()) } @if let Some(behind) = square.behind() { " " small { (behind) } }
        }
    }
}

fn class_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Pass => "pass",
        Mark::Fail => "fail",
        Mark::Note => "note",
        Mark::NotApplicable => "na",
        Mark::Unknown => "unknown",
    }
}

/// What the columns are about.
fn columns() -> Markup {
    let rules = |group: Group| RULES.iter().filter(move |rule| rule.group == group);
    html! {
        details.columns {
            summary { "What the columns mean" }
            dl {
                @for group in Group::ALL {
                    div {
                        dt { (group.name()) }
                        dd {
                            "A victim passes that " (group.asks()) ": "
                            @for (at, rule) in rules(group).enumerate() { @if at > 0 { ", " } code { (rule.id) } } "."
                        }
                    }
                }
            }
        }
    }
}
