//! `replay` and `minimize`: run the schedule of a timeline again, compare, make it smaller.

use crate::args::{Chance, Usage};
use crate::files::Target;
use crate::{Exit, files, output, script, select};
use linkbait::timeline::Timeline;
use linkbait::{Determinism, Host, Judge, Limits, Replay, Rule, Victim};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ADVICE: &str = "`linkbait run` saves timelines below target/linkbait/";

/// A timeline whose schedule is to run again.
pub(crate) struct Again {
    pub(crate) file: PathBuf,
    /// The victim file that it is of.
    pub(crate) victim: Option<PathBuf>,
    pub(crate) writable: Vec<PathBuf>,
    pub(crate) chance: Chance,
    pub(crate) silence: Duration,
}

/// Prints the timeline of the replay, of several the first that differs or else the last, and how many were identical.
pub(crate) fn replay(again: &Again, times: u32) -> anyhow::Result<Exit> {
    let text = files::read(&again.file, ADVICE)?;
    let (victim, timeline) = load(again, &text)?;
    let judge = judge(&timeline, again.chance, again.silence);
    let (mut told, mut exit, mut identical) = (String::new(), Exit::Clean, 0);
    for _ in 0..times {
        let replay = judge.replay(&victim, &timeline)?;
        let differs = exit == Exit::Inconclusive;
        if !differs {
            told = output::lines(&replay.timeline);
            exit = compare(&mut told, &again.file, &text, &timeline, &replay);
        }
        identical += u32::from(replay.same_steps && replay.same_findings);
    }
    if times > 1 {
        let _ = writeln!(told, "{identical} of {times} replays were identical to {:?}", again.file);
    }
    output::print(&told)?;
    Ok(exit)
}

/// Prints the timeline of the smallest schedule that still shows the findings of the file, or writes it to `target`.
pub(crate) fn minimize(again: &Again, target: Option<&Path>) -> anyhow::Result<Exit> {
    let text = files::read(&again.file, ADVICE)?;
    let (victim, timeline) = load(again, &text)?;
    let target = target.map(Target::prepare).transpose()?;
    let smaller = judge(&timeline, again.chance, again.silence).minimize(&victim, &timeline)?.timeline;
    match target {
        Some(target) => target.write(&smaller)?,
        None => output::print(&output::lines(&smaller))?,
    }
    Ok(Exit::Clean)
}

/// Prints a script that shows the findings of a timeline without us, or writes it to `target`. Runs nothing.
pub(crate) fn script(again: &Again, target: Option<&Path>) -> anyhow::Result<Exit> {
    let text = files::read(&again.file, ADVICE)?;
    let (victim, timeline) = read(again, &text)?;
    let script = script::write(&victim, &timeline)?;
    match target {
        Some(target) => Target::prepare(target)?.write(&script)?,
        None => output::print(&script)?,
    }
    Ok(Exit::Clean)
}

fn judge(timeline: &Timeline, chance: Chance, silence: Duration) -> Judge {
    // A suspicion is looked for again only where the file has one.
    let shown = |rule: &&Rule| !rule.suspicion || timeline.broken.iter().any(|(id, _)| id == rule.id);
    let rules: Vec<_> = linkbait::RULES.into_iter().filter(shown).collect();
    let judge = Judge::new(Host::detect()).rules(&rules).limits(Limits { silence, ..Limits::default() });
    judge.determinism(chance.or(timeline.head.determinism))
}

/// Reads a timeline and finds its victim.
fn read(again: &Again, text: &str) -> anyhow::Result<(Victim, Timeline)> {
    let file = &again.file;
    let timeline = Timeline::parse(text).map_err(|e| Usage(format!("{file:?}: {e}; {ADVICE}")))?;
    let victim = select::of_timeline(&timeline.head.victim, again.victim.as_deref())
        .map_err(|e| Usage(format!("{file:?}: {e}")))?;
    // Programs have something of their chance fixed, unless they were not to.
    let victim = victim.ready(timeline.head.determinism != Determinism::OFF)?;
    Ok((select::allow(victim, &again.writable), timeline))
}

/// The same, made ready to run.
fn load(again: &Again, text: &str) -> anyhow::Result<(Victim, Timeline)> {
    let (victim, timeline) = read(again, text)?;
    if victim.is_program() || timeline.head.file_system != Host::detect().file_system() {
        linkbait::prepare_to_contain()?;
    }
    Ok((victim, timeline))
}

/// Says below the timeline where the replay differs from the file.
fn compare(told: &mut String, file: &Path, text: &str, timeline: &Timeline, replay: &Replay) -> Exit {
    if !replay.same_steps {
        let steps = Timeline::parse(&replay.timeline).map_or_else(|_| Vec::new(), |again| again.steps);
        let none = String::new();
        let at = (0..).find(|&at| timeline.steps.get(at) != steps.get(at)).unwrap_or_default();
        let (was, is) = (timeline.steps.get(at).unwrap_or(&none), steps.get(at).unwrap_or(&none));
        let line = line_of_step(text, &timeline.steps, at);
        let _ = writeln!(told, "diverged at line {line} of {file:?}");
        let _ = writeln!(told, "  file    {}\n  replay  {}", output::line(was), output::line(is));
        return Exit::Inconclusive;
    }
    if !replay.same_findings {
        let _ = writeln!(told, "diverged: the steps are those of {file:?}, but not the findings");
        return Exit::Inconclusive;
    }
    if timeline.broken.is_empty() { Exit::Clean } else { Exit::Findings }
}

/// Number, from 1, of the line that a step stands in; of the one after the last for a step that is not there.
fn line_of_step(text: &str, steps: &[String], at: usize) -> usize {
    let mut lines = text.lines().enumerate();
    let mut number = 1;
    for step in steps.iter().take(at + 1) {
        number = lines.find(|(_, line)| line == step).map_or(number, |(line, _)| line + 1);
    }
    if at < steps.len() { number } else { number + 1 }
}
