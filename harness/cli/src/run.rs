//! `run` and `replay`: judges victims on all cores, in the order of the roster.

use crate::Exit;
use crate::args::{Format, Options, Persona, Usage};
use crate::report;
use anyhow::Context;
use linkbait::timeline::Timeline;
use linkbait::{Error, Host, Judge, Report, Verdict, Victim};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A report and the seconds it took.
pub(crate) struct Judged {
    pub(crate) report: Report,
    pub(crate) seconds: f64,
}

pub(crate) fn run(options: &Options, names: &[String]) -> anyhow::Result<Exit> {
    let victims = select(names)?;
    if victims.is_empty() {
        return Ok(Exit::NothingToJudge);
    }
    let host = Host::detect();
    let judged = judge_all(&judge(options, &host), &victims, options, host.cores())?;
    match options.format {
        Format::Text => report::text(&judged)?,
        Format::Json => report::json(&judged, &host)?,
    }
    report::save(&judged, &host)?;
    let any = |verdict| judged.iter().any(|j| j.report.verdict == verdict);
    Ok(match () {
        () if any(Verdict::Fail) => Exit::Findings,
        () if any(Verdict::Inconclusive) => Exit::Inconclusive,
        () if any(Verdict::Unsupported) => Exit::Unsupported,
        () => Exit::Clean,
    })
}

/// The victims of the roster that have one of the names or tags; all without any.
fn select(names: &[String]) -> anyhow::Result<Vec<Victim>> {
    let roster = linkbait_races::roster();
    let fits = |victim: &Victim, name: &String| victim.name() == name || victim.tag_list().contains(name);
    for name in names {
        if !roster.iter().any(|victim| fits(victim, name)) {
            let known: Vec<_> = roster.iter().map(Victim::name).collect();
            return Err(Usage(format!("no victim and no tag {name}; there are {}", known.join(", "))).into());
        }
    }
    Ok(roster.into_iter().filter(|v| names.is_empty() || names.iter().any(|n| fits(v, n))).collect())
}

fn judge(options: &Options, host: &Host) -> Judge {
    let mut judge = Judge::new(host.clone());
    let auditor = options.persona == Persona::Auditor;
    let wanted = |id: &str| options.rule.is_empty() || options.rule.iter().any(|r| r == id);
    let rules = linkbait::RULES
        .iter()
        .copied()
        .filter(|r| wanted(r.id) && (auditor || !r.suspicion || !options.rule.is_empty()));
    judge = judge.rules(&rules.collect::<Vec<_>>());
    if !options.attacker.is_empty() {
        judge = judge.attackers(&options.attacker);
    }
    if options.umask.is_empty() { judge } else { judge.umasks(&options.umask) }
}

fn judge_all(
    judge: &Judge,
    victims: &[Victim],
    options: &Options,
    cores: usize,
) -> Result<Vec<Judged>, Error> {
    let jobs = options.jobs.map_or(cores, usize::from).min(victims.len());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(Vec::with_capacity(victims.len()));
    let show = !options.no_progress && std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((at, victim)) = take(&next, victims) {
                    let start = Instant::now();
                    let result = judge.judge(victim);
                    let seconds = start.elapsed().as_secs_f64();
                    let result = result.map(|report| Judged { report, seconds });
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                    progress(show, done.fetch_add(1, Ordering::Relaxed) + 1, victims.len());
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'v>(next: &AtomicUsize, victims: &'v [Victim]) -> Option<(usize, &'v Victim)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    victims.get(at).map(|victim| (at, victim))
}

fn progress(show: bool, done: usize, of: usize) {
    if show {
        let end = if done == of { "\r                    \r" } else { "" };
        // A terminal that went away is no reason to stop judging.
        let _ = write!(std::io::stderr(), "\rjudged {done} of {of}{end}");
    }
}

pub(crate) fn replay(file: &Path) -> anyhow::Result<Exit> {
    let text = std::fs::read_to_string(file).with_context(|| format!("open({:?})", file.display()))?;
    let timeline = Timeline::parse(&text).with_context(|| file.display().to_string())?;
    let roster = linkbait_races::roster();
    let Some(victim) = roster.iter().find(|v| v.name() == timeline.head.victim) else {
        return Err(
            Usage(format!("{}: no victim {} in the roster", file.display(), timeline.head.victim)).into()
        );
    };
    let replay = Judge::new(Host::detect()).replay(victim, &timeline)?;
    let mut out = std::io::stdout().lock();
    out.write_all(replay.timeline.as_bytes())?;
    if !replay.same_steps {
        writeln!(out, "diverged: the steps are not those of {}", file.display())?;
        return Ok(Exit::Inconclusive);
    }
    let exit = if timeline.broken.is_empty() { Exit::Clean } else { Exit::Findings };
    Ok(if replay.same_findings { exit } else { Exit::Inconclusive })
}
