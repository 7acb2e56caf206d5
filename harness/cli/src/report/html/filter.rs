//! Choosing what findings are shown, by style alone: each value of a list hides all that does not have its class.

use super::{NAME, Text};
use crate::output;
use crate::report::Run;
use linkbait::{Class, Finding, RULES, Report};
use maud::{Markup, html};
use std::fmt::Write;

/// The lists, by their ids.
const LISTS: [&str; 3] = ["by-rule", "by-attacker", "by-victim"];

/// The class and id of what is about a victim, by its place in the report.
pub(super) fn victim(number: usize) -> String {
    format!("v{number}")
}

fn rule(id: &str) -> String {
    format!("rule-{id}")
}

fn attacker(class: Class) -> String {
    format!("attacker-{class}")
}

pub(super) fn classes(number: usize, finding: &Finding) -> String {
    format!("finding {} {} {}", victim(number), rule(finding.rule), attacker(finding.attacker))
}

pub(super) fn classes_of_victim(number: usize, report: &Report) -> String {
    let of_findings = |finding: &Finding| [rule(finding.rule), attacker(finding.attacker)];
    let mut classes: Vec<String> = report.findings.iter().flat_map(of_findings).collect();
    classes.sort();
    classes.dedup();
    format!("of-victim {} {}", victim(number), classes.join(" "))
}

/// What can be chosen in each list: a class, and how it is called.
fn choices(run: &Run) -> [Vec<(String, String)>; 3] {
    let findings = || run.judged.iter().flat_map(|judged| &judged.report.findings);
    let rules = RULES.iter().filter(|rule| findings().any(|finding| finding.rule == rule.id));
    let classes = Class::ALL.into_iter().filter(|class| findings().any(|finding| finding.attacker == *class));
    let victims = run.judged.iter().enumerate().filter(|(_, judged)| !judged.report.findings.is_empty());
    [
        rules.map(|known| (rule(known.id), known.id.to_owned())).collect(),
        classes.map(|class| (attacker(class), class.to_string())).collect(),
        victims.map(|(number, judged)| (victim(number), output::clip(&judged.report.name, NAME))).collect(),
    ]
}

/// What hides the rest when something was chosen. Classes are words of ours, so nothing here has to be escaped.
pub(super) fn style(run: &Run) -> String {
    let mut style = String::new();
    for (list, choices) in LISTS.iter().zip(choices(run)) {
        for (class, _) in choices {
            // Writing to a string cannot fail.
            let _ = writeln!(
                style,
                "#findings:has(#{list} [value={class}]:checked) :is(.finding,.of-victim):not(.{class}){{display:none}}"
            );
        }
    }
    style
}

/// The lists in which there is something to choose.
pub(super) fn form(run: &Run) -> Markup {
    let labels = ["rule", "attacker", "victim"];
    let lists: Vec<_> = LISTS.iter().zip(labels).zip(choices(run)).filter(|(_, all)| all.len() > 1).collect();
    html! {
        @if !lists.is_empty() {
            form.filter autocomplete="off" aria-label="Choose what findings are shown" {
                @for ((list, label), choices) in lists {
                    label for=(list) { (label) }
                    select id=(list) {
                        option value="" { "all" }
                        @for (class, name) in choices { option value=(class) { (Text(&name)) } }
                    }
                }
                button type="reset" { "show all" }
            }
        }
    }
}
