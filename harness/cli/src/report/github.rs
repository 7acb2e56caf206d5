//! The report as commands of GitHub's workflows, which become annotations: an error for each finding that counts, at its line of source where that
//! is known, and a warning for each victim without a verdict.

use super::Run;
use crate::crew::Judged;
use crate::output;
use linkbait::Verdict;
use std::fmt::Write;

pub(super) fn render(run: &Run) -> String {
    let mut out = String::new();
    for judged in &run.judged {
        for (number, finding) in judged.report.findings.iter().enumerate() {
            let ignored = judged.ignored(number).map(|ignored| format!("; {ignored}"));
            let kind = if finding.suspicion || ignored.is_some() { "notice" } else { "error" };
            let (file, line) = super::place(judged, number, finding);
            let place = format!("file={},line={line},title=linkbait {}", property(&file), finding.rule);
            let (name, message, attacker) = (&judged.report.name, &finding.message, finding.attacker);
            let what = format!("{name}: {message}; attacker {attacker}{}", ignored.unwrap_or_default());
            // Writing to a string cannot fail.
            let _ = writeln!(out, "::{kind} {place}::{}", data(&what));
        }
        if let Some(what) = without_verdict(judged) {
            let _ = writeln!(out, "::warning title=linkbait::{}", data(&what));
        }
    }
    out
}

fn without_verdict(judged: &Judged) -> Option<String> {
    let report = &judged.report;
    let open = matches!(report.verdict, Verdict::Inconclusive | Verdict::Unsupported);
    open.then(|| format!("{}: {}: {}", report.name, report.verdict, report.not_examined.join("; ")))
}

/// The text of a command. What it is about may be hostile: a line that begins with two colons would be another command.
fn data(text: &str) -> String {
    output::line(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_command_or_begins_another() {
        let hostile = "a\n::error::b,c:d%0A";
        assert!(!data(hostile).contains('\n') && !property(hostile).contains([',', ':', '\n']));
        assert!(data("100%").ends_with("%25"));
    }
}
