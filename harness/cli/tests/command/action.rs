//! The action of `action.yml`: its scripts, run as GitHub runs them, but for the build, in whose place the binary of these tests is put.

use crate::desk::{Desk, Ran, ran};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn steps() -> Vec<Value> {
    let text = fs::read_to_string(Path::new(WORKSPACE).join("action.yml")).expect("an action");
    let action: Value = serde_saphyr::from_str(&text).expect("YAML");
    assert_eq!(action["runs"]["using"], "composite");
    action["runs"]["steps"].as_array().expect("steps").clone()
}

fn script(name: &str) -> String {
    let steps = steps();
    let step = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}"));
    assert_eq!(step["shell"], "bash");
    step["run"].as_str().expect("a script").to_owned()
}

/// Runs a step with these variables beside those of a runner. Files of the runner's are in `temp`, below the desk.
fn step(desk: &Desk, name: &str, variables: &[(&str, &str)]) -> Ran {
    fs::create_dir_all(desk.path("temp/linkbait/bin")).expect("a directory");
    let binary = desk.path("temp/linkbait/bin/linkbait");
    if !binary.exists() {
        symlink(env!("CARGO_BIN_EXE_linkbait"), binary).expect("a link");
    }
    fs::write(desk.path("temp/script"), script(name)).expect("a file");
    let files =
        ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"].map(|name| (name, desk.path(&format!("temp/{name}"))));
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail"])
        .arg(desk.path("temp/script"))
        .current_dir(desk.dir());
    command.env("RUNNER_TEMP", desk.path("temp")).env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64");
    command.env("GITHUB_ACTION_PATH", WORKSPACE).envs(files).envs(variables.iter().copied());
    ran(command.output().expect("bash starts"))
}

/// Judges by a command of this text: what it came to, and the outputs of the step.
fn judge(desk: &Desk, text: &str) -> (Ran, Vec<String>) {
    let _ = fs::remove_file(desk.path("temp/GITHUB_OUTPUT"));
    let ran = step(desk, "Judge", &[("COMMAND", text)]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let outputs = fs::read_to_string(desk.path("temp/GITHUB_OUTPUT")).expect("outputs");
    (ran, outputs.lines().map(str::to_owned).collect())
}

#[test]
fn findings_are_shown_and_uploaded_and_then_fail_the_job() {
    let desk = Desk::new();
    let (ran, outputs) = judge(&desk, "run create-fixed --rule 'follows-link,hangs'");
    let sarif = desk.path("temp/linkbait/report/linkbait.sarif");
    assert_eq!(outputs, [format!("sarif={}", sarif.display()), "code=100".to_owned()]);
    assert!(ran.out.contains("error[follows-link]: create-fixed"), "{}{}", ran.out, ran.err);
    let sarif: Value = serde_json::from_str(&fs::read_to_string(sarif).expect("a report")).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    let summary = fs::read_to_string(desk.path("temp/GITHUB_STEP_SUMMARY")).expect("a summary");
    assert!(summary.contains("| create-fixed | FAIL"), "{summary}");
    let steps = steps();
    let at = |key: &str, text: &str| {
        let found =
            steps.iter().position(|step| step[key].as_str().is_some_and(|value| value.contains(text)));
        found.unwrap_or_else(|| panic!("no step with {text}"))
    };
    let (upload, exit) = (at("uses", "/upload-sarif@"), at("name", "Exit as linkbait did"));
    assert!(at("name", "Judge") < upload && upload < exit);
    assert_eq!(steps[upload]["with"]["sarif_file"], "${{ steps.judge.outputs.sarif }}");
    for code in ["0", "5", "100"] {
        assert_eq!(step(&desk, "Exit as linkbait did", &[("CODE", code)]).code.to_string(), code);
    }
}

#[test]
fn a_run_that_makes_no_report_uploads_none_not_even_an_old_one() {
    let desk = Desk::new();
    assert_eq!(judge(&desk, "run create-new").1.last().map(String::as_str), Some("code=0"));
    let ran = step(&desk, "Judge", &[("COMMAND", "run 'create-new")]);
    assert!(ran.code != 0 && ran.err.contains("unmatched single quote"), "{}{}", ran.out, ran.err);
    for wrong in ["run nobody-at-all", ""] {
        let (ran, outputs) = judge(&desk, wrong);
        assert_eq!(outputs, ["code=2"], "{wrong}: {}", ran.err);
    }
}

#[test]
fn quotes_group_words_and_nothing_in_the_command_is_expanded() {
    let desk = Desk::new();
    let (ran, _) = judge(&desk, "run 'no such victim' \"nor $HOME $(touch made) `touch made`\"; touch made");
    assert!(ran.err.contains("no victim no such victim"), "{}", ran.err);
    assert!(!desk.path("made").exists());
    let (ran, _) = judge(&desk, "run '$HOME'");
    assert!(ran.err.contains("no victim $HOME:"), "{}", ran.err);
}

#[test]
fn what_is_built_is_named_by_its_sources_and_built_from_them() {
    let desk = Desk::new();
    let key = || {
        let ran = step(&desk, "What is to be built", &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let outputs = fs::read_to_string(desk.path("temp/GITHUB_OUTPUT")).expect("outputs");
        outputs.lines().last().expect("an output").to_owned()
    };
    let first = key();
    let sum = first.strip_prefix("key=linkbait-Linux-X64-").expect("a key");
    assert!(
        sum.len() == 64 && sum.bytes().all(|digit| digit.is_ascii_hexdigit()) && first == key(),
        "{first}"
    );
    let build = script("Build linkbait");
    let built = build.split("--path \"$GITHUB_ACTION_PATH/").nth(1).and_then(|rest| rest.split('"').next());
    let manifest = Path::new(WORKSPACE).join(built.expect("a path")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("a manifest");
    assert!(
        build.contains("--locked") && manifest.contains("name = \"linkbait\"\npath = \"src/main.rs\""),
        "{build}"
    );
}
