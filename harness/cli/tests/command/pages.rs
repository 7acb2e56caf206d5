//! The pages do what they say: each line of a `sh` block is run, in a directory that the blocks of a section share.
//!
//! A line has to exit with the number that its comment begins with (`# 100: …`), or with 0. A block that begins with
//! `# PATH` or `// PATH` is that file, written when its turn comes; a timeline is one that was saved by then. Owns neither the tables nor the samples (`readme`).

use crate::desk::{Desk, Ran, ran};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

struct Page {
    name: &'static str,
    text: &'static str,
    /// What lines begin with that are not run, and why not.
    not_run: &'static [(&'static str, &'static str)],
}

const README: Page = Page {
    name: "README.md",
    text: include_str!("../../../../README.md"),
    not_run: &[
        (
            "cargo run --release ",
            "all built-in victims, in a build of its own; the scorecard's tests judge them",
        ),
        ("cargo test            #", "it is what runs this test"),
        ("linkbait crate ", REGISTRY),
        ("cargo fuzz run attack ", FUZZER),
    ],
};

const REFERENCE: Page = Page {
    name: "harness/cli/README.md",
    text: include_str!("../../README.md"),
    not_run: &[
        ("linkbait crate ", REGISTRY),
        ("linkbait run phases ", "`harness/cli/tests/phases.rs` compares the table"),
        (
            "cargo test --release -p linkbait --lib a_million_calls ",
            "it takes minutes, in a build of its own",
        ),
        ("RUSTFLAGS=\"--cfg loom\" ", "it takes a build of its own; `.ci/run` has it"),
    ],
};

const FUZZ: Page = Page {
    name: "fuzz/README.md",
    text: include_str!("../../../../fuzz/README.md"),
    not_run: &[
        ("ASAN_OPTIONS=detect_leaks=0 cargo fuzz ", FUZZER),
        ("cargo run --release --config fuzz/schedules.toml -p linkbait-fuzz ", FUZZER),
        ("(cd fuzz/example && ASAN_OPTIONS=detect_leaks=0 cargo fuzz ", FUZZER),
        ("cargo run --release --config fuzz/schedules.toml -p settings-fuzz ", FUZZER),
    ],
};

const REGISTRY: &str = "it fetches crates; `rosters` judges these when asked for";
const FUZZER: &str =
    "it takes cargo-fuzz and a nightly compiler, or a C++ compiler, and minutes; `nightly.yml` has it";

/// What every section finds in its directory: a package with a test that is safe.
const MANIFEST: &str = "[package]\nname = 'notes'\nversion = '0.1.0'\nedition = '2024'\n\n[workspace]\n";
const LIBRARY: &str = "
#[test]
fn a_dir_is_made_and_removed() {
    use std::os::unix::fs::DirBuilderExt;
    let dir = std::env::temp_dir().join(format!(\"notes-{:p}\", &0));
    std::fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
    std::fs::remove_dir(dir).unwrap();
}
";

/// What stands between two fences.
struct Block<'t> {
    /// The section that it is in.
    section: &'t str,
    language: &'t str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut found, mut section, mut open): (_, _, Option<Block>) = (Vec::new(), "", None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some(Block { section, language, text: String::new() }),
            (None, None) => section = line.strip_prefix("## ").unwrap_or(section),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
        }
    }
    found
}

/// Which file a block is.
fn path<'t>(block: &'t Block) -> Option<&'t str> {
    let first = block.text.lines().next()?;
    let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?;
    (block.language != "sh" && name.ends_with(['s', 'l']) && !name.contains(' ')).then_some(name)
}

/// The commands of a block, those over several lines as one.
fn commands(text: &str) -> Vec<String> {
    text.replace("\\\n", " ").lines().map(str::to_owned).collect()
}

/// What a command has to exit with.
fn code(command: &str) -> i32 {
    let remark = command.rsplit_once(" # ").map_or("", |(_, remark)| remark);
    let digits = remark.find(|c: char| !c.is_ascii_digit()).unwrap_or(remark.len());
    remark[..digits].parse().unwrap_or(0)
}

fn say(what: &str, why: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "not checked: {what}: {why}");
}

