//! `--fs`: what it judges, says and leaves behind.

use crate::desk::{Desk, ran};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// Past the test's capture.
fn not_checked(what: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "not checked: {what}");
}

/// The verdict on each file system, as the report has it.
fn verdicts(document: &serde_json::Value) -> Vec<(String, String)> {
    let all = document["victims"][0]["file_systems"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(&one["name"]), text(&one["verdict"]))).collect()
}

#[test]
fn each_file_system_gets_a_verdict_and_each_finding_says_where_it_showed() {
    let desk = Desk::new();
    let (ran, document) = desk.json(&["run", "--fs", "no-excl,tmpfs", "--umask", "022", "mkstemp"]);
    let expected = [("tmpfs", "pass"), ("no-excl", "fail")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!((ran.code, verdicts(&document)), (100, expected.to_vec()), "{}", ran.err);
    let findings = document["victims"][0]["findings"].as_array().expect("findings");
    assert!(findings.iter().all(|f| f["environment"]["file_system"] == "no-excl"), "{findings:#?}");
    let ran = desk.run(&["run", "--fs", "no-excl,tmpfs", "--umask", "022", "mkstemp"]);
    for said in ["on no-excl; depth", "O_EXCL does not help on such a file system", "follows-link on no-excl"]
    {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    for file in desk.timelines() {
        let text = fs::read_to_string(desk.path(&file)).expect("a timeline");
        assert!(text.contains("    fs no-excl "), "{text}");
        let again = desk.run(&["replay", &file]);
        assert_eq!(again.code, 100, "{}{}", again.out, again.err);
    }
}

#[test]
fn an_unknown_file_system_exits_2_and_names_those_there_are() {
    let ran = Desk::new().run(&["run", "--fs", "tmpfs,ext3", "mkstemp"]);
    let told = ran.err.contains("ext4") && ran.err.contains("ext3");
    assert!(ran.code == 2 && told, "{}", ran.err);
}

/// In a user namespace nobody can attach loop devices, not even its root.
#[test]
fn a_file_system_that_cannot_be_mounted_here_is_unsupported_and_says_what_to_do() {
    let desk = Desk::new();
    let judge = |more: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_linkbait"), "run", "--umask", "022"]);
        command.args(more).args(["mkstemp", "--format", "json"]).current_dir(desk.dir());
        command.output().map(ran)
    };
    let both = judge(&["--fs", "tmpfs,ext4"]);
    let Some(both) = both.ok().filter(|ran| !ran.err.contains("unshare")) else {
        return not_checked("file systems that cannot be mounted: unshare(1) does not work here");
    };
    let document: serde_json::Value = serde_json::from_str(&both.out).expect("JSON");
    let expected = [("tmpfs", "pass"), ("ext4", "unsupported")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(verdicts(&document), expected, "{}{}", both.out, both.err);
    let told = document["victims"][0]["not_examined"][0].as_str().expect("a note").to_owned();
    assert!(told.starts_with("ext4: mount(\"ext4\"): unsupported here: "), "{told}");
    assert!(told.contains("images need real root"), "{told}");
    assert_eq!(judge(&["--fs", "tmpfs,ext4", "--require"]).expect("as before").code, 6);
}

/// The loop devices that hold an image of that process.
fn images_of(process: u32) -> usize {
    let name = format!("/memfd:linkbait-{process}");
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let backing = devices.filter_map(|entry| fs::read_to_string(entry.path().join("loop/backing_file")).ok());
    backing.filter(|file| file.trim_end().starts_with(&name)).count()
}

#[test]
fn a_run_that_is_killed_leaves_neither_mounts_nor_loop_devices() {
    let desk = Desk::new();
    let mounts = || {
        let all = fs::read_to_string("/proc/self/mountinfo").expect("procfs");
        all.lines().filter(|line| line.contains(" /mnt ")).count()
    };
    let before = mounts();
    let mut command = desk.command(&["run", "--fs", "ext4", "--jobs", "1", "--no-progress"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let running = loop {
        if images_of(child.id()) > 0 {
            break true;
        }
        if child.try_wait().expect("ours").is_some() {
            break false;
        }
        std::thread::yield_now();
    };
    assert_eq!(mounts(), before, "a mount got out");
    if !running {
        return not_checked("what a killed run leaves: no images here");
    }
    let id = child.id();
    child.kill().expect("ours");
    child.wait().expect("ours");
    // The kernel lets go of mounts and devices soon after; a test that waits here for ever has failed.
    while images_of(id) > 0 {
        std::thread::yield_now();
    }
    assert_eq!(mounts(), before);
}
