//! What programs get and cannot get away with, as users of the command meet it.

use crate::desk::{Desk, Ran, ran};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// Says, past the test's capture, what was not checked.
fn skip(what: &str, why: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "not checked: {what}: {why}");
}

/// What `exec` came to for a program left alone; `None` where it cannot be contained, which is said.
fn alone(desk: &Desk, options: &[&str], line: &str) -> Option<(Ran, serde_json::Value)> {
    let first = ["exec", "--attacker", "none", "--umask", "022", "--timeout", "200ms", "--format", "json"];
    let ran = desk.run(&[&first, options, &["--", "sh", "-c", line]].concat());
    if ran.code == 6 {
        skip(line, &ran.out);
        return None;
    }
    let document = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}{}", ran.out, ran.err));
    Some((ran, document))
}

#[test]
fn stdin_is_a_file_read_from_the_start_by_every_trial() {
    let desk = Desk::new();
    fs::write(desk.path("answers"), "yes\nno\n").expect("a file");
    let line = "cat; cat; umask 077; echo x > /tmp/left";
    let Some((ran, document)) = alone(&desk, &["--stdin", "answers"], line) else { return };
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    assert_eq!(document["victims"][0]["output"], "yes\nno\n");
    // Its timeline names the file, so that a replay reads it too.
    let replay = desk.run(&["replay", &desk.timelines()[0]]);
    assert_eq!(replay.code, 100, "{}{}", replay.out, replay.err);
    fs::remove_file(desk.path("answers")).expect("it is there");
    let replay = desk.run(&["replay", &desk.timelines()[0]]);
    assert_eq!(replay.code, 2, "{}{}", replay.out, replay.err);
    assert!(replay.err.contains("answers"), "{}", replay.err);
}

#[test]
fn a_missing_stdin_and_one_beside_tty_are_wrong_usage() {
    let desk = Desk::new();
    for options in [&["--stdin", "missing"][..], &["--stdin", "/dev/null", "--tty"]] {
        let ran = desk.run(&[&["exec"], options, &["--", "true"]].concat());
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("--tty") || ran.err.contains("standard input"), "{}", ran.err);
    }
}

#[test]
fn tty_is_a_terminal_of_its_own() {
    let Some((_, document)) = alone(&Desk::new(), &["--tty"], "tty; test -t 0 && test -t 2 && echo two")
    else {
        return;
    };
    assert_eq!(document["victims"][0]["output"], "/dev/pts/0\r\ntwo\r\n");
}

