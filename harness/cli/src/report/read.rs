//! A JSON report of this version, read back: what is rendered from it is what was rendered before, to the byte.

use super::json::{Behind, Document, FindingOut, SCHEMA, SamplesOut, SceneOut, ThingOut, VictimOut, render};
use super::{Run, how_ended};
use crate::crew::{Judged, When};
use anyhow::{Context, ensure};
use linkbait::rules::PHASES;
use linkbait::timeline::Timeline;
use linkbait::{
    Alone, CallSite, Cell, Class, Determinism, Ending, FileSystem, Finding, Kind, Level, Owner, Report,
    Samples, Scene, Thing, Verdict,
};
use serde::Deserialize;

/// What every report says, of whatever version.
#[derive(Deserialize)]
struct Made {
    schema: String,
    tool: By,
}

#[derive(Deserialize)]
struct By {
    version: String,
}

pub(crate) fn run(text: &str) -> anyhow::Result<Run> {
    let Made { schema, tool } = serde_json::from_str(text).context("it is no report of linkbait")?;
    let ours = (SCHEMA, env!("CARGO_PKG_VERSION"));
    let (theirs, version) = (schema.as_str(), tool.version.as_str());
    ensure!(
        (theirs, version) == ours,
        "it is a {theirs} of version {version}; this is {} of {}",
        ours.0,
        ours.1
    );
    let document: Document<'_> =
        serde_json::from_str(text).context("it was damaged, or is of another version")?;
    let Document { environment, settings, part, asked, left_out, narrowed, ignores, aside, victims, .. } =
        document;
    let judged: Option<Vec<_>> = victims.into_iter().map(|victim| judged(victim, environment.seed)).collect();
    let judged = judged.context("it names what this version does not know")?;
    let run = Run { environment, settings, part, judged, asked, left_out, narrowed, ignores, aside };
    ensure!(render(&run)? == text, "it was changed after linkbait wrote it, or is of another version");
    Ok(run)
}

/// One entry of a report, as [`super::json::one`] writes it.
pub(crate) fn one(text: &str, seed: u64) -> Option<Judged> {
    let found = judged(serde_json::from_str(text).ok()?, seed)?;
    let again = super::json::one(&found).ok()?;
    (again == text).then_some(found)
}

fn judged(victim: VictimOut<'_>, seed: u64) -> Option<Judged> {
    let file_system =
        |place: &super::json::FileSystemOut<'_>| Some((file_system(&place.name)?, verdict(&place.verdict)?));
    let alone = victim.ended.as_deref().map(ending);
    let alone = alone.map(|ending| {
        let output = victim.output.unwrap_or_default().into_owned();
        Alone { ending, output, cut: victim.output_cut }
    });
    let sources = victim.findings.iter().filter_map(|found| Some(found.source.as_deref()?.clone())).collect();
    let ignored = victim.findings.iter().map(|found| found.ignored.clone()).collect();
    let samples =
        victim.samples.map(|SamplesOut { drawn, landed, acts, seed }| Samples { drawn, landed, acts, seed });
    let report = Report {
        name: victim.name.into_owned(),
        verdict: verdict(&victim.verdict)?,
        trials: victim.trials,
        refused: victim.refused,
        unreached: victim.unreached,
        reduced: victim.reduced,
        depth: victim.depth,
        samples,
        stops: victim.stops,
        hangs_alone: victim.hangs_alone,
        alone,
        findings: victim.findings.into_iter().map(finding).collect::<Option<_>>()?,
        determinism: Determinism { level: Level::of(victim.determinism)?, seed },
        cells: victim.phases.iter().map(cell).collect::<Option<_>>()?,
        notes: victim.notes.into_owned(),
        not_examined: victim.not_examined.into_owned(),
        file_systems: victim.file_systems.iter().map(file_system).collect::<Option<_>>()?,
    };
    Some(Judged {
        report,
        group: victim.group.into_owned(),
        seconds: victim.duration_s,
        fault: victim.fault.map(Into::into),
        no_start: victim.no_start,
        sources,
        ignored,
        when: if victim.cached { When::Earlier } else { When::Now },
    })
}

fn finding(found: FindingOut<'_>) -> Option<Finding> {
    let timeline: String = found.timeline.iter().flat_map(|line| [line, "\n"]).collect();
    let cwe = found.cwe.iter().map(|name| name.strip_prefix("CWE-")?.parse().ok());
    Some(Finding {
        rule: linkbait::rules::rule(&found.rule)?.id,
        cwe: cwe.collect::<Option<_>>()?,
        attacker: Class::named(&found.attacker)?,
        phase: phase(&found.phase)?,
        path: found.label.into_owned(),
        example: found.path.into_owned(),
        message: found.message.into_owned(),
        step: found.step,
        trial: found.trial,
        umask: u32::from_str_radix(&found.umask, 8).ok()?,
        raced: found.raced,
        file_system: file_system(&found.environment.file_system)?,
        before: scene(found.before)?,
        after: scene(found.after)?,
        suspicion: found.confidence == super::json::confidence(true),
        site: CallSite::unknown("it is in a report"),
        schedule: Timeline::parse(&timeline).ok()?.schedule,
        timeline,
    })
}

fn scene(told: SceneOut<'_>) -> Option<Scene> {
    let thing = |told: ThingOut<'_>| {
        let kind = Kind::named(&told.kind)?;
        let mode = u32::from_str_radix(&told.mode, 8).ok()?;
        let (owner, target) = (Owner::named(&told.owner)?, told.target.map(Into::into));
        Some(Thing { path: told.path.into_owned(), kind, mode, owner, size: told.size, target })
    };
    let things = told.things.into_iter().map(thing).collect::<Option<_>>()?;
    Some(Scene { things, more: told.more })
}

fn cell(behind: &Behind<'_>) -> Option<Cell> {
    let Behind { trials, broken, noted, .. } = *behind;
    let rule = linkbait::rules::rule(&behind.rule)?.id;
    Some(Cell { rule, phase: phase(&behind.phase)?, trials, broken, noted })
}

fn phase(name: &str) -> Option<&'static str> {
    PHASES.into_iter().find(|known| *known == name)
}

fn verdict(name: &str) -> Option<Verdict> {
    let all =
        [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Unsupported, Verdict::NothingToAttack];
    all.into_iter().find(|verdict| verdict.to_string() == name)
}

/// Arenas may also lie on what is no choice of the user's.
fn file_system(name: &str) -> Option<&'static str> {
    let known = FileSystem::ALL.into_iter().map(FileSystem::name).chain(["other", "unknown"]);
    known.into_iter().find(|known| *known == name)
}

/// The way back from [`how_ended`].
fn ending(told: &str) -> Ending {
    let number = told.rsplit(' ').next().unwrap_or_default();
    let told_so = [
        Ending::Success,
        Ending::Error(format!("exit_{number}")),
        Ending::Signal(number.parse().unwrap_or_default()),
        Ending::Panic { message: String::new(), in_drop: false },
    ];
    told_so.into_iter().find(|ending| how_ended(ending) == told).unwrap_or(Ending::Hung)
}
