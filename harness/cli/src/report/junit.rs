//! The report as JUnit XML: a suite for each victim, a case in it for each rule. What could not be tried is an error and never a
//! pass; a rule that no trial could have broken is skipped, and so is one of which all findings are ignored.

use super::Run;
use crate::crew::Judged;
use crate::output;
use linkbait::{Finding, RULES, Rule, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

pub(super) fn render(run: &Run) -> anyhow::Result<String> {
    let mut report = Report::new("linkbait");
    for judged in &run.judged {
        let mut suite = TestSuite::new(output::line(&judged.report.name));
        suite.set_time(Duration::from_secs_f64(judged.seconds));
        suite.add_test_cases(RULES.iter().map(|rule| case(judged, rule)));
        report.add_test_suite(suite);
    }
    // What is skipped the crate calls disabled, which few readers know. In text quotes are escaped, so there it stays.
    Ok(report.to_string()?.replace(" disabled=\"", " skipped=\""))
}

fn case(judged: &Judged, rule: &Rule) -> TestCase {
    let mut case = TestCase::new(rule.id, status(judged, rule));
    case.set_classname(output::line(&judged.report.name));
    case
}

fn status(judged: &Judged, rule: &Rule) -> TestCaseStatus {
    let report = &judged.report;
    let of_rule = || report.findings.iter().enumerate().filter(|(_, finding)| finding.rule == rule.id);
    let counts = |(number, finding)| judged.ignored(number).is_none().then_some(finding);
    let broken: Vec<&Finding> = of_rule().filter_map(counts).collect();
    let ignored = of_rule().find_map(|(number, _)| judged.ignored(number));
    let trials: u64 = report.cells.iter().filter(|cell| cell.rule == rule.id).map(|cell| cell.trials).sum();
    let why = || report.not_examined.iter().map(|what| output::line(what)).collect::<Vec<_>>().join("; ");
    match report.verdict {
        _ if !broken.is_empty() => failure(&broken),
        _ if judged.fault.is_some() => error("our own fault", judged.fault.as_deref().unwrap_or_default()),
        Verdict::Inconclusive | Verdict::Unsupported => error(&report.verdict.to_string(), &why()),
        // Of a victim that has failed otherwise not everything need have been tried either.
        _ if report.unreached > 0 || report.hangs_alone => error("inconclusive", &why()),
        _ if trials == 0 => skipped("no trial could have broken it"),
        _ => ignored.map_or_else(TestCaseStatus::success, |ignored| skipped(&ignored.to_string())),
    }
}

fn failure(broken: &[&Finding]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let timelines: Vec<String> = broken
        .iter()
        .map(|finding| finding.timeline.lines().map(output::line).collect::<Vec<_>>().join("\n"))
        .collect();
    let first = broken.first().map_or("", |finding| &finding.message);
    status.set_type("finding").set_message(output::line(first)).set_description(timelines.join("\n\n"));
    status
}

fn error(kind: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(kind).set_message(output::line(if why.is_empty() { kind } else { why }));
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}
