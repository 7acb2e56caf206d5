//! One finding of the page: what happened, in lanes and trees, why it matters, what to do, and how to see it again.

use super::lanes::lanes;
use super::trees::trees;
use super::{Text, filter, prose};
use crate::crew::Judged;
use crate::files;
use crate::report::told::{how_found, line_of, names_of, timing};
use linkbait::{Class, Finding, Rule};
use maud::{Markup, html};

/// The `at`-th finding of the victim with this number.
pub(super) fn render(number: usize, judged: &Judged, at: usize, finding: &Finding, open: bool) -> Markup {
    let report = &judged.report;
    let line = judged.sources.get(at).map(|source| line_of(finding, source));
    let cwe: Vec<String> = finding.cwe.iter().map(|number| format!("CWE-{number}")).collect();
    let ignored = judged.ignored(at);
    let file = files::replay_path(&report.name, at, finding.rule);
    html! {
        details class=(filter::classes(number, finding)) id={ (filter::victim(number)) "-" (at + 1) } open[open && ignored.is_none()] {
            summary {
                h4 {
                    span.rule { (finding.rule) } " "
                    span.attacker { (attacker(finding.attacker)) } " "
                    @if finding.suspicion { span.suspicion { "suspected" } " " }
                    @if ignored.is_some() { span.suspicion { "ignored" } " " }
                    span.message { (Text(&finding.message)) }
                }
            }
            (lanes(finding))
            ul.how {
                @if let Some(ignored) = ignored { li { (Text(&ignored.to_string())) } }
                @if let Some(line) = line { li { (Text(&line)) } }
                @if let Some(names) = names_of(&finding.timeline) { li { (names) } }
                @if let Some(timing) = timing(finding) { li { (timing) } }
                li { (how_found(report, finding)) }
                li { "path " code { (Text(&finding.path)) } ", after " (finding.phase) }
            }
            (trees(finding))
            @if let Some(rule) = linkbait::rules::rule(finding.rule) { (explained(rule, finding, &cwe.join(", "))) }
            p.replay { "Replay with " code { "linkbait replay " (file) } }
        }
    }
}

fn attacker(class: Class) -> &'static str {
    match class {
        Class::None => "no attacker",
        Class::OtherUser | Class::DirWriter => class.name(),
    }
}

fn explained(rule: &Rule, finding: &Finding, cwe: &str) -> Markup {
    html! {
        h5 { "What to do" }
        p.help { (prose(linkbait::rules::help(finding))) }
        details.why {
            summary { "Why this matters: the victim " (rule.title) " (" (cwe) ")" }
            p { (prose(rule.why)) }
            dl.code {
                div { dt { "bad" } dd { code { (rule.bad) } } }
                div { dt { "good" } dd { code { (rule.good) } } }
            }
        }
    }
}
