//! A linkbait that was started to judge one victim: it takes what was built for it as the victim's body, judges it as any, and
//! writes the report to what was its standard output. It ends with the linkbait that started it.

use super::{Told, made_of};
use crate::args::Judging;
use crate::report::json;
use crate::run::How;
use crate::select::Selected;
use crate::{Exit, run, select};
use anyhow::{Context, ensure};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::fs::File;
use std::io::Write;

pub(crate) fn judge(told: &str, asked: &Judging) -> anyhow::Result<Exit> {
    let told: Told = serde_json::from_str(told).context("this command is for linkbait itself")?;
    end_with(told.parent)?;
    take_core(told.turn);
    let mut report = keep_output()?;
    let chosen = select::of_timeline(&told.name, told.file.as_deref())?;
    let victim = made_of(chosen.victim, told.kind, &told.built)?;
    let (run, _) = run::judged(asked, Selected::from(victim), &How::for_another(told.drawn))?;
    report.write_all(json::render(&run)?.as_bytes()).context("write a report")?;
    Ok(Exit::Clean)
}

fn end_with(parent: u32) -> anyhow::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("prctl(PR_SET_PDEATHSIG)")?;
    let there = getppid().is_some_and(|pid| pid.as_raw_pid().cast_unsigned() == parent);
    ensure!(there, "the linkbait that started this one is gone");
    Ok(())
}

/// Each of those that run at once has a core of its own, as long as there are enough.
fn take_core(turn: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect();
    if let Some(core) = cores.get(turn % cores.len().max(1)) {
        let mut own = CpuSet::new();
        own.set(*core);
        // Without it two may share a core, and take longer.
        let _ = sched_setaffinity(None, &own);
    }
}

/// What the victim prints must not come between the lines of the report.
fn keep_output() -> anyhow::Result<File> {
    let report =
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3).context("fcntl(F_DUPFD_CLOEXEC)")?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr()).context("dup2")?;
    Ok(report.into())
}
