//! Judges victims on several cores; the results come in the order of the roster.

use crate::interrupt::Interrupt;
use crate::progress::Progress;
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
}

/// Judges the victims, `jobs` at once, until all are done or the user interrupts.
pub(crate) fn judge_all(
    judge: &Judge,
    victims: &[Victim],
    jobs: usize,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(victims.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(victims.len()) {
            scope.spawn(|| {
                while let Some((at, victim)) = take(&next, victims).filter(|_| !interrupt.came()) {
                    let judged = judge_one(judge, victim);
                    progress.judged(&judged.report.name, &judged.report.verdict.to_string());
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

fn judge_one(judge: &Judge, victim: &Victim) -> Judged {
    let start = Instant::now();
    let result = judge.judge(victim);
    let seconds = start.elapsed().as_secs_f64();
    let group = victim.tag_list().last().map_or("untagged", String::as_str).to_owned();
    match result {
        Ok(report) => Judged { report, group, seconds, fault: None, no_start: false },
        Err(error) => {
            let no_start = matches!(error.kind(), ErrorKind::Victim(_));
            let ours = !no_start && !is_unsupported(&error);
            let fault = ours.then(|| error.to_string());
            Judged { report: without_verdict(victim, &error), group, seconds, fault, no_start }
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
