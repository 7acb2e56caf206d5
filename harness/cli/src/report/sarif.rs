//! The report as SARIF 2.1.0, for code scanning: a result for each finding, with its timeline as two threads, the victim and who
//! interferes. Owns the form alone.

use super::steps::{self, Step};
use super::told::timing;
use super::{Run, finger, how_ended};
use crate::config::ignore::Ignored;
use crate::crew::Judged;
use crate::output;
use linkbait::{Finding, RULES, Rule, Verdict};
use serde_json::{Value, json};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Steps that are told of a finding; its timeline has all.
const MOST_STEPS: usize = 400;

pub(super) fn render(run: &Run) -> anyhow::Result<String> {
    let results: Vec<Value> =
        run.judged.iter().flat_map(|judged| results(judged, !run.ignores.is_empty())).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "linkbait",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(|known| rule(known)).collect::<Vec<_>>(),
            }},
            "invocations": [{
                "executionSuccessful": run.judged.iter().all(|judged| judged.fault.is_none()) && !run.is_partial(),
                "toolExecutionNotifications": notifications(run),
            }],
            "originalUriBaseIds": { "SRCROOT": { "description": text("the directory that linkbait was started in") } },
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn text(what: &str) -> Value {
    json!({ "text": output::line(what) })
}

fn rule(rule: &Rule) -> Value {
    let cwe = rule.cwe.iter().map(|number| format!("external/cwe/cwe-{number}"));
    let tags: Vec<String> =
        ["security".to_owned(), rule.group.name().to_owned()].into_iter().chain(cwe).collect();
    let help = format!("{}\n\nInstead of `{}` write `{}`: {}.", rule.why, rule.bad, rule.good, rule.help);
    json!({
        "id": rule.id,
        "shortDescription": text(&format!("The victim {}", rule.title)),
        "fullDescription": text(rule.why),
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(rule.suspicion) },
        "properties": { "tags": tags, "precision": if rule.suspicion { "medium" } else { "very-high" } },
    })
}

fn level(suspicion: bool) -> &'static str {
    if suspicion { "note" } else { "error" }
}

/// What a reader must know who sees no result: a victim without a verdict is none that passed.
fn notifications(run: &Run) -> Vec<Value> {
    let say = |level: &str, what: String| json!({ "level": level, "message": text(&what) });
    let mut all = Vec::new();
    for Judged { report, fault, .. } in &run.judged {
        let name = &report.name;
        all.extend(fault.iter().map(|fault| say("error", format!("{name}: {fault}"))));
        if matches!(report.verdict, Verdict::Inconclusive | Verdict::Unsupported) {
            all.push(say("warning", format!("{name}: {}", report.verdict)));
        }
        all.extend(
            report.not_examined.iter().map(|what| say("note", format!("{name}: not examined: {what}"))),
        );
    }
    all.extend(
        run.is_partial().then(|| {
            say("warning", format!("only {} of {} victims were judged", run.judged.len(), run.asked))
        }),
    );
    all
}

/// With `suppressed` each says whether it is: where nothing can be, nothing is said of that.
fn results(judged: &Judged, suppressed: bool) -> Vec<Value> {
    let findings = judged.report.findings.iter().enumerate();
    let result = |(number, finding)| {
        let mut result = result(judged, number, finding);
        if suppressed {
            result["suppressions"] = judged.ignored(number).into_iter().map(suppression).collect();
        }
        result
    };
    findings.map(result).collect()
}

/// External, as it stands in the config file and not in the source.
fn suppression(ignored: &Ignored) -> Value {
    json!({ "kind": "external", "status": "accepted", "justification": output::line(&ignored.to_string()) })
}

fn result(judged: &Judged, number: usize, finding: &Finding) -> Value {
    let name = &judged.report.name;
    let ended = judged.report.alone.as_ref().map(|alone| how_ended(&alone.ending));
    json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.id == finding.rule),
        "kind": "fail",
        "level": level(finding.suspicion),
        "message": text(&format!("{name}: {}. {}", finding.message, linkbait::rules::help(finding))),
        "locations": [location(judged, number, finding)],
        "codeFlows": [flow(finding)],
        "partialFingerprints": { "linkbait/v1": finger::print(name, finding) },
        "properties": {
            "attacker": finding.attacker.name(),
            "umask": format!("{:03o}", finding.umask),
            "fileSystem": finding.file_system,
            "phase": finding.phase,
            "timing": timing(finding),
            "endedAlone": ended,
        },
    })
}

/// The line of source that the call stands in, where that is known and below the working directory, or else the step in the timeline.
fn location(judged: &Judged, number: usize, finding: &Finding) -> Value {
    let (file, line) = super::place(judged, number, finding);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&file), "uriBaseId": "SRCROOT" },
            "region": { "startLine": line },
        },
        "logicalLocations": [{ "fullyQualifiedName": output::line(&judged.report.name), "kind": "function" }],
    })
}

/// A relative path as a URI (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    path.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The timeline: who did what, in which order.
fn flow(finding: &Finding) -> Value {
    let (all, _) = steps::steps_of(&finding.timeline);
    let steps = steps::parse(&all);
    let broken = steps::broken(&steps, finding);
    let first = broken.saturating_sub(MOST_STEPS / 2);
    let told = || steps.iter().enumerate().skip(first).take(MOST_STEPS);
    let lane = |is: fn(&Step<'_>) -> bool| -> Vec<Value> {
        told().filter(|(_, step)| is(step)).map(|(at, step)| step_of(at, step, at == broken)).collect()
    };
    let threads = [("victim", lane(is_victim)), ("attacker", lane(|step| !is_victim(step)))];
    let threads = threads.into_iter().filter(|(_, steps)| !steps.is_empty());
    let threads: Vec<Value> =
        threads.map(|(id, locations)| json!({ "id": id, "locations": locations })).collect();
    json!({ "message": text(&finding.message), "threadFlows": threads })
}

fn is_victim(step: &Step<'_>) -> bool {
    step.actor.starts_with("victim")
}

fn step_of(at: usize, step: &Step<'_>, broken: bool) -> Value {
    json!({
        "location": { "message": text(&format!("{} {}", step.actor, step.what)) },
        "executionOrder": at + 1,
        "importance": if broken { "essential" } else { "important" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri_whatever_is_in_it() {
        assert_eq!(uri("src/a b%ü.rs"), "src/a%20b%25%C3%BC.rs");
    }
}
