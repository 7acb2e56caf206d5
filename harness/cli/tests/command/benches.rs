//! `bench`: which parts there are, and the forms of the figures. What they are is not looked at.

use crate::desk::Desk;
use linkbait_benches::PARTS;

const QUICK: [&str; 5] = ["bench", "stop", "memory", "--rounds=1", "--trials=100"];

#[test]
fn the_list_names_every_part_and_the_reference_does_too() {
    let ran = Desk::new().run(&["bench", "--list"]);
    let told: Vec<&str> = ran.out.lines().filter_map(|line| line.split(' ').next()).collect();
    let real: Vec<&str> = PARTS.iter().map(|part| part.name).chain(["all"]).collect();
    assert_eq!((ran.code, &told), (0, &real));
    let reference = include_str!("../../README.md");
    let table = reference.lines().skip_while(|line| !line.starts_with("| part |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    let told: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert_eq!(told, real);
}

#[test]
fn every_figure_stands_in_every_form() {
    let desk = Desk::new();
    let (ran, document) = desk.json(&QUICK);
    assert_eq!((ran.code, document["schema"].as_str()), (0, Some("linkbait-bench/1")), "{}", ran.err);
    let parts = document["parts"].as_array().expect("parts");
    let names: Vec<_> = parts.iter().map(|part| part["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["stop", "memory"]);
    let list = |value: &serde_json::Value, key: &str| value[key].as_array().expect("a list").clone();
    let sections = parts.iter().flat_map(|part| list(part, "sections"));
    let rows: Vec<_> = sections.flat_map(|section| list(&section, "rows")).collect();
    assert!(rows.iter().any(|row| row["met"].is_boolean() && row["ratio"].is_number()), "{rows:?}");
    let (text, table) = (desk.run(&QUICK).out, desk.run(&[&QUICK[..], &["--format=markdown"]].concat()).out);
    for row in rows {
        let what = row["what"].as_str().expect("what it is");
        assert!(text.contains(what) && table.contains(what), "{what}: {text}{table}");
    }
    assert!(text.contains("promised") && table.contains("promised"), "{text}{table}");
}

#[test]
fn a_table_is_put_between_the_markers_of_a_text() {
    let desk = Desk::new();
    let path = desk.path("text.md");
    std::fs::write(&path, "before\n<!-- linkbait:begin -->\nold\n<!-- linkbait:end -->\nafter\n")
        .expect("written");
    let ran = desk.run(&["bench", "stop", "--rounds=1", "--format=markdown", "--output=text.md"]);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(ran.code == 0 && text.starts_with("before\n") && text.ends_with("after\n"), "{}{text}", ran.err);
    assert!(text.contains("| **a stop** |") && !text.contains("old"), "{text}");
}

#[test]
fn a_promise_that_is_not_kept_fails_only_a_run_that_requires_it() {
    // Which promises are kept in so few trials is luck; the exit code must follow.
    let (ran, document) = Desk::new().json(&[&QUICK[..], &["--require"]].concat());
    let text = document.to_string();
    let expected = if text.contains("\"met\":false") { 100 } else { 0 };
    assert_eq!(ran.code, expected, "{text}");
}

#[test]
fn calls_are_counted_where_strace_can_trace() {
    let (ran, document) = Desk::new().json(&["bench", "calls"]);
    let section = &document["parts"][0]["sections"][0];
    let rows = section["rows"].as_array().expect("rows");
    if rows.is_empty() {
        assert!(
            section["notes"][0].as_str().is_some_and(|note| note.starts_with("not counted")),
            "{}",
            ran.out
        );
        return;
    }
    let stop = rows.iter().find(|row| row["what"].as_str().is_some_and(|what| what.contains("let go")));
    let stop = stop.expect("a row of a stop");
    // It is received and answered, and nothing less can be; what else is done is for the table to tell.
    assert!(stop["detail"].as_str().is_some_and(|detail| detail.contains("ioctl 2")), "{stop}");
    assert!(stop["amount"].as_f64().is_some_and(|sum| sum >= 2.0), "{stop}");
}

#[test]
fn an_unknown_part_is_a_usage_error_with_the_nearest_name() {
    let ran = Desk::new().run(&["bench", "memry"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("memory") && ran.err.contains("--list"), "{}", ran.err);
}
