//! What ARCHITECTURE.md says exists: the files of its code map, the tests that guard its invariants.

use super::source::{Source, files, read, sources};

/// The text below a heading, up to the next.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let below =
        text.split_once(&format!("## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}")).1;
    below.split("\n## ").next().unwrap_or(below)
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Quoted words that can only be names of tests: sentences, with their words joined.
fn test_names(text: &str) -> Vec<&str> {
    let is_sentence = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain && word.matches('_').count() >= 2
    };
    quoted(text).filter(is_sentence).collect()
}

fn files_named(text: &str) -> Vec<&str> {
    quoted(text).filter(|word| word.ends_with(".rs")).collect()
}

/// Files of the library that the map must name: all but the rules, which it names together.
fn missing<'a>(map: &str, files: &'a [String]) -> Vec<&'a str> {
    let ours = files.iter().filter_map(|path| path.strip_prefix("harness/src/"));
    let own_line = ours.filter(|path| !path.starts_with("rules/") || path.ends_with("/mod.rs"));
    own_line.filter(|path| !files_named(map).contains(path)).collect()
}

/// Files that the map names and that do not exist.
fn invented<'a>(map: &'a str, files: &[String]) -> Vec<&'a str> {
    let exists =
        |name: &str| ["harness/src", "races/src"].iter().any(|dir| files.contains(&format!("{dir}/{name}")));
    files_named(map).into_iter().filter(|name| !exists(name)).collect()
}

#[test]
fn every_file_of_the_library_is_in_the_code_map() {
    let made_up = ["lib.rs", "rules/hangs.rs", "sys/new.rs"].map(|name| format!("harness/src/{name}"));
    assert_eq!(missing("| `lib.rs` | what users call |", &made_up), ["sys/new.rs"]);
    let text = read("ARCHITECTURE.md");
    assert_eq!(missing(section(&text, "Code map"), &files()), [""; 0]);
}

#[test]
fn every_file_of_the_code_map_exists() {
    let made_up = ["harness/src/lib.rs".to_owned()];
    assert_eq!(invented("| `lib.rs`, `gone.rs` | what users call |", &made_up), ["gone.rs"]);
    let text = read("ARCHITECTURE.md");
    assert_eq!(invented(section(&text, "Code map"), &files()), [""; 0]);
}

#[test]
fn every_guard_of_an_invariant_exists() {
    let sources = sources();
    let tests: Vec<String> = sources.iter().flat_map(Source::tests).collect();
    let functions: Vec<String> = sources.iter().flat_map(Source::functions).map(|(name, ..)| name).collect();
    let guards_gone = |text: &str| {
        let no_test = test_names(text).into_iter().filter(|name| !tests.iter().any(|t| t == name));
        let methods = quoted(text).filter_map(|word| Some((word, word.rsplit_once("::")?.1)));
        let no_method =
            methods.filter(|(_, name)| !functions.iter().any(|f| f == name)).map(|(word, _)| word);
        let all = no_test.chain(no_method).chain(invented(text, &files()));
        all.map(str::to_owned).collect::<Vec<String>>()
    };
    let made_up =
        "`no_such_test_as_this`, `every_guard_of_an_invariant_exists`, `Engine::gone`, `gone.rs`, `unsafe`";
    assert_eq!(guards_gone(made_up), ["no_such_test_as_this", "Engine::gone", "gone.rs"]);
    assert_eq!(guards_gone(section(&read("ARCHITECTURE.md"), "Invariants")), [""; 0]);
}