/// A directory for a section, beside a way to this repository, with what was built there the last time.
fn begin(desk: &Desk, page: &str, section: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("pages")
        .join(format!("{page}-{section}").replace('/', "-"));
    let here = desk.path(section);
    fs::create_dir_all(here.join("src")).expect("a directory");
    fs::write(here.join("Cargo.toml"), MANIFEST).expect("a file");
    fs::write(here.join("src/lib.rs"), LIBRARY).expect("a file");
    // The versions that are on this machine already.
    fs::copy(repository.join("Cargo.lock"), here.join("Cargo.lock")).expect("a file");
    fs::create_dir_all(&kept).expect("a directory");
    // By this it is known as cargo's.
    fs::write(kept.join("CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55").expect("a file");
    let _ = fs::remove_dir_all(kept.join("linkbait"));
    symlink(kept, here.join("target")).expect("a link");
    let _ = symlink(repository, desk.path("linkbait"));
}

fn run(dir: &Path, command: &str) -> Ran {
    let ours = Path::new(env!("CARGO_BIN_EXE_linkbait")).parent().expect("a directory").display().to_string();
    let paths = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(dir).env("PATH", format!("{ours}:{paths}"));
    shell.env("CARGO_NET_OFFLINE", "true").env("NO_COLOR", "1").env_remove("CARGO_TARGET_DIR");
    ran(shell.output().expect("a shell"))
}

/// Whether a timeline is one that was saved.
fn is_saved(dir: &Path, text: &str) -> bool {
    let saved =
        fs::read_dir(dir.join("target/linkbait")).expect("reports").map(|file| file.expect("a file").path());
    saved
        .filter(|path| path.extension().is_some_and(|e| e == "timeline"))
        .any(|path| fs::read_to_string(path).expect("text") == text)
}

/// Runs what the page says, section by section.
fn check(page: &Page) {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let mut skipped = Vec::new();
    let mut unsupported = None;
    for block in blocks(page.text) {
        let dir = desk.path(block.section);
        if !dir.exists() {
            begin(&desk, page.name, block.section);
        }
        if let Some(path) = path(&block) {
            fs::create_dir_all(dir.join(path).parent().expect("a parent")).expect("a directory");
            fs::write(dir.join(path), &block.text).expect("a file");
        }
        if block.text.starts_with("linkbait-timeline ") {
            assert!(is_saved(&dir, &block.text), "{}: no command saved\n{}", page.name, block.text);
        }
        for command in commands(&block.text).iter().filter(|_| block.language == "sh") {
            if let Some((start, why)) = page.not_run.iter().find(|(start, _)| command.starts_with(start)) {
                say(command, why);
                skipped.push(*start);
                continue;
            }
            if unsupported == Some(block.section) {
                say(command, "what it follows on is unsupported here");
                continue;
            }
            let ran = run(&dir, command);
            let cannot = ran.code == 6 || (ran.code == 2 && command.starts_with("sh show.sh"));
            if cannot && code(command) != ran.code {
                say(command, &ran.err);
                unsupported = Some(block.section);
                continue;
            }
            assert_eq!(ran.code, code(command), "{}: {command}\n{}{}", page.name, ran.out, ran.err);
        }
    }
    let named: Vec<&str> = page.not_run.iter().map(|(start, _)| *start).collect();
    assert_eq!(skipped, named, "{}: each of these is one line, in this order", page.name);
}

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    check(&README);
}

#[test]
fn every_command_of_the_reference_does_what_it_says() {
    check(&REFERENCE);
}

#[test]
fn every_command_of_the_page_on_fuzzing_does_what_it_says() {
    check(&FUZZ);
}

#[test]
fn every_toml_of_the_pages_is_what_it_should_be() {
    let head = "schema = 'linkbait-victim/1'\nsummary = 'a part'\n";
    for block in
        [README, REFERENCE].iter().flat_map(|page| blocks(page.text)).filter(|b| b.language == "toml")
    {
        let table: toml::Table = block.text.parse().unwrap_or_else(|e| panic!("{e}: {}", block.text));
        let schema = table.get("schema").and_then(toml::Value::as_str);
        let victim = match schema {
            // Those that have a name are judged by a command.
            Some("linkbait-roster/1") => {
                assert!(path(&block).is_some(), "no command reads this: {}", block.text);
                continue;
            }
            // `schemas` holds it against what is read.
            Some("linkbait-config/1") => continue,
            Some(_) => block.text.clone(),
            None if table.contains_key("name") => format!("{head}{}", block.text),
            None => format!("{head}name = 'part'\n{}", block.text),
        };
        let read = linkbait_cli::read_victim(&victim);
        assert!(read.is_ok(), "{}: {victim}", read.err().unwrap_or_default());
    }
}

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.replace(' ', "-").chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
}

/// Links of a page to a file or a heading that is not there.
fn dead_links(name: &str, text: &str) -> Vec<String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let here = repository.join(name);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let is_dead = |target: &&str| {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = if file.is_empty() { here.clone() } else { here.with_file_name(file) };
        let headings = |text: String| text.lines().any(|l| l.starts_with('#') && anchor(l) == heading);
        !path.exists() || (!heading.is_empty() && !fs::read_to_string(path).is_ok_and(headings))
    };
    targets.filter(|target| !target.starts_with("http")).filter(is_dead).map(str::to_owned).collect()
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    assert_eq!(dead_links("README.md", "[a](b.md) [c](#gone) [d](#more)\n## More\n"), ["b.md", "#gone"]);
    for page in [README, REFERENCE, FUZZ] {
        assert_eq!(dead_links(page.name, page.text), [""; 0], "{}", page.name);
    }
}
