//! The report as JSON, `linkbait-report/1`: one document, whatever was found. `read` has the way back.

use super::origin::{Environment, Part, Settings};
use super::{Run, how_ended};
use crate::config::ignore::{Ignore, Ignored};
use crate::crew::{Judged, When};
use crate::files;
use crate::source::Source;
use linkbait::{Cell, Finding, Samples, Scene, Thing, Verdict};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

pub(super) const SCHEMA: &str = "linkbait-report/1";

/// Text that is borrowed when written, and owned when read.
type Text<'a> = Cow<'a, str>;

#[derive(Deserialize, Serialize)]
pub(super) struct Document<'a> {
    pub(super) schema: Text<'a>,
    pub(super) tool: Tool<'a>,
    pub(super) environment: Environment,
    pub(super) settings: Settings,
    /// The part of the victims that this is about; none for all of them.
    pub(super) part: Option<Part>,
    /// How many victims were to be judged; fewer are listed when the run was interrupted.
    pub(super) asked: usize,
    /// How many slow victims were not, because nobody named them.
    pub(super) left_out: usize,
    /// There may be more than these: they were named, or others were left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) narrowed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ignores: Vec<Ignore>,
    /// What there is beside the victims and was not examined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) aside: Vec<String>,
    pub(super) victims: Vec<VictimOut<'a>>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Tool<'a> {
    pub(super) name: Text<'a>,
    pub(super) version: Text<'a>,
}

#[derive(Deserialize, Serialize)]
pub(super) struct VictimOut<'a> {
    pub(super) name: Text<'a>,
    /// The victim's last tag.
    pub(super) group: Text<'a>,
    pub(super) verdict: String,
    pub(super) trials: u64,
    pub(super) refused: u64,
    pub(super) unreached: u64,
    /// Schedules that come to the same as one that was tried.
    pub(super) reduced: u64,
    pub(super) stops: usize,
    pub(super) hangs_alone: bool,
    /// It could not be started; `not_examined` says why.
    pub(super) no_start: bool,
    /// What went wrong on our side.
    pub(super) fault: Option<Text<'a>>,
    /// How a program ended when no one interfered, and the end of what it printed.
    pub(super) ended: Option<String>,
    pub(super) output: Option<Text<'a>>,
    pub(super) output_cut: bool,
    /// Acts in the longest schedules of which all were to be tried.
    pub(super) depth: u32,
    pub(super) exhaustive: bool,
    pub(super) samples: Option<SamplesOut>,
    pub(super) determinism: u8,
    pub(super) duration_s: f64,
    /// It is the result of an earlier run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) cached: bool,
    /// How many trials stand behind each rule after each phase.
    pub(super) phases: Vec<Behind<'a>>,
    pub(super) notes: Cow<'a, [String]>,
    pub(super) not_examined: Cow<'a, [String]>,
    pub(super) file_systems: Vec<FileSystemOut<'a>>,
    pub(super) findings: Vec<FindingOut<'a>>,
}

/// Schedules drawn by chance, and what they follow from.
#[derive(Deserialize, Serialize)]
pub(super) struct SamplesOut {
    pub(super) drawn: u64,
    /// Those of which every act happened.
    pub(super) landed: u64,
    pub(super) acts: u32,
    pub(super) seed: u64,
}

/// The trials that could have broken a rule after a phase.
#[derive(Deserialize, Serialize)]
pub(super) struct Behind<'a> {
    pub(super) rule: Text<'a>,
    pub(super) phase: Text<'a>,
    pub(super) trials: u64,
    pub(super) broken: u64,
    pub(super) noted: u64,
}

/// The verdict on one of the file systems judged on.
#[derive(Deserialize, Serialize)]
pub(super) struct FileSystemOut<'a> {
    pub(super) name: Text<'a>,
    pub(super) verdict: String,
}

/// What the trial of a finding ran in.
#[derive(Deserialize, Serialize)]
pub(super) struct Surroundings<'a> {
    pub(super) file_system: Text<'a>,
    pub(super) umask: String,
}

#[derive(Deserialize, Serialize)]
pub(super) struct FindingOut<'a> {
    pub(super) rule: Text<'a>,
    pub(super) cwe: Vec<String>,
    pub(super) attacker: Text<'a>,
    pub(super) phase: Text<'a>,
    /// The attacker has to act between two calls of the victim, or another copy of it to come between.
    pub(super) raced: bool,
    /// As it was in one trial.
    pub(super) path: Text<'a>,
    /// The same with names that mean the same in every run.
    pub(super) label: Text<'a>,
    pub(super) umask: String,
    pub(super) environment: Surroundings<'a>,
    pub(super) confidence: Text<'a>,
    /// It does not fail a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ignored: Option<Ignored>,
    pub(super) message: Text<'a>,
    pub(super) help: Text<'a>,
    pub(super) step: Option<usize>,
    /// Where in its source a program made the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<Cow<'a, Source>>,
    pub(super) trial: u64,
    /// Copies of the victim that ran at once.
    pub(super) instances: u8,
    /// What stood in the arena right before the step and right after it.
    pub(super) before: SceneOut<'a>,
    pub(super) after: SceneOut<'a>,
    pub(super) schedule: Vec<String>,
    pub(super) timeline: Vec<Text<'a>>,
    pub(super) replay: String,
}

