//! `run` and `exec`: judge victims, print and save the report, and say how it went.

use crate::args::{Judging, Persona, ReportFormat, Streams, Usage};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::report::{self, Run, json};
use crate::select::Selected;
use crate::{Exit, crew, files, output, select};
use linkbait::{Determinism, Error, ErrorKind, Host, Judge, Limits, Verdict, Victim};
use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::PathBuf;

/// `run`: victims of the roster, or those named, or those of files.
pub(crate) fn run(asked: &Judging, names: &[String]) -> anyhow::Result<Exit> {
    judge_victims(asked, &select::victims(names, asked)?, asked.verbose || !names.is_empty())
}

/// `exec`: one command.
pub(crate) fn exec(asked: &Judging, streams: &Streams, argv: &[String]) -> anyhow::Result<Exit> {
    judge_victims(asked, &Selected { victims: vec![select::command(streams, argv)?], left_out: 0 }, true)
}

fn judge_victims(asked: &Judging, selected: &Selected, draw: bool) -> anyhow::Result<Exit> {
    can_be_tried(asked)?;
    let victims = allow(selected.victims.clone(), &asked.writable)?;
    let victims = victims.as_slice();
    if victims.iter().any(Victim::is_program) || !asked.fs.is_empty() {
        contain()?;
    }
    let host = Host::detect();
    let target = asked.output.as_deref().map(files::Target::prepare).transpose()?;
    let interrupt = Interrupt::watch()?;
    let judge = judge(asked, &host).until(interrupt.stop());
    let jobs = host.at_once(asked.jobs.map_or(host.cores(), usize::from));
    let progress = Progress::new(!asked.no_progress && !victims.is_empty(), victims.len());
    let judged = crew::judge_all(&judge, victims, jobs, &progress, &interrupt);
    let left_out = selected.left_out;
    let determinism = asked.chance.or(Determinism::default());
    let run = Run { host, judged, asked: victims.len(), left_out, determinism };
    let document = json::render(&run)?;
    let text = match asked.format {
        ReportFormat::Json => document.clone(),
        ReportFormat::Text => report::text(&run, draw),
        ReportFormat::Phases => report::by_phase(&run),
    };
    match target {
        Some(target) => target.write(&anstream::adapter::strip_str(&text).to_string())?,
        None => output::print(&text)?,
    }
    complain_of_faults(&run);
    if !victims.is_empty() {
        files::save(&run.judged, &document)?;
    }
    Ok(verdict(&run, asked.require, &interrupt))
}

/// More than three acts can only be sampled.
fn can_be_tried(asked: &Judging) -> Result<(), Usage> {
    const MOST: u32 = 3;
    let wrong = match (asked.samples, asked.depth) {
        (None, acts) if acts > MOST => {
            format!("all schedules of {acts} acts are too many; 3 is the most, or add --samples N")
        }
        (Some(_), 1) => "--samples are of several acts; add --depth N, 2 to 8".to_owned(),
        _ => return Ok(()),
    };
    Err(Usage(wrong))
}

/// Lets the programs among the victims write these directories.
fn allow(victims: Vec<Victim>, writable: &[PathBuf]) -> Result<Vec<Victim>, Usage> {
    if !writable.is_empty() && !victims.is_empty() && !victims.iter().any(Victim::is_program) {
        return Err(Usage("--writable is for programs, and none of these victims is one".to_owned()));
    }
    Ok(victims.into_iter().map(|victim| select::allow(victim, writable)).collect())
}

/// Makes ready for programs, and for file systems to be mounted. Where that is impossible the reports on them say so,
/// which costs no report on others.
fn contain() -> Result<(), Error> {
    match linkbait::prepare_to_contain() {
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported(_)) => Ok(()),
        prepared => prepared,
    }
}

fn judge(asked: &Judging, host: &Host) -> Judge {
    let auditor = asked.persona == Persona::Auditor;
    let wanted = |id: &str| asked.rule.iter().any(|r| r == id);
    let rules = linkbait::RULES.iter().copied().filter(|rule| match asked.rule.as_slice() {
        [] => auditor || !rule.suspicion,
        _ => wanted(rule.id),
    });
    let limits = Limits { silence: asked.timeout.into(), ..Limits::default() };
    let rules: Vec<_> = rules.collect();
    let judge = Judge::new(host.clone()).rules(&rules).umasks(&asked.umask).limits(limits);
    let judge = judge.file_systems(&asked.fs).faults(asked.faults).signals(asked.signals);
    let judge = if asked.no_reduction { judge.without_reduction() } else { judge };
    let judge = match asked.samples {
        Some(count) => judge.samples(count, asked.depth, asked.chance.seed().unwrap_or_else(any_seed)),
        None => judge.depth(asked.depth),
    };
    let chance = asked.chance.or(Determinism::default());
    let judge = if asked.chance.is_asked() { judge.determinism(chance) } else { judge };
    if asked.attacker.is_empty() { judge } else { judge.attackers(&asked.attacker) }
}

/// One that nobody has chosen, short enough to be typed.
fn any_seed() -> u64 {
    RandomState::new().hash_one(()) & 0xffff_ffff
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

/// The exit code. A fault of ours hides nothing else: it is what the reader must know first.
fn verdict(run: &Run, require: bool, interrupt: &Interrupt) -> Exit {
    let any = |verdict| run.count(verdict) > 0;
    match () {
        () if run.judged.iter().any(|judged| judged.fault.is_some()) => Exit::Ours,
        () if run.asked == 0 => Exit::NothingToJudge,
        () if require && any(Verdict::Unsupported) => Exit::Unsupported,
        () if run.is_partial() || interrupt.came() => Exit::Inconclusive,
        () if any(Verdict::Fail) => Exit::Findings,
        () if run.judged.iter().any(|judged| judged.no_start || judged.report.hangs_alone) => {
            Exit::HangsAlone
        }
        () if any(Verdict::Inconclusive) => Exit::Inconclusive,
        () if any(Verdict::Pass) => Exit::Clean,
        () => Exit::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Judged;
    use linkbait::Report;

    /// The exit code when these were judged.
    fn exit(reports: &[(Verdict, bool)]) -> Exit {
        let judged = reports.iter().map(|&(verdict, hangs_alone)| {
            let report = Report { verdict, hangs_alone, ..Report::new("made up") };
            Judged { report, group: String::new(), seconds: 0.0, fault: None, no_start: false }
        });
        let judged: Vec<_> = judged.collect();
        let run = Run {
            host: Host::detect(),
            asked: judged.len(),
            left_out: 0,
            judged,
            determinism: Determinism::OFF,
        };
        verdict(&run, false, &Interrupt::default())
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
}
