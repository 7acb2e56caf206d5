//! Victims that are code of others: built as packages, judged apart. Nothing here needs a network: what they depend on stands in
//! the working directory.

use crate::desk::{Desk, Ran, ran};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A crate with a bad way to write, and one that reads until nobody writes.
const TINY: &str = r#"
use std::{fs, io, path::Path};

pub fn log(dir: &Path) -> io::Result<()> {
    fs::write(dir.join("app.log"), "secret")?;
    fs::remove_file(dir.join("app.log"))
}

pub async fn log_later(dir: &Path) -> io::Result<()> {
    log(dir)
}
"#;

/// What stands for a runtime: it polls once.
const SMOL: &str = r#"
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
"#;

/// A crate in the working directory.
fn put_crate(desk: &Desk, name: &str, text: &str) {
    fs::create_dir_all(desk.path(&format!("{name}/src"))).expect("a directory");
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"2.0.0\"\nedition = \"2024\"\n");
    fs::write(desk.path(&format!("{name}/Cargo.toml")), manifest).expect("a file");
    fs::write(desk.path(&format!("{name}/src/lib.rs")), text).expect("a file");
}

/// A victim file with this `[rust]` section.
fn put_victim(desk: &Desk, name: &str, rust: &str) -> String {
    let text = format!("schema = \"linkbait-victim/1\"\nname = \"{name}\"\n\n[rust]\n{rust}\n");
    fs::write(desk.path(&format!("{name}.toml")), text).expect("a file");
    format!("./{name}.toml")
}

fn command(desk: &Desk, args: &[&str]) -> Command {
    let mut command = desk.command(args);
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// What it came to; `None` where nothing can be built or contained, which is said.
fn run(desk: &Desk, args: &[&str]) -> Option<Ran> {
    let ran = ran(command(desk, args).output().expect("the command starts"));
    if ran.code == 6 {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {args:?}: {}{}", ran.out, ran.err);
    }
    (ran.code != 6).then_some(ran)
}

/// The JSON report of the last run.
fn report(desk: &Desk) -> serde_json::Value {
    let text = fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_call_of_a_crate_is_judged_and_its_timelines_replay_and_minimize() {
    let desk = Desk::new();
    put_crate(&desk, "tiny", TINY);
    let call = ["crate", "tiny@2.0.0", "--path", "tiny", "--call", "tiny::log(dir)?"];
    let Some(ran) = run(&desk, &[&call[..], &["--umask", "022"]].concat()) else { return };
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    let title = "crate: tiny@2.0.0 --path tiny --call 'tiny::log(dir)?'";
    assert_eq!(report(&desk)["victims"][0]["name"], title);
    assert!(ran.out.contains("error[follows-link]: crate: tiny@2.0.0"), "{}", ran.out);
    assert!(ran.err.contains("building 1 of 1, crate: tiny@2.0.0"), "{}", ran.err);
    let timelines = desk.timelines();
    assert!(timelines.len() > 2, "{timelines:?}");
    for file in &timelines {
        assert_eq!(run(&desk, &["replay", file]).map(|ran| ran.code), Some(100), "{file}");
    }
    let smaller = run(&desk, &["minimize", &timelines[0]]).expect("it was judged");
    assert!(smaller.code == 0 && smaller.out.contains(title), "{}{}", smaller.out, smaller.err);
}

#[test]
fn a_finding_of_a_crate_can_be_ignored_and_defaults_reach_what_is_judged_apart() {
    let desk = Desk::new();
    put_crate(&desk, "tiny", TINY);
    fs::create_dir(desk.path(".config")).expect("a directory");
    let config = "schema = 'linkbait-config/1'\n[defaults]\numask = ['027']\nrule = ['follows-link']\n\
        [[ignore]]\nrule = 'follows-link'\nvictim = 'crate: tiny*'\nreason = 'known'\nuntil = 9999-12-31\n";
    fs::write(desk.path(".config/linkbait.toml"), config).expect("a file");
    let Some(ran) = run(&desk, &["crate", "tiny", "--path", "tiny", "--call", "tiny::log(dir)?"]) else {
        return;
    };
    assert!(ran.code == 0 && ran.out.contains("ignored[follows-link]"), "{}{}", ran.out, ran.err);
    let findings = report(&desk)["victims"][0]["findings"].as_array().cloned().expect("findings");
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding["umask"] == "027"), "{findings:?}");
}

