//! The reports that other programs read: SARIF, JUnit XML and annotations for a workflow.

use crate::desk::Desk;
use serde_json::Value;

/// A victim that fails, one that passes, and one that this run cannot judge.
const VICTIMS: [&str; 4] = ["run", "create-fixed", "create-new", "--no-progress"];

fn printed(format: &str, more: &[&str]) -> String {
    let desk = Desk::new();
    desk.run(&[&VICTIMS[..], &["--format", format], more].concat()).out
}

#[test]
fn sarif_has_a_result_for_each_finding_with_its_steps_in_order() {
    let desk = Desk::new();
    let log: Value =
        serde_json::from_str(&desk.run(&[&VICTIMS[..], &["--format", "sarif"]].concat()).out).expect("JSON");
    let run = &log["runs"][0];
    let saved = std::fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    let findings = saved["victims"][0]["findings"].as_array().expect("findings").len();
    let results = run["results"].as_array().expect("results");
    assert!(log["version"] == "2.1.0" && findings > 0 && results.len() == findings, "{log}");
    for result in results {
        let rule = result["ruleIndex"].as_u64().expect("a number") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let file = place["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(file.ends_with(".timeline") && desk.path(file).exists(), "{file}");
        let threads = result["codeFlows"][0]["threadFlows"].as_array().expect("threads");
        let steps = threads.iter().flat_map(|thread| thread["locations"].as_array().expect("steps"));
        let mut order: Vec<u64> =
            steps.map(|step| step["executionOrder"].as_u64().expect("a number")).collect();
        order.sort_unstable();
        assert!(order.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{order:?}");
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn a_finding_has_the_same_fingerprint_in_every_run_and_each_has_its_own() {
    let prints = |more: &[&str]| {
        let log: Value = serde_json::from_str(&printed("sarif", more)).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        results
            .iter()
            .map(|result| result["partialFingerprints"]["linkbait/v1"].to_string())
            .collect::<Vec<_>>()
    };
    let first = prints(&[]);
    assert_eq!(first, prints(&["--jobs", "1"]));
    let mut distinct = first.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), first.len());
}

#[test]
fn junit_fails_skips_and_passes_and_what_was_not_tried_is_an_error() {
    let xml = printed("junit", &[]);
    for part in [
        "<testsuite name=\"create-fixed\"",
        "<testcase name=\"follows-link\" classname=\"create-fixed\"",
        "type=\"finding\"",
        "no trial could have broken it",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    assert!(!xml.contains("<error"), "{xml}");
    let ended = printed("junit", &["--trials", "3"]);
    assert!(ended.contains("<error") && ended.contains("type=\"inconclusive\""), "{ended}");
}

#[test]
fn annotations_are_one_line_for_each_finding() {
    let text = printed("github", &[]);
    assert!(text.lines().count() > 3, "{text}");
    assert!(
        text.lines().all(|line| line.starts_with("::error file=") && line.contains(",title=linkbait ")),
        "{text}"
    );
    assert!(
        printed("github", &["--trials", "3"]).contains("::warning title=linkbait::create-new: inconclusive")
    );
}

#[test]
fn only_findings_that_an_earlier_report_does_not_have_fail_a_run() {
    let desk = Desk::new();
    let judge =
        |victims: &[&str], more: &[&str]| desk.run(&[&["run", "--no-progress"], victims, more].concat());
    assert_eq!(
        judge(&["create-fixed", "create-new"], &["--format", "json", "--output", "before.json"]).code,
        100
    );
    let with = ["--baseline", "before.json"];
    let same = judge(&["create-fixed", "create-new"], &with);
    assert!(
        same.code == 0 && same.out.contains("0 new findings") && same.out.contains("0 gone"),
        "{}",
        same.out
    );
    let new = judge(&["create-fixed", "create-pid"], &with);
    assert!(new.code == 100 && new.out.contains("new: create-pid: follows-link"), "{}", new.out);
    // What another rule would show again is not gone.
    let fewer = judge(&["create-fixed"], &[&with[..], &["--rule", "hangs"]].concat());
    assert!(fewer.code == 0 && fewer.out.contains("not judged: create-fixed: follows-link"), "{}", fewer.out);
    let text = std::fs::read_to_string(desk.path("before.json")).expect("a report");
    std::fs::write(desk.path("before.json"), text.replace("create-fixed", "create-new")).expect("a file");
    let gone = judge(&["create-new"], &with);
    assert!(gone.code == 0 && gone.out.contains("gone: create-new: follows-link"), "{}", gone.out);
    std::fs::write(desk.path("before.json"), text).expect("a file");
    let other = judge(&["create-new"], &with);
    assert!(other.code == 0 && other.out.contains("not judged: create-fixed: follows-link"), "{}", other.out);
    std::fs::write(desk.path("odd.json"), "{}").expect("a file");
    for wrong in ["odd.json", "nowhere.json"] {
        let ran = judge(&["create-new"], &["--baseline", wrong]);
        assert!(ran.code == 2 && ran.err.contains(wrong), "{}", ran.err);
    }
}
