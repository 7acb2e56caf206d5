//! Shards, and the one report that is made of them.

use crate::desk::{self, Desk, Ran};
use std::fs;

/// Victims that take little time.
const RUN: &[&str] =
    &["run", "check-then-create", "create-fixed", "create-new", "lock-file-checked", "rename-no-excl"];

const SHARDS: usize = 4;

/// Judges one shard of the victims into a file, beside other options.
fn judge(desk: &Desk, shard: &str, into: &str, options: &[&str]) -> Ran {
    let end = ["--shard", shard, "--format", "json", "--output", into];
    desk.run(&[RUN, &end, options].concat())
}

/// All shards, in files of the desk.
fn shards(desk: &Desk) -> Vec<String> {
    let one = |k: usize| {
        let file = format!("{k}.json");
        judge(desk, &format!("{k}/{SHARDS}"), &file, &[]);
        file
    };
    (1..=SHARDS).map(one).collect()
}

fn merge(desk: &Desk, files: &[String], options: &[&str]) -> Ran {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    desk.run(&[&["merge"], files.as_slice(), options].concat())
}

/// What a report says in every run: durations aside.
fn told(report: &str) -> impl Iterator<Item = &str> {
    report.lines().filter(|line| !line.trim_start().starts_with("\"duration_s\":"))
}

/// The first line that one report has otherwise than the other.
fn differs(one: &str, other: &str) -> Option<String> {
    let mut lines = (told(one), told(other));
    loop {
        match (lines.0.next(), lines.1.next()) {
            (None, None) => return None,
            (one, other) if one != other => return Some(format!("{one:?} and {other:?}")),
            _ => {}
        }
    }
}

fn edit(desk: &Desk, file: &str, edit: impl Fn(&str) -> String) {
    let path = desk.path(file);
    let text = fs::read_to_string(&path).expect("a report");
    fs::write(&path, edit(&text)).expect("a report");
}

#[test]
fn merged_shards_are_the_report_of_the_whole_to_the_byte_but_for_durations() {
    let desk = Desk::new();
    let mut files = shards(&desk);
    files.reverse();
    for format in ["json", "text", "phases"] {
        let whole = desk.run(&[RUN, &["--format", format, "--verbose"]].concat());
        let merged = merge(&desk, &files, &["--format", format, "--verbose"]);
        assert_eq!((merged.code, merged.err.as_str()), (100, ""));
        assert_eq!(differs(&merged.out, &whole.out), None);
    }
    // The replay files are there again, too.
    let timelines = desk.timelines();
    assert!(!timelines.is_empty() && desk.run(&["replay", &timelines[0]]).code == 100);
}

/// Names drawn, counted, made of pids and of the time; predicted and planted by the hundred; the same by programs.
const WITH_CHANCE: &[&str] = &[
    "run",
    "create-new",
    "create-pid",
    "mktemp-style",
    "name-seconds",
    "name-counted-up",
    "name-file-count",
    "named-new",
    "rename-keeping-mode",
    "sh-clock-name",
    "sh-mktemp-left",
    "sh-pid-name",
];

#[test]
fn the_report_is_the_same_with_any_number_of_jobs_and_as_merged_shards() {
    let desk = Desk::new();
    let run = |options: &[&str]| desk.run(&[WITH_CHANCE, &["--format", "json"], options].concat()).out;
    let one = run(&["--jobs", "1"]);
    for jobs in ["2", "4"] {
        assert_eq!(differs(&one, &run(&["--jobs", jobs])), None, "{jobs} jobs");
    }
    let files: Vec<String> = (1..=SHARDS).map(|k| format!("{k}.json")).collect();
    for (k, file) in (1..).zip(&files) {
        run(&["--shard", &format!("{k}/{SHARDS}"), "--output", file]);
    }
    assert_eq!(differs(&one, &merge(&desk, &files, &["--format", "json"]).out), None);
    // Also when other victims are begun first.
    fs::write(desk.path("one.json"), one.replace("\"duration_s\": 0.", "\"duration_s\": 9."))
        .expect("a file");
    assert_eq!(differs(&one, &run(&["--jobs", "2", "--costs", "one.json"])), None);
}

