//! The report as JSON, `linkbait-report/1`: one document, whatever was found.

use super::{Run, how_ended};
use crate::crew::Judged;
use crate::files;
use linkbait::{Cell, Finding, Samples, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    environment: Environment<'a>,
    /// How many victims were to be judged; fewer are listed when the run was interrupted.
    asked: usize,
    /// How many slow victims were not, because nobody named them.
    left_out: usize,
    victims: Vec<VictimOut<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Environment<'a> {
    kernel: &'a str,
    uid: u32,
    file_system: &'static str,
    /// What programs get; each victim says what it got.
    determinism: u8,
    seed: u64,
    protected: BTreeMap<&'static str, Option<u32>>,
}

#[derive(Serialize)]
struct VictimOut<'a> {
    name: &'a str,
    verdict: String,
    trials: u64,
    refused: u64,
    unreached: u64,
    stops: usize,
    hangs_alone: bool,
    /// How a program ended when no one interfered, and the end of what it printed.
    ended: Option<String>,
    output: Option<&'a str>,
    output_cut: bool,
    /// Acts in the longest schedules of which all were to be tried.
    depth: u32,
    /// Schedules left out because others show the same.
    reduced: u64,
    exhaustive: bool,
    samples: Option<SamplesOut>,
    determinism: u8,
    duration_s: f64,
    /// How many trials stand behind each rule after each phase.
    phases: Vec<Behind>,
    notes: &'a [String],
    not_examined: &'a [String],
    file_systems: Vec<FileSystemOut>,
    findings: Vec<FindingOut<'a>>,
}

/// Schedules drawn by chance, and what they follow from.
#[derive(Serialize)]
struct SamplesOut {
    drawn: u64,
    /// Those of which every act happened.
    landed: u64,
    acts: u32,
    seed: u64,
}

/// The trials that could have broken a rule after a phase.
#[derive(Serialize)]
struct Behind {
    rule: &'static str,
    phase: &'static str,
    trials: u64,
    broken: u64,
    noted: u64,
}

/// The verdict on one of the file systems judged on.
#[derive(Serialize)]
struct FileSystemOut {
    name: &'static str,
    verdict: String,
}

/// What the trial of a finding ran in.
#[derive(Serialize)]
struct Surroundings {
    file_system: &'static str,
    umask: String,
}

#[derive(Serialize)]
struct FindingOut<'a> {
    rule: &'static str,
    cwe: Vec<String>,
    attacker: &'static str,
    phase: &'static str,
    /// The attacker has to act between two calls of the victim.
    raced: bool,
    path: &'a str,
    umask: String,
    environment: Surroundings,
    confidence: &'static str,
    message: &'a str,
    help: &'static str,
    step: Option<usize>,
    trial: u64,
    schedule: Vec<String>,
    timeline: Vec<&'a str>,
    replay: String,
}

pub(crate) fn render(run: &Run) -> anyhow::Result<String> {
    let document = Document {
        schema: "linkbait-report/1",
        tool: Tool { name: "linkbait", version: env!("CARGO_PKG_VERSION") },
        environment: Environment {
            kernel: run.host.kernel(),
            uid: run.host.uid(),
            file_system: run.host.file_system(),
            determinism: run.determinism.level.number(),
            seed: run.determinism.seed,
            protected: run.host.protected().iter().copied().collect(),
        },
        asked: run.asked,
        left_out: run.left_out,
        victims: run.judged.iter().map(victim_out).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn victim_out(judged: &Judged) -> VictimOut<'_> {
    let report = &judged.report;
    let findings = report.findings.iter().enumerate();
    VictimOut {
        name: &report.name,
        verdict: report.verdict.to_string(),
        trials: report.trials,
        refused: report.refused,
        unreached: report.unreached,
        stops: report.stops,
        hangs_alone: report.hangs_alone,
        ended: report.alone.as_ref().map(|alone| how_ended(&alone.ending)),
        output: report.alone.as_ref().map(|alone| alone.output.as_str()),
        output_cut: report.alone.as_ref().is_some_and(|alone| alone.cut),
        depth: report.depth,
        reduced: report.reduced,
        exhaustive: report.unreached == 0 && report.trials > 0 && report.samples.is_none(),
        samples: report.samples.map(|Samples { drawn, landed, acts, seed }| SamplesOut {
            drawn,
            landed,
            acts,
            seed,
        }),
        determinism: report.determinism.level.number(),
        duration_s: judged.seconds,
        phases: report.cells.iter().map(behind).collect(),
        notes: &report.notes,
        not_examined: &report.not_examined,
        file_systems: report.file_systems.iter().map(file_system_out).collect(),
        findings: findings.map(|(number, found)| finding_out(&report.name, number, found)).collect(),
    }
}

fn behind(cell: &Cell) -> Behind {
    let Cell { rule, phase, trials, broken, noted } = *cell;
    Behind { rule, phase, trials, broken, noted }
}

fn file_system_out((name, verdict): &(&'static str, Verdict)) -> FileSystemOut {
    FileSystemOut { name, verdict: verdict.to_string() }
}

fn finding_out<'a>(victim: &str, number: usize, finding: &'a Finding) -> FindingOut<'a> {
    let umask = format!("{:03o}", finding.umask);
    FindingOut {
        rule: finding.rule,
        cwe: finding.cwe.iter().map(|n| format!("CWE-{n}")).collect(),
        attacker: finding.attacker.name(),
        phase: finding.phase,
        raced: finding.raced,
        path: &finding.example,
        umask: umask.clone(),
        environment: Surroundings { file_system: finding.file_system, umask },
        confidence: if finding.suspicion { "suspected" } else { "demonstrated" },
        message: &finding.message,
        help: linkbait::rules::help(finding),
        step: finding.step,
        trial: finding.trial,
        schedule: finding.schedule.acts.iter().map(|act| format!("{} at {}", act.does, act.at)).collect(),
        timeline: finding.timeline.lines().collect(),
        replay: files::replay_path(victim, number, finding.rule),
    }
}
