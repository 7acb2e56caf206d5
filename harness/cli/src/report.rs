//! Reports: the scorecard in the terminal, JSON (`linkbait-report/1`), and the files below `target/linkbait/`.

use crate::run::Judged;
use linkbait::{Finding, Host, Verdict};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;

/// Where reports and replay files go, relative to the working directory.
const FOLDER: &str = "target/linkbait";

pub(crate) fn text(judged: &[Judged]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let width = judged.iter().map(|j| j.report.name.len()).max().unwrap_or(0);
    for Judged { report, .. } in judged {
        let rules: BTreeSet<String> =
            report.findings.iter().map(|f| format!("{} ({})", f.rule, f.attacker)).collect();
        let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(
            out,
            "{:width$}  {:12} {:5} trials  {rules}",
            report.name,
            report.verdict.to_string(),
            report.trials
        )?;
        for note in &report.not_examined {
            writeln!(out, "{:width$}  not examined: {note}", "")?;
        }
    }
    for Judged { report, .. } in judged {
        for finding in &report.findings {
            finding_text(&mut out, finding)?;
        }
    }
    let count = |verdict| judged.iter().filter(|j| j.report.verdict == verdict).count();
    let (pass, fail, open) = (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive));
    let trials: u64 = judged.iter().map(|j| j.report.trials).sum();
    writeln!(
        out,
        "\n{} victims, {trials} trials: {pass} pass, {fail} fail, {open} inconclusive",
        judged.len()
    )
}

fn finding_text(out: &mut impl Write, finding: &Finding) -> std::io::Result<()> {
    let help = linkbait::rules::rule(finding.rule).map_or("", |rule| rule.help);
    writeln!(out, "\nerror[{}]: {}", finding.rule, finding.message)?;
    for line in finding.timeline.lines().skip(1) {
        writeln!(out, "  | {line}")?;
    }
    writeln!(out, "help: {help}\nnote: explained by `linkbait explain {}`", finding.rule)
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    tool: Tool,
    environment: Environment,
    victims: Vec<VictimOut>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Environment {
    kernel: String,
    uid: u32,
    file_system: &'static str,
    determinism: u8,
    protected: std::collections::BTreeMap<&'static str, Option<u32>>,
}

#[derive(Serialize)]
struct VictimOut {
    name: String,
    verdict: String,
    trials: u64,
    refused: u64,
    unreached: u64,
    stops: usize,
    exhaustive: bool,
    duration_s: f64,
    not_examined: Vec<String>,
    findings: Vec<FindingOut>,
}

#[derive(Serialize)]
struct FindingOut {
    rule: &'static str,
    cwe: Vec<String>,
    attacker: &'static str,
    phase: &'static str,
    path: String,
    umask: String,
    confidence: &'static str,
    message: String,
    help: &'static str,
    schedule: Vec<String>,
    timeline: Vec<String>,
    replay: String,
}

pub(crate) fn json(judged: &[Judged], host: &Host) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document(judged, host))?;
    writeln!(out)?;
    Ok(())
}

/// Writes `report.json` and one timeline a finding; each is a replay file.
pub(crate) fn save(judged: &[Judged], host: &Host) -> anyhow::Result<()> {
    std::fs::create_dir_all(FOLDER)?;
    std::fs::write(format!("{FOLDER}/report.json"), serde_json::to_vec_pretty(&document(judged, host))?)?;
    for Judged { report, .. } in judged {
        for (number, finding) in report.findings.iter().enumerate() {
            std::fs::write(replay_file(&report.name, number, finding), &finding.timeline)?;
        }
    }
    Ok(())
}

fn replay_file(victim: &str, number: usize, finding: &Finding) -> String {
    format!("{FOLDER}/{victim}-{}-{}.timeline", number + 1, finding.rule)
}

fn document(judged: &[Judged], host: &Host) -> Document {
    Document {
        schema: "linkbait-report/1",
        tool: Tool { name: "linkbait", version: env!("CARGO_PKG_VERSION") },
        environment: Environment {
            kernel: host.kernel().to_owned(),
            uid: host.uid(),
            file_system: host.file_system(),
            determinism: 0,
            protected: host.protected().iter().copied().collect(),
        },
        victims: judged.iter().map(victim_out).collect(),
    }
}

fn victim_out(judged: &Judged) -> VictimOut {
    let report = &judged.report;
    VictimOut {
        name: report.name.clone(),
        verdict: report.verdict.to_string(),
        trials: report.trials,
        refused: report.refused,
        unreached: report.unreached,
        stops: report.stops,
        exhaustive: report.unreached == 0,
        duration_s: judged.seconds,
        not_examined: report.not_examined.clone(),
        findings: report.findings.iter().enumerate().map(|(n, f)| finding_out(&report.name, n, f)).collect(),
    }
}

fn finding_out(victim: &str, number: usize, finding: &Finding) -> FindingOut {
    FindingOut {
        rule: finding.rule,
        cwe: finding.cwe.iter().map(|n| format!("CWE-{n}")).collect(),
        attacker: finding.attacker.name(),
        phase: finding.phase,
        path: finding.example.clone(),
        umask: format!("{:03o}", finding.umask),
        confidence: if finding.suspicion { "suspected" } else { "demonstrated" },
        message: finding.message.clone(),
        help: linkbait::rules::rule(finding.rule).map_or("", |rule| rule.help),
        schedule: finding.schedule.acts.iter().map(|act| format!("{} before {}", act.does, act.at)).collect(),
        timeline: finding.timeline.lines().map(str::to_owned).collect(),
        replay: replay_file(victim, number, finding),
    }
}
