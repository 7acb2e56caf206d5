//! Programs as victims: `exec` and victim files, as users meet them. What this machine cannot contain is said.

use crate::desk::{Desk, Ran};
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes to a predictable name and cleans up.
const RACED: [&str; 4] = ["--", "sh", "-c", "echo secret > /tmp/app.log; rm /tmp/app.log"];

/// True where programs can be contained. Elsewhere says, past the test's capture, what was not checked.
fn can_contain(what: &str) -> bool {
    let ran = Desk::new().run(&["exec", "--attacker", "none", "--umask", "022", "--", "true"]);
    if ran.code == 6 {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {what}: {}", ran.out);
    }
    ran.code != 6
}

fn exec(desk: &Desk, options: &[&str], command: &[&str]) -> Ran {
    desk.run(&[&["exec"], options, command].concat())
}

/// A file of a shell victim, with more lines put in below `[command]`.
fn victim_file(desk: &Desk, name: &str, script: &str, more: &str) -> String {
    let head = format!("schema = \"linkbait-victim/1\"\nname = \"{name}\"\n");
    let text = format!("{head}[command]\nargv = [\"sh\", \"-c\", '''{script}''']\n{more}\n");
    fs::write(desk.path(&format!("{name}.toml")), text).expect("a file");
    format!("./{name}.toml")
}

/// Path and rule of each finding of the first victim.
fn findings(document: &serde_json::Value) -> Vec<(String, String)> {
    let all = document["victims"][0]["findings"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|f| (text(&f["rule"]), text(&f["path"]))).collect()
}

