//! What is written, and what is never written to.

use crate::desk::Desk;
use std::fs;
use std::os::unix::fs::symlink;

const BAD: [&str; 4] = ["run", "create-fixed", "--rule", "follows-link,hangs"];

#[test]
fn every_file_the_report_names_is_there() {
    let desk = Desk::new();
    let (_, document) = desk.json(&BAD);
    let saved = fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    assert_eq!(document, serde_json::from_str::<serde_json::Value>(&saved).expect("JSON"));
    let findings = document["victims"][0]["findings"].as_array().expect("findings");
    let named: Vec<_> = findings.iter().map(|f| f["replay"].as_str().expect("a name").to_owned()).collect();
    let mut sorted = named.clone();
    sorted.sort();
    assert_eq!(sorted, desk.timelines());
}

#[test]
fn timelines_of_the_run_before_are_removed_and_files_of_others_stay() {
    let desk = Desk::new();
    desk.run(&BAD);
    let mine = desk.path("target/linkbait/mine.timeline");
    fs::write(&mine, "mine").expect("a file");
    assert_eq!(desk.timelines().len(), 3);
    desk.run(&["run", "create-new"]);
    assert_eq!(desk.timelines(), ["target/linkbait/mine.timeline"]);
    let previous = fs::read_to_string(desk.path("target/linkbait/report.previous.json")).expect("kept");
    assert!(previous.contains("follows-link"));
}

#[test]
fn a_report_that_names_files_elsewhere_does_not_get_them_removed() {
    let desk = Desk::new();
    desk.run(&["run", "create-new"]);
    let precious = desk.path("precious.timeline");
    fs::write(&precious, "keep").expect("a file");
    for name in ["target/linkbait/../../precious.timeline", "precious.timeline", precious.to_str().unwrap()] {
        let lie = serde_json::json!({"victims": [{"findings": [{"replay": name}]}]});
        fs::write(desk.path("target/linkbait/report.json"), lie.to_string()).expect("a report");
        assert_eq!(desk.run(&["run", "create-new"]).code, 0);
        assert!(precious.exists(), "{name}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_exits_70_after_the_report() {
    let desk = Desk::new();
    fs::write(desk.path("target"), "a file").expect("a file");
    let ran = desk.run(&BAD);
    assert_eq!(ran.code, 70);
    assert!(ran.out.contains("1 fail"), "{}", ran.out);
    assert!(ran.err.contains("open(\"target\") = ENOTDIR (Not a directory)"), "{}", ran.err);
    assert!(ran.err.contains("in a directory that you may write"), "{}", ran.err);
}

#[test]
fn links_in_place_of_the_folder_or_the_report_are_not_followed() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("elsewhere")).expect("a directory");
    fs::create_dir(desk.path("target")).expect("a directory");
    symlink(desk.path("elsewhere"), desk.path("target/linkbait")).expect("a link");
    assert_eq!(desk.run(&["run", "create-new"]).code, 70);
    assert_eq!(fs::read_dir(desk.path("elsewhere")).expect("a directory").count(), 0);
    fs::remove_file(desk.path("target/linkbait")).expect("the link goes");
    fs::create_dir(desk.path("target/linkbait")).expect("a directory");
    fs::write(desk.path("precious"), "keep").expect("a file");
    symlink(desk.path("precious"), desk.path("target/linkbait/report.json")).expect("a link");
    assert_eq!(desk.run(&["run", "create-new"]).code, 0);
    assert_eq!(fs::read_to_string(desk.path("precious")).expect("still there"), "keep");
}

#[test]
fn a_report_can_go_to_a_file_and_replaces_it_whole() {
    let desk = Desk::new();
    fs::write(desk.path("report"), "x".repeat(1 << 20)).expect("a file");
    let ran = desk.run(&["run", "create-new", "--format", "json", "--output", "report"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    let saved = fs::read_to_string(desk.path("report")).expect("a report");
    assert!(serde_json::from_str::<serde_json::Value>(&saved).is_ok(), "{saved}");
    let left: Vec<_> = fs::read_dir(desk.dir()).expect("a directory").collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn output_to_a_link_a_directory_or_nowhere_is_refused_before_the_work() {
    let desk = Desk::new();
    fs::write(desk.path("precious"), "keep").expect("a file");
    symlink(desk.path("precious"), desk.path("link")).expect("a link");
    for (name, said) in [("link", "symbolic link"), (".", "EISDIR"), ("no/such", "ENOENT")] {
        let ran = desk.run(&["run", "create-new", "--output", name]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(ran.err.contains(said) && !ran.err.contains("judging"), "{}", ran.err);
    }
    assert_eq!(fs::read_to_string(desk.path("precious")).expect("still there"), "keep");
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["run", "create-new", "--output", "/dev/null"]).code, 0);
    assert!(!fs::metadata("/dev/null").expect("there").is_file());
}

#[test]
fn a_report_that_cannot_be_written_where_it_should_be_is_saved_all_the_same() {
    let desk = Desk::new();
    let ran = desk.run(&["run", "create-new", "--output", "/dev/full"]);
    assert!(ran.code == 70 && ran.err.contains("--output"), "{}", ran.err);
    for name in ["report.json", "report.html"] {
        assert!(desk.path(&format!("target/linkbait/{name}")).exists(), "{name}");
    }
}
