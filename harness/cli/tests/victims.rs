//! Every victim file of `corpus/victims` shows exactly the findings that it expects. What could not be checked on this
//! machine is said.

mod common;

use common::{desk, linkbait};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Rule and attacker of each finding.
type Findings = BTreeSet<(String, String)>;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/victims")
}

fn document(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// Says, past the test's capture, which victims were unsupported and why: what was not checked must not look checked.
fn tell_unsupported(victims: &[Value]) {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for victim in victims.iter().filter(|victim| is_unsupported(victim)) {
        let why = list(victim, "not_examined").iter().map(text).collect::<Vec<_>>().join("; ");
        reasons.entry(why).or_default().push(text(&victim["name"]));
    }
    for (why, names) in reasons {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {}: unsupported: {why}", names.join(", "));
    }
}

fn is_unsupported(victim: &Value) -> bool {
    victim["verdict"] == "unsupported"
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn pairs(findings: &[Value]) -> Findings {
    findings.iter().map(|found| (text(&found["rule"]), text(&found["attacker"]))).collect()
}

/// What each file expects, by the name of its victim.
fn expected(dir: &Path, all: &mut BTreeMap<String, Findings>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            expected(&path, all);
        } else if path.extension().is_some_and(|end| end == "toml") {
            let file = std::fs::read_to_string(&path).expect("text");
            let file: Value = toml::from_str(&file).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            let before = all.insert(text(&file["name"]), pairs(list(&file["expect"], "fail")));
            assert!(before.is_none(), "{path:?}: two victims have its name");
        }
    }
}

#[test]
fn every_victim_file_shows_exactly_what_it_expects() {
    let mut wanted = BTreeMap::new();
    expected(&corpus(), &mut wanted);
    let desk = desk();
    let dir = corpus();
    let args = ["run", dir.to_str().expect("text"), "--format", "json", "--no-progress", "--timeout", "20s"];
    let document = document(&linkbait(&desk, &args));
    let victims = list(&document, "victims");
    assert_eq!(victims.len(), wanted.len());
    let mut wrong = Vec::new();
    tell_unsupported(victims);
    for victim in victims.iter().filter(|victim| !is_unsupported(victim)) {
        let (name, notes) = (text(&victim["name"]), &victim["not_examined"]);
        let found = pairs(list(victim, "findings"));
        let complete = victim["exhaustive"] == true && victim["verdict"] != "inconclusive";
        if found != wanted[&name] || !complete {
            wrong.push(format!("{name}: found {found:?}, expected {:?}, {notes}", wanted[&name]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_finding_in_a_shell_victim_replays() {
    let desk = desk();
    let document = document(&linkbait(&desk, &["run", "sh", "--format", "json", "--no-progress"]));
    tell_unsupported(list(&document, "victims"));
    for victim in list(&document, "victims") {
        for finding in list(victim, "findings") {
            let file = text(&finding["replay"]);
            let ran = linkbait(&desk, &["replay", &file]);
            assert_eq!(ran.status.code(), Some(100), "{file}: {}", String::from_utf8_lossy(&ran.stdout));
        }
    }
}
