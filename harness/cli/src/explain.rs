//! `list` and `explain`: what there is and what it means.

use crate::args::{ListFormat, Listed, Usage};
use crate::output::wrap;
use crate::report::markdown::escape;
use crate::{advisory, output, schema, values};
use linkbait::{Bait, Group, Rule, Verb, Victim};
use std::fmt::Write;
use std::io::IsTerminal;

pub(crate) fn list(what: Listed, format: ListFormat) -> Result<String, Usage> {
    match (what, format) {
        (Listed::Rules, ListFormat::Text) => Ok(rules()),
        (Listed::Rules, ListFormat::Markdown) => Ok(rules_page()),
        (Listed::Victims, ListFormat::Text) => Ok(victims()),
        (Listed::Moves, ListFormat::Text) => Ok(moves()),
        (Listed::Schemas, ListFormat::Text) => Ok(schema::list()),
        (Listed::Advisories, ListFormat::Text) => Ok(advisory::list()),
        (Listed::Victims | Listed::Moves | Listed::Schemas | Listed::Advisories, ListFormat::Markdown) => {
            Err(Usage("--format markdown is for rules; all else is listed as text".to_owned()))
        }
    }
}

/// The last column, from `column` on. Elsewhere than in a terminal a thing has one line, which programs rely on.
fn wrap_in_terminal(text: &str, column: usize) -> String {
    let in_terminal = std::io::stdout().is_terminal();
    if in_terminal {
        wrap(text, output::width().saturating_sub(column).max(24), column)
    } else {
        text.to_owned()
    }
}

fn rules() -> String {
    let line = |rule: &&Rule| {
        let suspicion = if rule.suspicion { " (a suspicion, for auditors)" } else { "" };
        let title = format!("{}{suspicion}", rule.title);
        format!("{:24} CWE-{:<4} {}\n", rule.id, rule.cwe[0], wrap_in_terminal(&title, 34))
    };
    linkbait::RULES.iter().map(line).collect()
}

const PAGE_HEAD: &str = "# Rules

What must never happen to a victim, the code that is judged, whatever an attacker does to the names around it. Each rule stands under
its column of the scorecard, with what it is about, why it matters, and what to write instead. Its id never changes its meaning.
`linkbait explain ID` says the same.

The guideline of OpenStack is [this one](https://security.openstack.org/guidelines/dg_using-temporary-files-securely.html); the rules
of CERT are those of the [SEI's coding standards](https://wiki.sei.cmu.edu/confluence/display/seccode).
";

/// All that is said of the rules, under the columns of the scorecard.
fn rules_page() -> String {
    let mut page = PAGE_HEAD.to_owned();
    for group in Group::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\n## {}\n\nA victim passes that {}.", group.name(), group.asks());
        for rule in linkbait::RULES.iter().filter(|rule| rule.group == group) {
            page.push_str(&rule_section(rule));
        }
    }
    page
}

fn rule_section(rule: &Rule) -> String {
    let suspicion =
        if rule.suspicion { " A suspicion, shown to auditors only (`--persona auditor`)." } else { "" };
    let (title, why, help) = (prose(rule.title), prose(rule.why), prose(rule.help));
    format!(
        "\n### {}\n\nThe victim {title}. {}.{suspicion}\n\n{why}\n\n- instead of `{}`\n- write `{}`\n- that is: {help}\n",
        rule.id,
        cwe_links(rule),
        rule.bad,
        rule.good,
    )
}

/// Text of ours, in which code stands between backticks.
fn prose(text: &str) -> String {
    let part = |(at, part): (usize, &str)| if at % 2 == 1 { format!("`{part}`") } else { escape(part) };
    text.split('`').enumerate().map(part).collect()
}

fn cwe_links(rule: &Rule) -> String {
    let link = |n| format!("[CWE-{n}](https://cwe.mitre.org/data/definitions/{n}.html)");
    rule.cwe.iter().map(link).collect::<Vec<_>>().join(", ")
}

fn cwe(rule: &Rule) -> String {
    rule.cwe.iter().map(|n| format!("CWE-{n}")).collect::<Vec<_>>().join(" ")
}

/// Columns as wide as what stands in them.
fn victims() -> String {
    let roster = crate::roster::roster();
    let tags = |victim: &Victim| victim.tag_list().join(",");
    let width = |texts: &dyn Fn(&Victim) -> usize| roster.iter().map(texts).max().unwrap_or(0);
    let (names, all_tags) = (width(&|v| v.name().chars().count()), width(&|v| tags(v).chars().count()));
    let line = |victim: &Victim| {
        let (name, summary) = (output::line(victim.name()), output::line(victim.summary_text()));
        let summary = wrap_in_terminal(&summary, names + all_tags + 2);
        format!("{name:names$} {:all_tags$} {summary}\n", tags(victim))
    };
    roster.iter().map(line).collect()
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
    let width = output::width();
    Ok(format!(
        "{}\n{}\n\n{}\n\nbad:   {}\ngood:  {}\n\nhelp: {}\n",
        wrap(&format!("{}: the victim {}", rule.id, rule.title), width, 2),
        cwe(rule),
        wrap(rule.why, width, 0),
        rule.bad,
        rule.good,
        wrap(rule.help, width - 6, 6)
    ))
}
