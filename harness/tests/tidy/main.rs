//! What is asked of the sources themselves: headers, sizes, where unsafe code is, which way imports point.
//!
//! Every check is first shown a snippet that breaks it, so no check can pass by seeing nothing.

mod architecture;
mod layers;
mod source;
mod workflows;

use source::{Source, Word, files, read, sources};

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;

/// Demands complaints about `bad`, a made-up file at `path`, and none about the sources.
fn assert_kept(check: impl Fn(&Source) -> Vec<String>, path: &str, bad: &str) {
    assert!(!check(&Source::new(path, bad)).is_empty(), "nothing was said about\n{bad}");
    let wrong: Vec<String> = sources().iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every run of words that reads like `pattern`, as `path:line`.
fn places(path: &str, words: &[Word], pattern: &[&str]) -> Vec<String> {
    let same = |run: &&[Word]| run.iter().zip(pattern).all(|(word, wanted)| word.text == *wanted);
    words.windows(pattern.len()).filter(same).map(|run| format!("{path}:{}", run[0].line)).collect()
}

#[test]
fn every_source_file_begins_with_a_header() {
    let headless = |source: &Source| {
        let missing = !source.text.starts_with("//! ");
        missing.then(|| format!("{}: no `//!` header", source.path)).into_iter().collect()
    };
    assert_kept(headless, "a.rs", "// Only a comment.\nfn main() {}\n");
}

#[test]
fn no_file_is_longer_than_600_lines_without_its_tests() {
    let long = |source: &Source| {
        let tests: usize = source.test_lines().iter().map(|(first, last)| last + 1 - first).sum();
        let lines = source.text.lines().count() - tests;
        let complaint = format!("{}: {lines} lines", source.path);
        (lines > LONGEST_FILE).then_some(complaint).into_iter().collect()
    };
    assert_kept(long, "a.rs", &"const _: () = ();\n".repeat(LONGEST_FILE + 1));
    let mostly_tests = format!("#[cfg(test)]\nmod tests {{{}}}", "\n".repeat(LONGEST_FILE));
    assert!(long(&Source::new("a.rs", &mostly_tests)).is_empty());
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let long = |source: &Source| {
        let lengths =
            source.functions().into_iter().map(|(name, first, last)| (name, first, last + 1 - first));
        let too_long = lengths.filter(|(.., length)| *length > LONGEST_FUNCTION);
        too_long
            .map(|(name, at, length)| format!("{}:{at}: {name} has {length} lines", source.path))
            .collect()
    };
    let body = "\n".repeat(LONGEST_FUNCTION);
    assert_kept(long, "a.rs", &format!("impl A {{ fn long(hook: fn(u8)) {{{body}}} }}"));
}

#[test]
fn unsafe_code_is_only_below_sys() {
    let outside = |source: &Source| {
        if source.path.starts_with("harness/src/sys/") {
            return Vec::new();
        }
        places(&source.path, &source.words(), &["unsafe"])
    };
    assert_kept(outside, "races/src/a.rs", "vec![unsafe { f() }];");
    let only_words = "//! unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\"; // unsafe";
    assert!(outside(&Source::new("races/src/a.rs", only_words)).is_empty());
}

#[test]
fn every_unsafe_block_says_right_before_why_it_is_safe() {
    let unexplained = |source: &Source| {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        let explained = |line: usize| {
            // A statement that rustfmt broke after its `=` begins one line higher.
            let above = lines[..line - 1].iter().rev().skip_while(|l| l.ends_with('='));
            above.take_while(|l| l.starts_with("//")).any(|l| l.starts_with("// SAFETY: "))
        };
        let words = source.words();
        let blocks = words.windows(2).filter(|pair| pair[0].text == "unsafe" && pair[1].text == "{");
        let bare = blocks.filter(|pair| !explained(pair[0].line));
        bare.map(|pair| format!("{}:{}: no SAFETY comment", source.path, pair[0].line)).collect()
    };
    let far_above = "// SAFETY: holds.\nlet a = 1;\nlet b = unsafe { f(a) };";
    assert_kept(unexplained, "harness/src/sys/a.rs", far_above);
}

#[test]
fn the_library_never_prints_and_never_exits() {
    let loud = |source: &Source| {
        if !source.path.starts_with("harness/src/") {
            return Vec::new();
        }
        let macros = ["print", "println", "eprint", "eprintln", "dbg"].map(|name| vec![name, "!"]);
        let ends = [vec!["process", ":", ":", "exit"], vec!["process", ":", ":", "abort"]];
        let words = source.words_outside_tests();
        macros.iter().chain(&ends).flat_map(|pattern| places(&source.path, &words, pattern)).collect()
    };
    let tests_only = "//! Tests.\n#![cfg(test)]\nfn f() { println!(); }";
    assert!(loud(&Source::new("harness/src/a.rs", tests_only)).is_empty());
    for bad in ["fn f() { println!(); }", "fn f() { m!(dbg!(1)) }", "fn f() { std::process::exit(1) }"] {
        assert_kept(loud, "harness/src/a.rs", bad);
    }
}

#[test]
fn one_file_chooses_what_threads_share_and_one_explores_it() {
    let knows_loom = |source: &Source| {
        let may = ["lib.rs", "sync.rs", "under_loom.rs"].map(|name| format!("harness/src/{name}"));
        if may.contains(&source.path) || source.path.starts_with("races/tests/loom/") {
            return Vec::new();
        }
        places(&source.path, &source.words(), &["loom"])
    };
    assert_kept(knows_loom, "races/src/a.rs", "#[cfg(loom)] use loom::sync::Mutex;");
}

#[test]
fn the_library_reads_environment_and_clock_only_in_host() {
    let curious = |source: &Source| {
        if !source.path.starts_with("harness/src/") || source.path == "harness/src/host.rs" {
            return Vec::new();
        }
        let words = source.words_outside_tests();
        let sources = [["std", ":", ":", "env"], ["time", ":", ":", "clock_gettime"]];
        let named = sources.iter().flat_map(|pattern| places(&source.path, &words, pattern));
        let clocks = ["SystemTime", "Instant"].into_iter();
        named.chain(clocks.flat_map(|clock| places(&source.path, &words, &[clock]))).collect()
    };
    for bad in ["use std::env;", "fn f() { std::env::var(\"A\"); }", "use std::time::{Duration, Instant};"] {
        assert_kept(curious, "harness/src/a.rs", bad);
    }
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    // Written apart, so that this file does not find itself.
    let homes = ["/work", "/root", "/home"].map(|dir| format!("{dir}/"));
    let named = |text: &str| {
        let starts_there =
            |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "_.-}>*".contains(c));
        homes.iter().any(|home| text.match_indices(home).any(|(at, _)| starts_there(at)))
    };
    assert!(named(&format!("cd {}me", homes[2])) && named(&format!("\"{}\"", homes[0])));
    assert!(!named(&format!("shared{}keep", homes[0])));
    let text = |path: &String| {
        let bytes = std::fs::read(source::workspace().join(path)).expect("a readable file");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let wrong: Vec<String> = files().into_iter().filter(|path| named(&text(path))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_library_knows_neither_its_command_nor_its_victims() {
    let upward = |text: &str| text.contains("linkbait-races") || text.contains("linkbait-cli");
    assert!(upward("linkbait-races = { path = \"../races\" }"));
    let harness = read("harness/Cargo.toml");
    assert!(!upward(&harness), "harness/Cargo.toml names a package above it");
    assert!(!read("races/Cargo.toml").contains("linkbait-cli"), "races/Cargo.toml names a package above it");
}