#[test]
fn an_asynchronous_body_awaits_and_a_crate_that_changes_is_built_anew() {
    let desk = Desk::new();
    put_crate(&desk, "tiny", TINY);
    put_crate(&desk, "smol", SMOL);
    let dependencies = "dependencies = { tiny = { path = \"tiny\" }, smol = { path = \"smol\" } }";
    let rust = format!("{dependencies}\nruntime = \"smol\"\nbody = 'tiny::log_later(dir).await?'");
    let file = put_victim(&desk, "later", &rust);
    let judge = ["run", &file, "--umask", "022"];
    let Some(ran) = run(&desk, &judge) else { return };
    assert!(ran.code == 100 && ran.out.contains("shared/app.log"), "{}{}", ran.out, ran.err);
    put_crate(&desk, "tiny", &TINY.replace("app.log", "other.log"));
    let ran = run(&desk, &judge).expect("it was judged");
    assert!(ran.code == 100 && ran.out.contains("shared/other.log"), "{}{}", ran.out, ran.err);
    let names = run(&desk, &["names", &file, "--runs", "1"]).expect("it was judged");
    assert!(names.out.contains("other.log"), "{}{}", names.out, names.err);
}

#[test]
fn a_victim_that_ends_its_process_is_judged_as_a_program_and_that_is_said() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    let abort = "body = 'std::fs::write(dir.join(\"app.log\"), secret)?; std::process::abort()'";
    let file = put_victim(&desk, "aborts", abort);
    let judge = ["run", &file, "--umask", "022", "--determinism", "2", "--seed", "7"];
    let Some(ran) = run(&desk, &judge) else { return };
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    let report = report(&desk);
    let victim = &report["victims"][0];
    let note = victim["notes"].as_array().and_then(|notes| notes.iter().find_map(|note| note.as_str()));
    let said = "judged as a program of its own: within linkbait, it was killed by signal 6";
    assert!(note.is_some_and(|note| note.starts_with(said)), "{victim}");
    assert_eq!(victim["ended"], "was killed by signal 6");
    assert_eq!((&report["environment"]["seed"], &victim["determinism"]), (&7.into(), &2.into()));
    let replay = run(&desk, &["replay", "--victim", &file, &desk.timelines()[0]]).expect("it was judged");
    assert_eq!(replay.code, 100, "{}{}", replay.out, replay.err);
}

