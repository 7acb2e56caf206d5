//! Judges victims on several cores; the results come in the order of the roster.

use crate::config::ignore::Ignored;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::source::{Reader, Source};
use linkbait::{ErrorKind, Judge, Report, Verdict, Victim};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// Which of the findings are ignored, in their order; empty before anybody looked.
    pub(crate) ignored: Vec<Option<Ignored>>,
    pub(crate) when: When,
}

/// When a victim was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// By a run that was interrupted, which this one goes on with.
    BeforeInterruption,
    Earlier,
}

impl Judged {
    /// A report by itself.
    pub(crate) fn of(report: Report, group: &str) -> Judged {
        Judged {
            report,
            group: group.to_owned(),
            seconds: 0.0,
            fault: None,
            no_start: false,
            sources: Vec::new(),
            ignored: Vec::new(),
            when: When::Now,
        }
    }

    /// Why the finding of this number is ignored, if it is.
    pub(crate) fn ignored(&self, number: usize) -> Option<&Ignored> {
        self.ignored.get(number)?.as_ref()
    }

    /// The verdict, and whether it is an old one.
    pub(crate) fn verdict(&self) -> String {
        let told = match self.when {
            When::Now => "",
            When::BeforeInterruption => ", before the interruption",
            When::Earlier => ", cached",
        };
        format!("{}{told}", self.report.verdict)
    }
}

/// Judges the victims, each by `judge`, `jobs` at once and begun in this order, until all are done or the user interrupts.
pub(crate) fn judge_all<V: Sync>(
    victims: &[V],
    order: &[usize],
    judge: impl Fn(&V, &mut Reader) -> Judged + Sync,
    jobs: usize,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(victims.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(victims.len()) {
            scope.spawn(|| {
                let mut reader = Reader::default();
                while let Some((at, victim)) = take(&next, order, victims).filter(|_| !interrupt.came()) {
                    let judged = judge(victim, &mut reader);
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

fn take<'v, V>(next: &AtomicUsize, order: &[usize], victims: &'v [V]) -> Option<(usize, &'v V)> {
    let at = *order.get(next.fetch_add(1, Ordering::Relaxed))?;
    victims.get(at).map(|victim| (at, victim))
}

/// Judges a victim in this process.
pub(crate) fn judge_here(judge: &Judge, victim: &Victim, reader: &mut Reader) -> Judged {
    match judge.judge(victim) {
        Ok(mut report) => {
            let sources = reader.find(victim, &mut report.findings);
            Judged { report, sources, ..empty(victim) }
        }
        Err(error) => match error.kind() {
            ErrorKind::Unsupported(_) => unsupported(victim, &error.to_string()),
            ErrorKind::Victim(_) => Judged { no_start: true, ..not_judged(victim, &error.to_string(), None) },
            _ => not_judged(victim, &error.to_string(), Some(&error.to_string())),
        },
    }
}

/// A victim that this machine cannot judge. It must not cost the reports on the others.
pub(crate) fn unsupported(victim: &Victim, why: &str) -> Judged {
    let mut judged = not_judged(victim, why, None);
    judged.report.verdict = Verdict::Unsupported;
    judged
}

/// A victim that could not be judged, because of this fault of ours if it is one.
pub(crate) fn not_judged(victim: &Victim, why: &str, fault: Option<&str>) -> Judged {
    let mut judged = empty(victim);
    judged.report.not_examined.push(why.to_owned());
    judged.fault = fault.map(str::to_owned);
    judged
}

fn empty(victim: &Victim) -> Judged {
    let group = victim.tag_list().last().map_or("untagged", String::as_str);
    Judged::of(Report::new(victim.name()), group)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges victims that are only names, begun in this order.
    fn judge(order: &[usize], trials: impl Fn(usize) -> usize + Sync) -> Vec<(String, u64)> {
        let victims = ["a", "b", "c"];
        let each = |name: &&str, _: &mut Reader| {
            let mut judged = empty(&Victim::program(name, linkbait::Program::default()));
            judged.report.trials =
                trials(victims.iter().position(|victim| victim == name).unwrap_or(9)) as u64;
            judged
        };
        let progress = Progress::new(false, victims.len());
        let judged = judge_all(&victims, order, each, 1, &progress, &Interrupt::default());
        judged.into_iter().map(|judged| (judged.report.name, judged.report.trials)).collect()
    }

    #[test]
    fn results_come_in_the_order_of_the_roster_and_what_depends_on_the_order_of_judging_shows() {
        let own = |at| at + 1;
        assert_eq!(judge(&[2, 0, 1], own), judge(&[0, 1, 2], own));
        let turns = AtomicUsize::new(0);
        let in_turn = |_| turns.fetch_add(1, Ordering::Relaxed);
        assert_ne!(judge(&[2, 0, 1], in_turn), judge(&[0, 1, 2], |at| at));
    }
}
