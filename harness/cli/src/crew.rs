//! Judges victims on several cores; the results come in the order of the roster.

use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::source::{Reader, Source};
use crate::test::cache::Cache;
use linkbait::{Error, ErrorKind, Judge, Report, Verdict, Victim};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A report and what belongs to it.
pub(crate) struct Judged {
    pub(crate) report: Report,
    /// The victim's last tag, which says where it comes from.
    pub(crate) group: String,
    pub(crate) seconds: f64,
    /// What went wrong on our side.
    pub(crate) fault: Option<String>,
    /// It could not be started; the report says why.
    pub(crate) no_start: bool,
    /// The source lines of the findings, in their order; none of victims that are no programs.
    pub(crate) sources: Vec<Source>,
    /// It is the result of an earlier run.
    pub(crate) cached: bool,
}

impl Judged {
    /// The verdict, and whether it is an old one.
    pub(crate) fn verdict(&self) -> String {
        format!("{}{}", self.report.verdict, if self.cached { ", cached" } else { "" })
    }
}

/// Judges the victims, `jobs` at once, until all are done or the user interrupts.
pub(crate) fn judge_all(
    judge: &Judge,
    victims: &[Victim],
    jobs: usize,
    cache: Option<&Cache>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(victims.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(victims.len()) {
            scope.spawn(|| {
                let mut reader = Reader::default();
                while let Some((at, victim)) = take(&next, victims).filter(|_| !interrupt.came()) {
                    let judged = known_or_judged(judge, victim, cache, &mut reader);
                    progress.judged(&judged.report.name, &judged.verdict());
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, judged));
                }
            });
        }
    });
    progress.end();
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, judged)| judged).collect()
}

fn take<'v>(next: &AtomicUsize, victims: &'v [Victim]) -> Option<(usize, &'v Victim)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    victims.get(at).map(|victim| (at, victim))
}

/// What an earlier run came to, or else this one, which a later one may take.
fn known_or_judged(judge: &Judge, victim: &Victim, cache: Option<&Cache>, reader: &mut Reader) -> Judged {
    let judged = || {
        let judged = judge_one(judge, victim, reader);
        cache.into_iter().for_each(|cache| cache.put(victim, &judged));
        judged
    };
    cache.and_then(|cache| cache.get(victim)).unwrap_or_else(judged)
}

fn judge_one(judge: &Judge, victim: &Victim, reader: &mut Reader) -> Judged {
    let start = Instant::now();
    let result = judge.judge(victim);
    let seconds = start.elapsed().as_secs_f64();
    let group = victim.tag_list().last().map_or("untagged", String::as_str).to_owned();
    match result {
        Ok(mut report) => {
            let sources = reader.find(victim, &mut report.findings);
            Judged { report, group, seconds, fault: None, no_start: false, sources, cached: false }
        }
        Err(error) => {
            let no_start = matches!(error.kind(), ErrorKind::Victim(_));
            let ours = !no_start && !is_unsupported(&error);
            let fault = ours.then(|| error.to_string());
            let report = without_verdict(victim, &error);
            Judged { report, group, seconds, fault, no_start, sources: Vec::new(), cached: false }
        }
    }
}

/// The report on a victim that could not be judged. It must not cost the reports on the others.
fn without_verdict(victim: &Victim, error: &Error) -> Report {
    let mut report = Report::new(victim.name());
    report.verdict = if is_unsupported(error) { Verdict::Unsupported } else { Verdict::Inconclusive };
    report.not_examined.push(error.to_string());
    report
}

fn is_unsupported(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported(_))
}
