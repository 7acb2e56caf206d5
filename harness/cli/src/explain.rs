//! `list` and `explain`: what there is and what it means.

use crate::args::{Listed, Usage};
use crate::{output, values};
use linkbait::{Bait, Verb};
use std::fmt::Write;

pub(crate) fn list(what: Listed) -> String {
    match what {
        Listed::Rules => rules(),
        Listed::Victims => victims(),
        Listed::Moves => moves(),
    }
}

fn rules() -> String {
    let line = |rule: &&linkbait::Rule| {
        let suspicion = if rule.suspicion { " (a suspicion, for auditors)" } else { "" };
        format!("{:24} CWE-{:<4} {}{suspicion}\n", rule.id, rule.cwe[0], rule.title)
    };
    linkbait::RULES.iter().map(line).collect()
}

fn victims() -> String {
    let line = |victim: &linkbait::Victim| {
        let (name, summary) = (output::line(victim.name()), output::line(victim.summary_text()));
        format!("{name:22} {:18} {summary}\n", victim.tag_list().join(","))
    };
    linkbait_races::roster().iter().map(line).collect()
}

/// The verbs, then the baits, as they are written in timelines.
fn moves() -> String {
    let mut text = String::new();
    for verb in Verb::ALL {
        let with = if verb.needs_bait() { " BAIT" } else { "" };
        let _ = writeln!(text, "{}{with}", verb.name());
    }
    text.push_str("\nBAIT is one of\n");
    for bait in Bait::ALL {
        let (kind, with) = bait.words();
        let arrow = if with.starts_with("outside") { "-> " } else { "" };
        let _ = writeln!(text, "  {kind} {arrow}{with}");
    }
    text
}

pub(crate) fn explain(id: &str) -> anyhow::Result<String> {
    let Some(rule) = linkbait::rules::rule(id) else {
        let ids: Vec<_> = linkbait::RULES.iter().map(|r| r.id).collect();
        return Err(Usage(format!("no rule {}: {}", output::line(id), values::unknown(id, &ids))).into());
    };
    let cwe: Vec<String> = rule.cwe.iter().map(|n| format!("CWE-{n}")).collect();
    Ok(format!(
        "{}: the victim {}\n{}\n\n{}\n\nbad:   {}\ngood:  {}\n\nhelp: {}\n",
        rule.id,
        rule.title,
        cwe.join(" "),
        rule.why,
        rule.bad,
        rule.good,
        rule.help
    ))
}
