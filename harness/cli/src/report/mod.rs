//! The report on a run: findings and scorecard as text, or JSON. Owns what both are made from.

pub(crate) mod finding;
pub(crate) mod json;
mod scorecard;

use crate::crew::Judged;
use crate::output;
use linkbait::{Host, Verdict};

/// Everything that a report tells.
pub(crate) struct Run {
    pub(crate) host: Host,
    pub(crate) judged: Vec<Judged>,
    /// How many victims were to be judged.
    pub(crate) asked: usize,
    /// Moves in one schedule.
    pub(crate) depth: u32,
}

impl Run {
    /// True when the user ended it early.
    pub(crate) fn is_partial(&self) -> bool {
        self.judged.len() < self.asked
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.judged.iter().filter(|j| j.report.verdict == verdict).count()
    }
}

/// The findings, then the scorecard, so that the scorecard is what stays on the screen.
pub(crate) fn text(run: &Run) -> String {
    let width = output::width();
    let mut text = String::new();
    for Judged { report, .. } in &run.judged {
        for (number, found) in report.findings.iter().enumerate() {
            text.push_str(&finding::draw(run, report, number, found, width));
            text.push_str("\n\n");
        }
    }
    text.push_str(&scorecard::render(run, width));
    text
}
