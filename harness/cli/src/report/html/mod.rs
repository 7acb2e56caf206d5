//! The report as one HTML file: nothing is loaded, nothing runs. Owns the page; its parts are in the modules.
//!
//! Names are hostile: text goes in as [`Text`], or through functions that make it safe, and maud escapes all.

mod card;
mod filter;
mod finding;
mod lanes;
mod trees;

use super::{Run, alone, below, card::rows};
use crate::crew::Judged;
use crate::output::{self, counted};
use linkbait::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded or run, whatever got into the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Characters of a victim's name in headings; a command can be long.
const NAME: usize = 120;

/// Up to so many findings are open from the start.
const FEW: usize = 2;

/// Text that may hold anything.
struct Text<'t>(&'t str);

impl Render for Text<'_> {
    fn render_to(&self, page: &mut String) {
        output::line(self.0).render_to(page);
    }
}

/// A sentence of ours, or with names in it, in which what stands between backticks is code.
fn prose(text: &str) -> Markup {
    let parts = text.split('`').enumerate();
    html! {
        @for (at, part) in parts {
            @if at % 2 == 1 { code { (Text(part)) } } @else { (Text(part)) }
        }
    }
}

pub(super) fn render(run: &Run) -> String {
    let style = format!("{STYLE}{}", filter::style(run));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "linkbait: " (outcome(run)) }
                // A style of ours, without a word from outside.
                style { (PreEscaped(style)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (head(run))
                main id="main" {
                    (card::scorecard(run))
                    (findings(run))
                    (notes(run))
                    (caveats())
                    (origin(run))
                }
            }
        }
    };
    page.into_string()
}

/// The report in a few words.
fn outcome(run: &Run) -> String {
    let (failed, all) = (run.count(Verdict::Fail), run.judged.len());
    match () {
        () if all == 0 => "nothing was judged".to_owned(),
        () if failed > 0 => format!("{failed} of {} failed", counted(all, "victim")),
        () if run.count(Verdict::Pass) + run.count(Verdict::NothingToAttack) == all && !run.is_partial() => {
            "no rule was broken".to_owned()
        }
        () => "no rule was broken, but not everything was judged".to_owned(),
    }
}

fn head(run: &Run) -> Markup {
    html! {
        header {
            p.tool { "linkbait " (env!("CARGO_PKG_VERSION")) }
            h1 { (first_upper(&outcome(run))) }
            @for line in below::totals(run) { p { (prose(&line)) } }
            nav aria-label="Parts of the report" {
                a href="#scorecard" { "Scorecard" } " "
                a href="#findings" { "Findings" } " "
                @for (title, _) in below::notes(run) { a href=(anchor(title)) { (first_upper(title)) } " " }
                a href="#caveats" { "What a clean row does not mean" } " "
                a href="#origin" { "How it was made" }
            }
        }
    }
}

fn first_upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

fn anchor(title: &str) -> String {
    format!("#{}", title.replace(' ', "-"))
}

fn findings(run: &Run) -> Markup {
    let count: usize = run.judged.iter().map(|judged| judged.report.findings.len()).sum();
    let worth_telling =
        |judged: &Judged| !judged.report.findings.is_empty() || alone::told(&judged.report).is_some();
    html! {
        section id="findings" aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings" }
            @if count == 0 { p { "None." } } @else { (filter::form(run)) }
            @for row in rows(run).iter().flat_map(|(_, rows)| rows).filter(|row| worth_telling(row.judged)) {
                (of_victim(row.number, row.judged, count <= FEW))
            }
        }
    }
}

/// What is told of one victim.
fn of_victim(number: usize, judged: &Judged, open: bool) -> Markup {
    let report = &judged.report;
    let title = format!("v{number}-title");
    html! {
        section id=(filter::victim(number)) class=(filter::classes_of_victim(number, report)) aria-labelledby=(title) {
            h3 id=(title) { bdi { (Text(&output::clip(&report.name, NAME))) } }
            p.muted {
                (report.verdict) ", " (counted(report.trials as usize, "trial"))
                @if report.unreached > 0 { ", " (report.unreached) " not reached" }
            }
            @if let Some(told) = alone::told(report) {
                p { "Left alone it " (told.how) @if told.lines.is_empty() { "; it printed nothing." } @else { ":" } }
                @if !told.lines.is_empty() {
                    pre { @if told.more { "…\n" } @for line in &told.lines { (Text(line)) "\n" } }
                }
            }
            @for (at, found) in report.findings.iter().enumerate() {
                (finding::render(number, judged, at, found, open))
            }
        }
    }
}

fn notes(run: &Run) -> Markup {
    html! {
        @for (title, lines) in below::notes(run) {
            section aria-labelledby=(&anchor(title)[1..]) {
                h2 id=(&anchor(title)[1..]) { (first_upper(title)) }
                ul { @for line in lines { li { (Text(&line)) } } }
            }
        }
    }
}

fn caveats() -> Markup {
    html! {
        section.caveats aria-labelledby="caveats" {
            h2 id="caveats" { "What a clean row does not mean" }
            ul { @for caveat in below::CAVEATS { li { (prose(caveat)) } } }
        }
    }
}

fn origin(run: &Run) -> Markup {
    let facts = run.environment.facts().into_iter().chain(run.settings.facts());
    html! {
        section aria-labelledby="origin" {
            h2 id="origin" { "How it was made" }
            dl.facts { @for (what, value) in facts { div { dt { (what) } dd { (Text(&value)) } } } }
        }
    }
}