#[test]
fn a_victim_that_does_other_things_in_other_runs_makes_the_reports_differ() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let text = "schema = 'linkbait-victim/1'\nname = 'turn'\n[command]\nargv = ['sh', '-c', 'echo x > /tmp/a$TURN']\n";
    fs::write(desk.path("turn.toml"), text).expect("a file");
    let run = |turn: &str| {
        let mut command = desk.command(&["run", "./turn.toml", "--format", "json"]);
        desk::ran(command.env("TURN", turn).output().expect("the command starts")).out
    };
    let first = run("1");
    assert!(first.contains("shared/a1"), "{first}");
    assert_eq!(differs(&first, &run("1")), None);
    assert!(differs(&first, &run("2")).is_some());
}

#[test]
fn shards_are_dealt_by_the_costs_of_an_earlier_run_and_by_no_others() {
    let desk = Desk::new();
    let mut victims: Vec<_> =
        RUN[1..].iter().map(|name| serde_json::json!({ "name": name, "duration_s": 0.01 })).collect();
    victims[3]["duration_s"] = 1.into();
    let costs = serde_json::json!({ "schema": "linkbait-report/1", "victims": victims });
    fs::write(desk.path("costs.json"), costs.to_string()).expect("a file");
    let options = ["--costs", "costs.json"];
    judge(&desk, "1/2", "1.json", &options);
    judge(&desk, "2/2", "2.json", &options);
    let report = fs::read_to_string(desk.path("1.json")).expect("a report");
    let document: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(document["part"]["shards"], serde_json::json!([2, 2, 2, 1, 2]));
    let files = ["1.json".to_owned(), "2.json".to_owned()];
    assert_eq!(merge(&desk, &files, &[]).code, 100);
    judge(&desk, "2/2", "2.json", &[]);
    let merged = merge(&desk, &files, &[]);
    assert!(merged.code == 2 && merged.err.contains("dealt by other costs"), "{}", merged.err);
    fs::write(desk.path("costs.json"), "{}").expect("a file");
    let ran = judge(&desk, "1/2", "1.json", &options);
    assert!(ran.code == 2 && ran.err.contains("so it has no costs"), "{}", ran.err);
}

#[test]
fn a_shard_with_one_schedule_less_does_not_merge_into_the_report_of_the_whole() {
    let desk = Desk::new();
    let files = shards(&desk);
    let whole = merge(&desk, &files, &["--format", "json"]).out;
    let trials = |text: &str| {
        let line = text.lines().find(|line| line.contains("\"trials\": ")).expect("a count").to_owned();
        let count: u64 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        text.replacen(&line, &line.replace(&count.to_string(), &(count - 1).to_string()), 1)
    };
    edit(&desk, "2.json", trials);
    assert!(differs(&merge(&desk, &files, &["--format", "json"]).out, &whole).is_some());
}

#[test]
fn a_shard_says_in_every_form_that_it_is_a_part() {
    let desk = Desk::new();
    for format in ["text", "phases"] {
        let ran = desk.run(&[RUN, &["--shard", "2/4", "--format", format]].concat());
        assert!(ran.out.contains("shard 2 of 4: 1 of 5 victims"), "{}", ran.out);
    }
    judge(&desk, "2/4", "2.json", &[]);
    let report = fs::read_to_string(desk.path("2.json")).expect("a report");
    let document: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(document["part"]["shard"], serde_json::json!({ "k": 2, "n": 4 }));
    assert_eq!(document["part"]["of"], serde_json::json!(RUN[1..]));
}

