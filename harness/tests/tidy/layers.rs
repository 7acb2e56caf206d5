//! Imports inside the library point down only. Owns the order of the modules and the exceptions that exist.

use super::assert_kept;
use super::source::{Source, Word, sources};

/// The modules of `harness/src` from the top. Those of one line may know each other.
const LAYERS: [&[&str]; 13] = [
    &["lib"],
    &["fuzz"],
    &["judge"],
    &["explore", "save"],
    &["rules", "timeline"],
    &["evidence"],
    &["world"],
    &["victim", "finding", "schedule"],
    &["attacker"],
    &["names"],
    &["arena", "model"],
    &[
        "class",
        "determinism",
        "ending",
        "errno",
        "error",
        "fault",
        "file_system",
        "host",
        "limits",
        "scene",
        "stack",
        "stream",
    ],
    &["sync", "sys"],
];

/// Imports that point up, each with its reason. One that no longer exists must go from here.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// Height of a module, 0 being the bottom.
fn height(module: &str) -> Option<usize> {
    LAYERS.iter().rev().position(|layer| layer.contains(&module))
}

/// The top module that a file of the library belongs to.
fn module_of(path: &str) -> Option<&str> {
    path.strip_prefix("harness/src/")?.split(['/', '.']).next()
}

/// The top modules that a file names by `crate::…`, with the line.
fn named(words: &[Word]) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.text == "crate") {
        let rest: Vec<&str> = words[at + 1..].iter().take(4).map(|w| w.text.as_str()).collect();
        match rest[..] {
            [":", ":", "{", ..] => found.extend(first_of_each(&words[at + 3..])),
            [":", ":", name, ..] => found.push((name, word.line)),
            _ => {}
        }
    }
    found
}

/// `a` and `b` of `{a, b::{c, d}}`.
fn first_of_each(words: &[Word]) -> Vec<(&str, usize)> {
    let (mut found, mut depth) = (Vec::new(), 0);
    for pair in words.windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && ["{", ","].contains(&pair[0].text.as_str()) && pair[1].text != "}" {
            found.push((pair[1].text.as_str(), pair[1].line));
        }
    }
    found
}

fn is_excepted(from: &str, to: &str) -> bool {
    EXCEPTIONS.iter().any(|(above, below, _)| (*above, *below) == (from, to))
}

/// Imports that point up or name what is in no layer, exceptions apart.
fn upward(source: &Source) -> Vec<String> {
    let Some(from) = module_of(&source.path).filter(|module| *module != "lib") else {
        return Vec::new();
    };
    let words = source.words_outside_tests();
    let wrong = |to: &str| height(to) > height(from) || height(to).is_none() || height(from).is_none();
    let wrong = named(&words).into_iter().filter(|(to, _)| wrong(to) && !is_excepted(from, to));
    wrong.map(|(to, line)| format!("{}:{line}: {from} imports {to}", source.path)).collect()
}

#[test]
fn imports_inside_the_library_point_down() {
    for bad in
        ["use crate::judge::Judge;", "fn f(_: crate::rules::Case) {}", "use crate::{error::{A, B}, judge};"]
    {
        assert_kept(upward, "harness/src/arena/a.rs", bad);
    }
    assert_kept(upward, "harness/src/arena/a.rs", "use crate::Dirs;");
    assert_kept(upward, "harness/src/nowhere.rs", "use crate::error::Error;");
    assert!(upward(&Source::new("harness/src/judge.rs", "use crate::{error::{A, judge}, sys};")).is_empty());
}

#[test]
fn modules_reach_others_by_crate_and_not_by_climbing() {
    // Otherwise the test above would miss them.
    let climbs = |source: &Source| {
        if module_of(&source.path).is_none() {
            return Vec::new();
        }
        let words = source.words_outside_tests();
        let mut found = super::places(&source.path, &words, &["super", ":", ":", "super"]);
        if source.path.matches('/').count() == 2 || source.path.ends_with("/mod.rs") {
            found.extend(super::places(&source.path, &words, &["super", ":", ":"]));
        }
        found
    };
    assert_kept(climbs, "harness/src/arena.rs", "use super::judge;");
    assert_kept(climbs, "harness/src/arena/mod.rs", "use super::judge;");
    assert_kept(climbs, "harness/src/arena/a.rs", "use super::super::judge;");
}

#[test]
fn every_exception_is_still_needed() {
    let all = sources();
    let exists = |from: &str, to: &str| {
        let files = all.iter().filter(|source| module_of(&source.path) == Some(from));
        let mut words = files.map(Source::words_outside_tests);
        words.any(|words| named(&words).iter().any(|(module, _)| *module == to))
    };
    assert!(!exists("sys", "judge"));
    for (from, to, reason) in EXCEPTIONS {
        assert!(exists(from, to), "{from} no longer imports {to} ({reason})");
    }
}
