//! What becomes of a report, made here or merged: it is printed and saved, and gives the exit code.

use crate::Exit;
use crate::args::{Printing, ReportFormat};
use crate::baseline::{Baseline, Compared};
use crate::config::ignore;
use crate::interrupt::Interrupt;
use crate::report::{self, Run, json};
use crate::{files, output};
use linkbait::Verdict;
use std::collections::BTreeSet;

/// Where the report goes, a file or stdout, and what it is compared with: both are looked at before the work begins.
pub(crate) struct Target {
    file: Option<files::Target>,
    baseline: Option<Baseline>,
}

impl Target {
    pub(crate) fn prepare(printing: &Printing) -> anyhow::Result<Target> {
        let prepare = match printing.format {
            ReportFormat::Markdown => files::Target::prepare_spliced,
            _ => files::Target::prepare,
        };
        let file = printing.output.as_deref().map(prepare).transpose()?;
        let baseline = printing.baseline.as_deref().map(Baseline::read).transpose()?;
        Ok(Target { file, baseline })
    }
}

/// Prints and saves the report, and says what it comes to. All findings are drawn when the victims were named.
pub(crate) fn publish(
    run: &Run,
    printing: &Printing,
    named: bool,
    target: Target,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    let counts = show(run, printing, &report::text(run, named || printing.verbose), target)?;
    Ok(verdict(run, printing.require, interrupt, counts))
}

/// Prints and saves the report, of which this is the text for people. True when its findings count, as not all are in the baseline.
pub(crate) fn show(run: &Run, printing: &Printing, told: &str, target: Target) -> anyhow::Result<bool> {
    let (document, page) = (json::render(run)?, report::page(run));
    let compared = target.baseline.map(|baseline| baseline.compare(run));
    let below = compared.as_ref().map(Compared::tell).unwrap_or_default();
    let text = match printing.format {
        ReportFormat::Json => document.clone(),
        ReportFormat::Text => format!("{told}{below}"),
        ReportFormat::Phases => report::by_phase(run),
        ReportFormat::Markdown => report::in_markdown(run),
        ReportFormat::Html => page.clone(),
        ReportFormat::Sarif => report::in_sarif(run)?,
        ReportFormat::Junit => report::in_junit(run)?,
        ReportFormat::Github => report::for_github(run),
    };
    let written = match target.file {
        Some(target) => target.write(&anstream::adapter::strip_str(&text).to_string()),
        None => output::print(&text).map_err(Into::into),
    };
    complain_of_faults(run);
    for told in ignore::told(run).iter().filter(|told| told.warns) {
        output::complain(&format!("warning: {}", told.text));
    }
    if run.asked > 0 {
        files::save(&run.judged, &document, &page)?;
    }
    // A file that could not be written costs no report: what was judged is saved by now.
    written?;
    let (all, ignored) = run.findings();
    Ok(compared.map_or(all > ignored, |compared| compared.has_new()))
}

/// Says each fault once, however many victims it befell; the scorecard names them.
fn complain_of_faults(run: &Run) {
    let mut told = BTreeSet::new();
    for judged in &run.judged {
        if let Some(fault) = judged.fault.as_ref().filter(|fault| told.insert(*fault)) {
            output::complain(&format!("{}: {fault}", judged.report.name));
        }
    }
}

/// The exit code. A fault of ours hides nothing else: it is what the reader must know first. Findings count unless all are known or ignored.
fn verdict(run: &Run, require: bool, interrupt: &Interrupt, findings_count: bool) -> Exit {
    let any = |verdict| run.count(verdict) > 0;
    match () {
        () if run.judged.iter().any(|judged| judged.fault.is_some()) => Exit::Ours,
        () if run.asked == 0 => Exit::NothingToJudge,
        () if require && any(Verdict::Unsupported) => Exit::Unsupported,
        () if run.is_partial() || interrupt.came() => Exit::Inconclusive,
        () if findings_count && any(Verdict::Fail) => Exit::Findings,
        () if run.judged.iter().any(|judged| judged.no_start || judged.report.hangs_alone) => {
            Exit::HangsAlone
        }
        // Known findings say nothing of what was not tried.
        () if any(Verdict::Inconclusive) || run.judged.iter().any(|judged| judged.report.unreached > 0) => {
            Exit::Inconclusive
        }
        () if any(Verdict::Pass) || any(Verdict::Fail) => Exit::Clean,
        () if any(Verdict::NothingToAttack) && !any(Verdict::Unsupported) => Exit::NothingToJudge,
        () => Exit::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Judged;
    use crate::report::origin::{Environment, Settings};
    use linkbait::{Determinism, Host, Report};

    /// The exit code when these were judged.
    fn exit(reports: &[(Verdict, bool)]) -> Exit {
        let judged = reports.iter().map(|&(verdict, hangs_alone)| {
            Judged::of(Report { verdict, hangs_alone, ..Report::new("made up") }, "")
        });
        let judged: Vec<_> = judged.collect();
        let environment = Environment::of(&Host::detect(), Determinism::OFF);
        let (settings, asked) = (Settings::default(), judged.len());
        let run = Run {
            environment,
            settings,
            part: None,
            judged,
            asked,
            left_out: 0,
            narrowed: false,
            ignores: Vec::new(),
            aside: Vec::new(),
        };
        verdict(&run, false, &Interrupt::default(), true)
    }

    #[test]
    fn a_victim_that_hangs_alone_is_told_apart_unless_there_are_findings() {
        let (pass, hung) = ((Verdict::Pass, false), (Verdict::Inconclusive, true));
        let limit = (Verdict::Inconclusive, false);
        assert_eq!(exit(&[pass, hung, limit]), Exit::HangsAlone);
        assert_eq!(exit(&[pass, limit]), Exit::Inconclusive);
        assert_eq!(exit(&[hung, (Verdict::Fail, false)]), Exit::Findings);
        assert_eq!(exit(&[(Verdict::Fail, true)]), Exit::Findings);
    }

    #[test]
    fn victims_with_nothing_to_attack_are_no_pass_and_spoil_none() {
        let (idle, pass) = ((Verdict::NothingToAttack, false), (Verdict::Pass, false));
        assert_eq!(exit(&[idle, idle]), Exit::NothingToJudge);
        assert_eq!(exit(&[idle, pass]), Exit::Clean);
        assert_eq!(exit(&[idle, (Verdict::Unsupported, false)]), Exit::Unsupported);
        assert_eq!(exit(&[idle, (Verdict::Inconclusive, false)]), Exit::Inconclusive);
    }
}