#[derive(Deserialize, Serialize)]
pub(super) struct SceneOut<'a> {
    pub(super) things: Vec<ThingOut<'a>>,
    /// How many more stood there.
    pub(super) more: usize,
}

#[derive(Deserialize, Serialize)]
pub(super) struct ThingOut<'a> {
    pub(super) path: Text<'a>,
    pub(super) kind: Text<'a>,
    pub(super) mode: String,
    pub(super) owner: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    /// Where a link of the attacker's leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Text<'a>>,
}

pub(crate) fn render(run: &Run) -> anyhow::Result<String> {
    let document = Document {
        schema: SCHEMA.into(),
        tool: Tool { name: "linkbait".into(), version: env!("CARGO_PKG_VERSION").into() },
        environment: run.environment.clone(),
        settings: run.settings.clone(),
        part: run.part.clone(),
        asked: run.asked,
        left_out: run.left_out,
        narrowed: run.narrowed,
        ignores: run.ignores.clone(),
        aside: run.aside.clone(),
        victims: run.judged.iter().map(victim_out).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// One entry of a report by itself.
pub(crate) fn one(judged: &Judged) -> anyhow::Result<String> {
    Ok(serde_json::to_string(&victim_out(judged))?)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

fn victim_out(judged: &Judged) -> VictimOut<'_> {
    let report = &judged.report;
    let findings = report.findings.iter().enumerate();
    VictimOut {
        name: Cow::from(&report.name),
        group: Cow::from(&judged.group),
        verdict: report.verdict.to_string(),
        trials: report.trials,
        refused: report.refused,
        unreached: report.unreached,
        reduced: report.reduced,
        stops: report.stops,
        hangs_alone: report.hangs_alone,
        no_start: judged.no_start,
        fault: judged.fault.as_ref().map(Cow::from),
        ended: report.alone.as_ref().map(|alone| how_ended(&alone.ending)),
        output: report.alone.as_ref().map(|alone| Cow::from(&alone.output)),
        output_cut: report.alone.as_ref().is_some_and(|alone| alone.cut),
        depth: report.depth,
        exhaustive: report.unreached == 0 && report.trials > 0 && report.samples.is_none(),
        samples: report.samples.map(|Samples { drawn, landed, acts, seed }| SamplesOut {
            drawn,
            landed,
            acts,
            seed,
        }),
        determinism: report.determinism.level.number(),
        cached: judged.when == When::Earlier,
        duration_s: (judged.seconds * 1e3).round() / 1e3,
        phases: report.cells.iter().map(behind).collect(),
        notes: Cow::from(&report.notes),
        not_examined: Cow::from(&report.not_examined),
        file_systems: report.file_systems.iter().map(file_system_out).collect(),
        findings: findings.map(|(number, found)| finding_out(judged, number, found)).collect(),
    }
}

fn behind(cell: &Cell) -> Behind<'_> {
    let Cell { rule, phase, trials, broken, noted } = *cell;
    Behind { rule: rule.into(), phase: phase.into(), trials, broken, noted }
}

fn file_system_out((name, verdict): &(&'static str, Verdict)) -> FileSystemOut<'static> {
    FileSystemOut { name: Cow::from(*name), verdict: verdict.to_string() }
}

fn finding_out<'a>(judged: &'a Judged, number: usize, finding: &'a Finding) -> FindingOut<'a> {
    let umask = format!("{:03o}", finding.umask);
    FindingOut {
        rule: finding.rule.into(),
        cwe: finding.cwe.iter().map(|n| format!("CWE-{n}")).collect(),
        attacker: finding.attacker.name().into(),
        phase: finding.phase.into(),
        raced: finding.raced,
        path: Cow::from(&finding.example),
        label: Cow::from(&finding.path),
        umask: umask.clone(),
        environment: Surroundings { file_system: finding.file_system.into(), umask },
        confidence: confidence(finding.suspicion).into(),
        ignored: judged.ignored(number).cloned(),
        message: Cow::from(&finding.message),
        help: linkbait::rules::help(finding).into(),
        step: finding.step,
        source: judged.sources.get(number).map(Cow::Borrowed),
        trial: finding.trial,
        instances: if finding.schedule.second { 2 } else { 1 },
        before: scene_out(&finding.before),
        after: scene_out(&finding.after),
        schedule: finding.schedule.acts.iter().map(|act| format!("{} at {}", act.does, act.at)).collect(),
        timeline: finding.timeline.lines().map(Cow::from).collect(),
        replay: files::replay_path(&judged.report.name, number, finding.rule),
    }
}

fn scene_out(scene: &Scene) -> SceneOut<'_> {
    SceneOut { things: scene.things.iter().map(thing_out).collect(), more: scene.more }
}

fn thing_out(thing: &Thing) -> ThingOut<'_> {
    ThingOut {
        path: Cow::from(&thing.path),
        kind: thing.kind.name().into(),
        mode: format!("{:04o}", thing.mode),
        owner: thing.owner.name().into(),
        size: thing.size,
        target: thing.target.as_ref().map(Cow::from),
    }
}

pub(super) fn confidence(suspicion: bool) -> &'static str {
    if suspicion { "suspected" } else { "demonstrated" }
}
