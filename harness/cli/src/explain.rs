//! `list` and `explain`: what there is and what it means.

use crate::Exit;
use crate::args::Usage;
use std::io::Write;

pub(crate) fn list_rules() -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    for rule in linkbait::RULES {
        writeln!(out, "{:24} CWE-{:<4} {}", rule.id, rule.cwe[0], rule.title)?;
    }
    Ok(Exit::Clean)
}

pub(crate) fn list_victims() -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    for victim in linkbait_races::roster() {
        writeln!(out, "{:22} {:18} {}", victim.name(), victim.tag_list().join(","), victim.summary_text())?;
    }
    Ok(Exit::Clean)
}

pub(crate) fn explain(id: &str) -> anyhow::Result<Exit> {
    let ids: Vec<_> = linkbait::RULES.iter().map(|r| r.id).collect();
    let Some(rule) = linkbait::rules::rule(id) else {
        return Err(Usage(format!("no rule {id}; the rules are {}", ids.join(", "))).into());
    };
    let cwe: Vec<String> = rule.cwe.iter().map(|n| format!("CWE-{n}")).collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: the victim {}\n{}\n\n{}\n", rule.id, rule.title, cwe.join(" "), rule.why)?;
    writeln!(out, "bad:   {}\ngood:  {}\n\nhelp: {}", rule.bad, rule.good, rule.help)?;
    Ok(Exit::Clean)
}
