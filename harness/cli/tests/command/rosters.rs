//! The rosters of the repository. Those of crates take a network to be built, so they are judged only when asked for.

use crate::desk::Desk;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus");

/// The victim files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn read(path: &Path) -> toml::Table {
    fs::read_to_string(path).expect("text").parse().unwrap_or_else(|e| panic!("{path:?}: {e}"))
}

#[test]
fn every_victim_of_a_crate_has_a_name_of_its_own_and_one_version() {
    let mut names = BTreeSet::new();
    for path in files(&Path::new(CORPUS).join("crates")) {
        let file = read(&path);
        let name = file["name"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{path:?}");
        let dependencies = file["rust"]["dependencies"].to_string();
        assert!(
            name.starts_with("std:") || dependencies.contains("\"=\"") || dependencies.contains("\"="),
            "{path:?}: {dependencies}"
        );
    }
    assert!(names.len() > 30);
}

#[test]
fn a_roster_names_built_in_victims_and_files_and_no_roster() {
    let desk = Desk::new();
    let roster = |victims: &str| {
        let text = format!("schema = 'linkbait-roster/1'\nname = 'mine'\nvictims = {victims}\n");
        fs::write(desk.path("mine.toml"), text).expect("a file");
        desk.run(&["run", "mine.toml", "--no-progress"])
    };
    let ran = roster("['create-new']");
    assert!(ran.code == 0 && ran.out.contains("1 victim"), "{}{}", ran.out, ran.err);
    for (victims, said) in [
        ("['./mine.toml']", "cannot name another"),
        ("['nobody-at-all']", "no victim"),
        ("['./nowhere.toml']", "nowhere"),
    ] {
        let ran = roster(victims);
        assert!(ran.code == 2 && ran.err.contains(said), "{victims}: {}{}", ran.out, ran.err);
    }
}

#[test]
#[ignore = "builds crates of the registry: takes a network the first time"]
fn crates_break_what_is_published_of_them_and_nothing_that_they_promise() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let (_, report) = desk.json(&["run", &format!("{CORPUS}/rosters/crates.toml"), "--no-progress"]);
    for path in files(&Path::new(CORPUS).join("crates")) {
        let file = read(&path);
        let victims = report["victims"].as_array().expect("victims");
        let victim =
            victims.iter().find(|victim| victim["name"].as_str() == file["name"].as_str()).expect("judged");
        let found = |rule: &str| -> Vec<&Value> {
            let findings = victim["findings"].as_array().expect("findings");
            findings.iter().filter(|finding| finding["rule"] == rule).collect()
        };
        let Some(expect) = file.get("expect") else { continue };
        let list = |key: &str| expect.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for wanted in list("fail") {
            let (rule, attacker) = (wanted["rule"].as_str().expect("a rule"), wanted["attacker"].as_str());
            assert!(
                found(rule).iter().any(|finding| finding["attacker"].as_str() == attacker),
                "{path:?}: {rule}"
            );
        }
        for rule in list("pass") {
            let rule = rule.as_str().expect("a rule");
            assert!(found(rule).is_empty(), "{path:?}: {rule}");
        }
    }
}