#[test]
fn what_a_victim_leaves_running_ends_with_the_linkbait_that_judged_it() {
    let desk = Desk::new();
    mknodat(CWD, desk.path("gate"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let end = |flags| rustix::fs::open(desk.path("gate"), flags | OFlags::NONBLOCK, Mode::empty());
    let reader = end(OFlags::RDONLY).expect("a reader");
    let writer = end(OFlags::WRONLY).expect("a writer");
    let gate = format!("let gate = std::fs::File::open({:?})?;", desk.path("gate"));
    let child = "unsafe extern \"C\" { fn fork() -> i32; fn pause() -> i32; } if unsafe { fork() } == 0 { loop { unsafe { pause() }; } }";
    let file = put_victim(&desk, "leaves", &format!("body = '''\n{gate} {child}\n'''"));
    let Some(ran) = run(&desk, &["run", &file, "--attacker", "none"]) else { return };
    drop(reader);
    assert!(is_read_no_more(&writer), "it still runs: {}{}", ran.out, ran.err);
}

/// True once nobody has the other end of this FIFO open.
fn is_read_no_more(writer: impl AsFd) -> bool {
    let mut ends = [PollFd::new(&writer, PollFlags::empty())];
    let minute = Timespec { tv_sec: 60, tv_nsec: 0 };
    poll(&mut ends, Some(&minute)).expect("poll");
    ends[0].revents().contains(PollFlags::ERR)
}

#[test]
fn programs_that_they_would_not_see_are_unsupported() {
    let desk = Desk::new();
    if !desk.dir().starts_with("/tmp") {
        return;
    }
    let file = put_victim(&desk, "program", "process = true\nbody = ''");
    let ran = ran(command(&desk, &["run", &file]).output().expect("the command starts"));
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("is hidden from contained programs; run linkbait in a"), "{}", ran.out);
}

#[test]
fn code_that_does_not_compile_exits_2_at_the_line_of_the_victim_file() {
    let desk = Desk::new();
    let file = put_victim(&desk, "wrong", "body = '''\nlet a = 1;\n   missing(a)?;\n'''");
    let Some(ran) = run(&desk, &["run", &file]) else { return };
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    for said in
        ["wrong: it cannot be built", "error[E0425]: cannot find function `missing`", "./wrong.toml:7:4"]
    {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let ran = run(&desk, &["crate", "tiny", "--path", "nowhere", "--call", "x"]).expect("no build is needed");
    assert!(ran.code == 2 && ran.err.contains("--path \"nowhere\""), "{}", ran.err);
}

#[test]
fn without_cargo_only_what_has_to_be_built_is_unsupported() {
    let desk = Desk::new();
    let file = put_victim(&desk, "any", "body = ''");
    for (args, code) in [(&["run", &file, "create-new"][..], 0), (&["run", &file], 6)] {
        let output =
            command(&desk, args).env("CARGO", "/nowhere/cargo").output().expect("the command starts");
        let ran = ran(output);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("any: cargo cannot be started"), "{}", ran.out);
    }
}

#[test]
fn a_file_has_either_a_command_or_rust() {
    let desk = Desk::new();
    for (rust, said) in [
        ("body = ''\n[command]\nargv = ['true']", "either [command] or [rust] was expected"),
        ("edition = '2024'", "missing field `body`"),
        ("body = ''\nedition = '2015'", "2018"),
        ("body = ''\nruntime = 'monoio'", "tokio"),
    ] {
        let file = put_victim(&desk, "odd", rust);
        let ran = run(&desk, &["run", &file]).expect("no build is needed");
        assert!(ran.code == 2 && ran.err.contains(said), "{rust}: {}{}", ran.out, ran.err);
    }
}

/// Starts to judge a victim that opens a FIFO for reading and then does this, and waits until it has opened it.
fn started(desk: &Desk, then: &str, options: &[&str]) -> Option<(Child, fs::File)> {
    mknodat(CWD, desk.path("gate"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let open = format!("let mut gate = std::fs::File::open({:?})?;", desk.path("gate"));
    let log = "let log = dir.join(\"log\"); std::fs::write(&log, secret)?; std::fs::remove_file(log)?;";
    let file = put_victim(desk, "waits", &format!("body = '''\n{open} {then} {log}\n'''"));
    let mut command = command(desk, &[&["run", &file, "--timeout", "1h"], options].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    loop {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::open(desk.path("gate"), flags, Mode::empty()) {
            Ok(writer) => return Some((child, writer.into())),
            Err(error) => assert_eq!(error, Errno::NXIO, "the victim opens the other end"),
        }
        // Without cargo nobody ever does.
        if child.try_wait().expect("it was started").is_some() {
            let said = child.wait_with_output().expect("it ended").stderr;
            let said = String::from_utf8_lossy(&said);
            let _ = writeln!(std::io::stderr(), "not checked: what is judged apart: {said}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_interrupt_reaches_what_is_judged_apart_and_its_report_is_made() {
    let desk = Desk::new();
    let many = ["--samples", "10000000", "--depth", "4", "--seed", "1"];
    let Some((mut child, _writer)) = started(&desk, "", &many) else { return };
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it ended").code(), Some(5));
    let victim = &report(&desk)["victims"][0];
    assert!(victim["not_examined"].to_string().contains("interrupted"), "{victim}");
}

#[test]
fn what_is_judged_apart_ends_with_the_linkbait_that_started_it() {
    let desk = Desk::new();
    let wait = "std::io::Read::read(&mut gate, &mut [0])?;";
    let Some((mut child, writer)) = started(&desk, wait, &[]) else { return };
    kill_process(Pid::from_child(&child), Signal::KILL).expect("it runs");
    child.wait().expect("it ended");
    assert!(is_read_no_more(&writer), "it still runs");
}
