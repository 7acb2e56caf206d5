//! What is said about a finding beside its steps: how it was found, whether it takes a race, what its names stand for.

use crate::output;
use crate::source::Source;
use linkbait::{Finding, Report};

/// What the numbered names in the steps stand for. What it was in one trial is told by nothing that others may compare.
pub(super) fn names_of(steps: &str) -> Option<String> {
    steps.contains("<1>").then(|| "<1> stands for a name that is another in every run".to_owned())
}

/// Where in its source the victim made the call.
pub(super) fn line_of(finding: &Finding, source: &Source) -> String {
    let made = if source.step == finding.step { "" } else { "made " };
    match (&source.at, &source.unknown) {
        (Some(frame), _) => format!("{made}at {}", output::line(&frame.to_string())),
        (None, why) => format!("source line unknown: {}", why.as_deref().unwrap_or("nobody looked")),
    }
}

pub(super) fn how_found(report: &Report, finding: &Finding) -> String {
    let depth = match report.unreached {
        0 => format!("depth {} complete", report.depth),
        missed => format!("depth {} incomplete, {missed} not tried", report.depth),
    };
    let (attacker, umask, place) = (finding.attacker, finding.umask, finding.file_system);
    if finding.trial == 0 {
        return format!("sampled with attacker {attacker}, umask {umask:03o}, on {place}; not exhaustive");
    }
    let kind = if finding.suspicion { "suspected" } else { "found" };
    format!(
        "{kind} after {} of {} trials with attacker {attacker}, umask {umask:03o}, on {place}; {depth}",
        finding.trial, report.trials
    )
}

/// Whether the attacker has to win a race.
pub(super) fn timing(finding: &Finding) -> Option<&'static str> {
    match finding.schedule.acts.as_slice() {
        _ if finding.schedule.switches() => {
            Some("a race between two copies of the program, without any attacker")
        }
        [] if finding.schedule.second => Some("no race: the second copy starts when the first has ended"),
        [] => None,
        _ if finding.raced => Some("a race: the attacker has to act between two calls"),
        _ => Some("no race: the attacker can act before the start"),
    }
}