#[test]
fn how_programs_end_and_what_they_print_is_told_by_merged_reports_too() {
    let desk = Desk::new();
    for ends in ["kill -9 $$", "exit 3", "echo done"] {
        let command = format!("echo secret > /tmp/app.log; echo said; {ends}");
        let run = ["exec", "--attacker", "none", "--signals", "--format", "text"];
        let (cmd, one) =
            (["--", "sh", "-c", &command], ["--shard", "1/1", "--format", "json", "--output", "1.json"]);
        let whole = desk.run(&[run.as_slice(), &cmd].concat());
        desk.run(&[&run[..4], &one, &cmd].concat());
        let merged = desk.run(&["merge", "--verbose", "1.json"]);
        assert_eq!((merged.code, differs(&merged.out, &whole.out)), (whole.code, None));
    }
}

#[test]
fn a_command_is_in_the_first_shard_only() {
    let exec = |shard| Desk::new().run(&["exec", "--shard", shard, "--", "true"]).code;
    assert_ne!(exec("1/2"), 4);
    assert_eq!(exec("2/2"), 4);
}

#[test]
fn what_does_not_belong_together_is_refused_with_a_reason() {
    let desk = Desk::new();
    let files = shards(&desk);
    let refused = |files: &[&str], why: &str| {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let ran = merge(&desk, &files, &[]);
        assert!(
            ran.code == 2 && ran.out.is_empty() && ran.err.contains(why),
            "{why}: {}{}",
            ran.out,
            ran.err
        );
    };
    refused(&["1.json", "2.json", "4.json"], "shard 3 of 4 is missing");
    refused(&["1.json", "2.json", "3.json", "4.json", "2.json"], "shard 2 of 4 is in");
    judge(&desk, "4/4", "rules.json", &["--umask", "022"]);
    refused(&["1.json", "2.json", "3.json", "rules.json"], "are of other settings");
    judge(&desk, "4/5", "five.json", &[]);
    refused(&["1.json", "2.json", "3.json", "five.json"], "are of 4 and of 5 shards");
    desk.run(&["run", "create-new", "--shard", "1/4", "--format", "json", "--output", "other.json"]);
    refused(&["2.json", "3.json", "4.json", "other.json"], "are of other victims");
    desk.run(&["run", "create-new", "--format", "json", "--output", "whole.json"]);
    refused(&["whole.json"], "it is no shard");
    fs::copy(desk.path(&files[0]), desk.path("old.json")).expect("a copy");
    edit(&desk, "old.json", |text| text.replacen(env!("CARGO_PKG_VERSION"), "0.0.9", 1));
    refused(&["old.json", "2.json", "3.json", "4.json"], "version 0.0.9");
    edit(&desk, "1.json", |text| text.replacen(": 0", ":  0", 1));
    refused(&["1.json", "2.json", "3.json", "4.json"], "it was changed after linkbait wrote it");
    fs::write(desk.path("no.json"), "[]").expect("a file");
    refused(&["no.json"], "it is no report of linkbait");
    refused(&["nowhere.json"], "nowhere.json");
}

#[test]
fn a_shard_that_was_interrupted_makes_the_whole_inconclusive() {
    let desk = Desk::new();
    let files = shards(&desk);
    // As an interrupted run leaves it: asked for more than it lists.
    edit(&desk, "3.json", |text| {
        let (head, victims) = text.split_once("  \"victims\": [").expect("victims");
        assert!(!victims.is_empty());
        format!("{head}  \"victims\": []\n}}\n")
    });
    let merged = merge(&desk, &files, &[]);
    assert_eq!(merged.code, 5);
    assert!(merged.out.contains("only 4 of 5 victims were judged"), "{}", merged.out);
}

#[test]
fn samples_of_shards_follow_from_one_seed() {
    let ran = Desk::new().run(&["run", "create-new", "--shard", "1/2", "--samples", "5", "--depth", "2"]);
    assert!(ran.code == 2 && ran.err.contains("add --seed N"), "{}", ran.err);
}