#[test]
fn what_a_failing_program_printed_is_shown_and_cannot_move_the_cursor() {
    let desk = Desk::new();
    let line = "echo first; printf 'no \\033[2J such file\\n' >&2; exit 3";
    let Some((_, document)) = alone(&desk, &[], line) else { return };
    assert_eq!(document["victims"][0]["ended"], "ended with status 3");
    let ran = desk.run(&["exec", "--attacker", "none", "--", "sh", "-c", line]);
    assert!(
        ran.out
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("left alone it ended with status 3; it printed:"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\n  | first\n  | no \\u{1b}[2J such file\n"), "{}", ran.out);
    let ran = desk.run(&["exec", "--attacker", "none", "--", "echo", "fine"]);
    assert!(!ran.out.contains("left alone"), "{}", ran.out);
}

#[test]
fn a_victim_file_has_keys_for_input_terminal_and_owner() {
    let desk = Desk::new();
    let file = |more: &str, line: &str| {
        let head = "schema = \"linkbait-victim/1\"\nname = \"x\"\n[command]\n";
        let text =
            format!("{head}argv = [\"sh\", \"-c\", '''{line}''']\n{more}\n[judge]\nattackers = [\"none\"]\n");
        fs::write(desk.path("x.toml"), text).expect("a file");
        desk.json(&["run", "x.toml"])
    };
    fs::write(desk.path("answers"), "from a file").expect("a file");
    let (ran, document) = file("stdin = \"answers\"", "cat");
    if ran.code == 6 {
        return skip("keys of victim files", &ran.out);
    }
    assert_eq!(document["victims"][0]["output"], "from a file");
    assert_eq!(file("stdin = \"{here}/answers\"", "cat").1["victims"][0]["output"], "from a file");
    assert_eq!(file("stdin_text = \"from text\"", "cat").1["victims"][0]["output"], "from text");
    assert_eq!(file("tty = true", "test -t 1 && echo yes").1["victims"][0]["output"], "yes\r\n");
    let theirs = "[stage]\nfiles = [{ path = \"theirs\", mode = 0o644, owner = \"attacker\" }]";
    let (_, document) = file(theirs, "cat /tmp/theirs");
    assert_eq!(document["victims"][0]["findings"][0]["rule"], "uses-foreign");
    for wrong in ["stdin = \"answers\"\ntty = true", "stdin_text = \"\"\nstdin = \"answers\""] {
        fs::write(
            desk.path("y.toml"),
            format!("schema = \"linkbait-victim/1\"\nname = \"y\"\n[command]\nargv = [\"true\"]\n{wrong}\n"),
        )
        .expect("a file");
        let ran = desk.run(&["run", "y.toml"]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("exclude each other"), "{}", ran.err);
    }
}

/// Pids of the processes that have this among their arguments.
fn running(mark: &str) -> Vec<String> {
    let dirs = fs::read_dir("/proc").expect("procfs").flatten();
    let has = |dir: &fs::DirEntry| {
        let told = fs::read_to_string(dir.path().join("cmdline")).unwrap_or_default();
        told.split('\0').any(|word| word == mark)
    };
    dirs.filter(has).map(|dir| dir.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn killing_linkbait_leaves_nothing_running_and_nothing_mounted() {
    let desk = Desk::new();
    if alone(&desk, &[], "true").is_none() {
        return;
    }
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("procfs");
    let before = mounts();
    let mark = format!("{}.7", 100_000 + std::process::id());
    let line = "(setsid sh -c \"trap '' TERM HUP INT; sleep $MARK & sleep $MARK\" &); exec sleep $MARK";
    let mut command = desk.command(&["exec", "--timeout", "10min", "--", "sh", "-c", line]);
    command.env("MARK", &mark).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the command starts");
    while running(&mark).len() < 3 {
        assert_eq!(child.try_wait().expect("it can be waited for"), None, "it ended early");
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::KILL).expect("it runs");
    child.wait().expect("it ended");
    // The kernel ends them; this test hangs when it does not.
    while !running(&mark).is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(mounts(), before);
}

/// A user who has borrowed ids, in files that stand over those of this machine in a mount namespace of its own.
const AS_BORROWER: &str = "mount --make-rprivate / && mount --bind passwd /etc/passwd && \
     for f in subuid subgid; do test -e /etc/$f || exit 9; mount --bind lent /etc/$f; done && \
     cd home && exec setpriv --reuid 4242 --regid 4242 --clear-groups env HOME=/ \"$@\"";

#[test]
fn with_a_subordinate_uid_the_kernel_keeps_an_ordinary_user_from_the_attackers_files() {
    let desk = Desk::new();
    let open = |path: &std::path::Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    };
    open(desk.dir());
    fs::create_dir(desk.path("home")).expect("a directory");
    open(&desk.path("home"));
    fs::copy(env!("CARGO_BIN_EXE_linkbait"), desk.path("linkbait")).expect("a copy");
    open(&desk.path("linkbait"));
    fs::write(desk.path("passwd"), "borrower:x:4242:4242::/:/bin/sh\n").expect("a file");
    fs::write(desk.path("lent"), "borrower:300000:1\n").expect("a file");
    let file = "schema = \"linkbait-victim/1\"\nname = \"x\"\n[command]\nargv = [\"cat\", \"{shared}/theirs\"]\n\
                [stage]\nfiles = [{ path = \"theirs\", mode = 0o600, owner = \"attacker\", content = \"secret\" }]\n\
                [judge]\nattackers = [\"none\"]\n";
    fs::write(desk.path("home/x.toml"), file).expect("a file");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", AS_BORROWER, "sh"]).arg(desk.path("linkbait"));
    command.args(["run", "--format", "json", "x.toml"]).current_dir(desk.dir());
    let Ok(output) = command.output() else { return skip("subordinate uids", "no unshare(1) here") };
    let ran = ran(output);
    let Ok(document) = serde_json::from_str::<serde_json::Value>(&ran.out) else {
        return skip("subordinate uids", &ran.err);
    };
    let has_maps = ["newuidmap", "newgidmap"].iter().all(|name| {
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|dir| dir.join(name).is_file())
    });
    let victim = &document["victims"][0];
    if !has_maps || victim["verdict"] == "unsupported" {
        return skip("subordinate uids", "no newuidmap(1), or no user namespaces, here");
    }
    assert_eq!(document["environment"]["uid"], 4242);
    assert_eq!(victim["findings"], serde_json::json!([]));
    assert!(victim["output"].as_str().unwrap_or_default().contains("Permission denied"), "{victim}");
}