#[test]
fn a_command_that_can_be_raced_exits_100_and_its_findings_replay() {
    if !can_contain("findings of exec") {
        return;
    }
    let desk = Desk::new();
    let ran = exec(&desk, &["--umask", "022"], &RACED);
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("error[follows-link]: exec: sh -c "), "{}", ran.out);
    let saved = desk.timelines();
    assert!(saved.len() >= 4, "{saved:?}");
    for file in saved {
        let ran = desk.run(&["replay", &file]);
        assert_eq!(ran.code, 100, "{file}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_replay_of_a_command_that_diverges_says_so_and_exits_5() {
    if !can_contain("replay of exec") {
        return;
    }
    let desk = Desk::new();
    exec(&desk, &["--rule", "follows-link", "--umask", "022"], &RACED);
    let text = fs::read_to_string(desk.path(&desk.timelines()[0])).expect("a timeline");
    fs::write(desk.path("other"), text.replace("rm /tmp/app.log", "true")).expect("a file");
    let ran = desk.run(&["replay", "other"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("diverged at line"), "{}", ran.out);
}

#[test]
fn a_command_without_findings_exits_0() {
    if !can_contain("a clean command") {
        return;
    }
    let ran = exec(&Desk::new(), &[], &["--", "sh", "-c", "f=$(mktemp) && rm \"$f\""]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn a_command_that_does_not_exist_exits_101() {
    let ran = exec(&Desk::new(), &[], &["--", "no-such-command"]);
    assert!(ran.code == 101 || !can_contain("a missing command"), "{}: {}{}", ran.code, ran.out, ran.err);
    assert!(ran.out.contains("no-such-command: there is no such program"), "{}", ran.out);
}

#[test]
fn the_report_on_a_command_has_the_fields_of_any_other() {
    if !can_contain("the report of exec") {
        return;
    }
    let desk = Desk::new();
    let args = ["exec", "--rule", "follows-link", "--umask", "022", "--format", "json"];
    let ran = desk.run(&[&args[..], &RACED].concat());
    let document: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let victim = &document["victims"][0];
    assert_eq!(document["schema"], "linkbait-report/1");
    assert_eq!(victim["name"], "exec: sh -c 'echo secret > /tmp/app.log; rm /tmp/app.log'");
    assert_eq!((&victim["verdict"], &victim["unreached"]), (&"fail".into(), &0.into()));
    assert_eq!(findings(&document), [("follows-link".to_owned(), "shared/app.log".to_owned())]);
    let replay = victim["findings"][0]["replay"].as_str().expect("a name");
    assert!(desk.path(replay).is_file());
}

/// The program does its worst by absolute paths. A directory below a temporary one is hidden from it, others are
/// read-only.
#[test]
fn nothing_outside_the_arena_is_changed() {
    if !can_contain("nothing outside the arena is changed") {
        return;
    }
    let desk = Desk::new();
    let elsewhere = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    if let Err(e) = &elsewhere {
        let _ = writeln!(std::io::stderr(), "not checked: a sentinel elsewhere: {e}");
    }
    for place in
        [Some(desk.dir()), elsewhere.as_ref().ok().map(tempfile::TempDir::path)].into_iter().flatten()
    {
        let sentinel = place.join("sentinel");
        fs::create_dir(&sentinel).expect("a directory");
        fs::write(sentinel.join("precious"), "keep").expect("a file");
        let dir = sentinel.display();
        let worst =
            format!("echo x > {dir}/precious; echo x > {dir}/new; chmod 0 {dir}/precious; rm -rf {dir}");
        exec(&desk, &["--umask", "022"], &["--", "sh", "-c", &worst]);
        assert_eq!(fs::read_to_string(sentinel.join("precious")).expect("there"), "keep");
        assert_eq!(fs::read_dir(&sentinel).expect("a directory").count(), 1);
    }
}

#[test]
fn temporary_and_home_directories_of_a_command_are_in_the_arena() {
    if !can_contain("TMPDIR and HOME") {
        return;
    }
    let desk = Desk::new();
    let home = desk.path("home");
    fs::create_dir(&home).expect("a directory");
    let script = "cd; echo x > mine; echo x > \"$HOME/too\"; umask 077; echo x > \"$TMPDIR/left\"";
    let args = ["exec", "--attacker", "none", "--umask", "022", "--format", "json", "--", "sh", "-c", script];
    let mut command = desk.command(&args);
    let output = command.env("HOME", &home).env("TMPDIR", &home).output().expect("the command starts");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(findings(&document), [("leftover".to_owned(), "shared/left".to_owned())]);
    assert_eq!(names_in(&home), Vec::<String>::new());
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_damaged_victim_file_exits_2_and_names_the_line_and_what_is_wrong() {
    let desk = Desk::new();
    let good = "schema = \"linkbait-victim/1\"\nname = \"x\"\n[command]\nargv = [\"true\"]\n";
    let expect =
        |rule: &str| format!("{good}[expect]\nfail = [{{ rule = \"{rule}\", attacker = \"root\" }}]\n");
    for (text, said) in [
        (format!("{good}colour = \"red\"\n"), &["line 5", "unknown field `colour`"][..]),
        (format!("{good}[judge]\nkeep = [\"a\"]\n"), &["line 6", "unknown field `keep`", "`keeps`"]),
        (good.replace("argv", "# argv"), &["missing field `argv`"]),
        (good.replace("[\"true\"]", "[\"true\""), &["line 4"]),
        (good.replace("[\"true\"]", "[]"), &["command.argv is empty"]),
        (good.replace("victim/1", "victim/9"), &["\"linkbait-victim/9\" is not \"linkbait-victim/1\""]),
        (expect("follow-link"), &["did you mean follows-link?"]),
        (expect("follows-link"), &["there are none, other-user, dir-writer"]),
        (format!("{good}[judge]\nattackers = [\"me\"]\n"), &["there are none, other-user, dir-writer"]),
    ] {
        fs::write(desk.path("damaged.toml"), &text).expect("a file");
        let ran = desk.run(&["run", "damaged.toml"]);
        assert_eq!(ran.code, 2, "{text}: {}{}", ran.out, ran.err);
        for said in said.iter().chain(&["damaged.toml"]) {
            assert!(ran.err.contains(said), "{said:?} is missing in {}", ran.err);
        }
    }
    assert_eq!(desk.run(&["run", "missing.toml"]).code, 2);
    fs::create_dir(desk.path("empty")).expect("a directory");
    assert!(desk.run(&["run", "empty"]).err.contains("no victim file (*.toml) in it"));
}

#[test]
fn a_victim_file_whose_program_is_missing_is_unsupported_and_the_others_are_judged() {
    let desk = Desk::new();
    victim_file(&desk, "needy", "true", "needs = [\"no-such-compiler\"]");
    let text = fs::read_to_string(desk.path("needy.toml")).expect("a file");
    let alien = text.replace("\"needy\"", "\"alien\"").replace("\"sh\"", "\"no-such-shell\"");
    fs::write(desk.path("alien.toml"), alien).expect("a file");
    let (ran, document) = desk.json(&["run", "alien.toml", "needy.toml"]);
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    for (at, said) in ["no no-such-shell here", "no no-such-compiler here"].into_iter().enumerate() {
        let victim = &document["victims"][at];
        assert_eq!(victim["verdict"], "unsupported");
        assert_eq!(victim["not_examined"], serde_json::json!([said]));
    }
    assert_eq!(desk.run(&["run", "alien.toml", "create-new"]).code, 0);
    assert_eq!(desk.run(&["run", "alien.toml", "create-new", "--require"]).code, 6);
}

/// It leaves a file if anything it was promised is not there.
#[test]
fn a_victim_file_gets_its_stage_setup_environment_and_own_directory() {
    if !can_contain("victim files") {
        return;
    }
    let desk = Desk::new();
    fs::create_dir(desk.path("below")).expect("a directory");
    let script = "test \"$(cat {shared}/staged)\" = old && test \"$(cat {private}/made)\" = new && \
                  test \"$WHERE\" = {private} && test \"$HERE\" != {here} && umask 077 && echo x > {shared}/out.1 || \
                  echo x > {shared}/not-promised";
    let more = "setup = \"echo new > {private}/made\"\nenv = { WHERE = \"{private}\", HERE = \"{here}/not\" }\n\
                [stage]\nfiles = [{ path = \"staged\", mode = 0o600, content = \"old\" }]\n\
                [judge]\nattackers = [\"none\"]\nkeeps = [\"out.*\", \"staged\"]";
    victim_file(&desk, "promised", script, more);
    let (ran, document) = desk.json(&["run", "promised.toml"]);
    assert_eq!((ran.code, findings(&document)), (0, Vec::new()), "{}{}", ran.out, ran.err);
}

#[test]
fn a_directory_means_every_victim_file_below_it_and_findings_replay_with_the_file() {
    if !can_contain("directories of victim files") {
        return;
    }
    let desk = Desk::new();
    fs::create_dir_all(desk.path("all/more")).expect("a directory");
    for (name, script) in [("all/bad", "echo x > /tmp/fixed; rm /tmp/fixed"), ("all/more/good", "true")] {
        victim_file(&desk, name, script, "");
    }
    let ran = desk.run(&["run", "all", "--rule", "follows-link", "--umask", "022"]);
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("2 victims, ") && ran.out.contains("1 pass, 1 fail"), "{}", ran.out);
    let saved = desk.timelines().remove(0);
    let replay = desk.run(&["replay", &saved, "--victim", "all"]);
    assert_eq!(replay.code, 100, "{}{}", replay.out, replay.err);
    let without = desk.run(&["replay", &saved]);
    assert_eq!(without.code, 2);
    assert!(without.err.contains("needs --victim FILE"), "{}", without.err);
}

#[test]
fn a_run_without_names_leaves_out_the_slow_ones_and_says_so() {
    let desk = Desk::new();
    let (_, document) = desk.json(&["run", "--shard", "1/999"]);
    assert!(document["left_out"].as_u64() > Some(0), "{document}");
    assert_eq!(desk.json(&["run", "create-new"]).1["left_out"], 0);
    assert!(desk.run(&["run", "--shard", "999/999"]).out.contains("`linkbait run slow` judges them"));
}

#[test]
fn a_victim_asks_for_the_determinism_that_it_needs_and_the_command_line_goes_before() {
    if !can_contain("determinism of a victim file") {
        return;
    }
    let desk = Desk::new();
    let script = "echo secret > $TMPDIR/$(date +%s)";
    let asking =
        |number: u8| victim_file(&desk, "clock", script, &format!("[judge]\ndeterminism = {number}"));
    let file = asking(2);
    let report = |options: &[&str]| {
        let ran = desk.run(&[&["run", &file, "--umask", "022", "--format", "json"], options].concat());
        serde_json::from_str::<serde_json::Value>(&ran.out).expect("JSON")
    };
    let of_file = report(&[]);
    let level = |report: &serde_json::Value| report["victims"][0]["determinism"].as_u64();
    // Where the clock cannot be set the victim is judged all the same.
    let highest = if cfg!(target_arch = "x86_64") { 2 } else { 1 };
    assert_eq!(level(&of_file), Some(highest));
    assert_eq!(level(&report(&["--determinism", "0"])), Some(0));
    let seeded = report(&["--seed", "9"]);
    assert_eq!(level(&seeded), Some(highest));
    if highest == 2 {
        // Names of the time are the same in every run, and others by another seed.
        assert_eq!(findings(&of_file), findings(&report(&[])));
        assert_ne!(findings(&of_file), findings(&seeded));
    }
    let ran = desk.run(&["run", &asking(3)]);
    assert!(
        ran.code == 2 && ran.err.contains("judge.determinism = 3: 0, 1 or 2 was expected"),
        "{}",
        ran.err
    );
}

#[test]
fn a_path_is_the_name_that_a_program_used_and_a_label_where_nothing_of_chance_is_fixed() {
    if !can_contain("paths of findings of programs") {
        return;
    }
    let desk = Desk::new();
    let file = victim_file(&desk, "left", "echo secret > $(mktemp $TMPDIR/app.XXXXXX)", "");
    let path = |options: &[&str]| {
        let ran = desk.run(&[&["run", &file, "--umask", "022", "--format", "json"], options].concat());
        let report: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
        findings(&report).pop().expect("a finding").1
    };
    let used = path(&[]);
    assert!(used.starts_with("shared/app.") && used.len() == "shared/app.XXXXXX".len(), "{used}");
    assert_eq!(path(&["--determinism", "0"]), "shared/<1>");
}
