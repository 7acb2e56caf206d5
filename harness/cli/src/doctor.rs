//! `doctor`: what this machine and user allow, and what follows from it. A thing that is missing is reported, never
//! an error.

use crate::output::wrap;
use crate::{Exit, output};
use linkbait::{Class, ErrorKind, FileSystem, Host, Verdict};
use std::fmt::Write;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Column of what follows from a thing.
const FOLLOWS: usize = 23;

pub(crate) fn doctor() -> anyhow::Result<Exit> {
    // What cannot be contained is said further down.
    let _ = linkbait::prepare_to_contain();
    let host = Host::detect();
    let mut text = String::new();
    let width = output::width();
    let mut say = |what: &str, is: &str, follows: &str| {
        let (is, follows) = (wrap(is, width - 21, 21), wrap(follows, width - FOLLOWS, FOLLOWS));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{what:20} {is}\n{:FOLLOWS$}{follows}", "");
    };
    let (exit, works, follows) = notification(&host);
    say("notification", &works, &follows);
    say("kernel", host.kernel(), "5.5 or later is needed; 5.19 and 6.6 make it faster");
    let (attacker, follows) = match (host.has_attacker(), host.kernel_decides()) {
        (_, true) if !host.is_root() => {
            ("a subordinate uid", "for programs the kernel itself decides what an attacker may do")
        }
        (_, true) => ("another uid", "the kernel itself decides what an attacker may do"),
        (true, _) => (
            "another uid",
            "fs.protected_* = 2 would hide races, so we apply the rules of directories ourselves",
        ),
        _ => (
            "our own uid",
            "we apply the rules of directories ourselves; the kernel would decide as real root, and for programs with \
             subordinate uids (/etc/subuid, /etc/subgid, newuidmap)",
        ),
    };
    say("attacker", &format!("{attacker} (we are uid {})", host.uid()), follows);
    let follows = if host.file_system() == "tmpfs" {
        "trials are as fast as they can be; --fs judges on other file systems"
    } else {
        "no tmpfs that we may write in /dev/shm or XDG_RUNTIME_DIR: trials are several times slower"
    };
    let place = output::line(&host.place().to_string_lossy());
    say("arenas", &format!("{} in {place}", host.file_system()), follows);
    let at_once = output::counted(host.at_once(host.cores()), "victim");
    say("cores", &host.cores().to_string(), &format!("{at_once} judged at once"));
    for (name, value) in host.protected() {
        let value = value.map_or_else(|| "unknown".to_owned(), |v| v.to_string());
        say(name, &value, protection(name));
    }
    let (is, follows) = user_namespaces();
    say("user namespaces", &is, follows);
    let (works, lacks) = file_systems(&host);
    say("file systems", &works.join(", "), &lacks.join("; "));
    output::print(&text)?;
    Ok(exit)
}

/// Which file systems can be judged on, and why others cannot. As with all else only a probe tells.
fn file_systems(host: &Host) -> (Vec<&'static str>, Vec<String>) {
    // Where this is refused, the probe says what follows.
    let _ = linkbait::prepare_to_contain();
    let judge = linkbait::Judge::new(host.clone()).umasks(&[0o022]).attackers(&[Class::None]);
    let (mut works, mut lacks) = (Vec::new(), Vec::new());
    for name in FileSystem::ALL {
        match judge.clone().file_systems(&[name]).judge(&probe()) {
            Ok(report) if report.verdict != Verdict::Unsupported => works.push(name.name()),
            Ok(report) => {
                lacks.push(format!("not {name}: {}", output::line(&report.not_examined.join("; "))));
            }
            Err(error) => lacks.push(format!("not {name}: {}", output::line(&error.to_string()))),
        }
    }
    if lacks.is_empty() {
        lacks.push("--fs judges on those named".to_owned());
    }
    (works, lacks)
}

fn probe() -> linkbait::Victim {
    linkbait::victim("probe", |dir| {
        let (path, mut how) = (dir.join("probe"), OpenOptions::new());
        how.write(true).create_new(true).mode(0o600).open(&path).and_then(|_| std::fs::remove_file(&path))
    })
}

/// Judges a probe: the only proof that judging works.
fn notification(host: &Host) -> (Exit, String, String) {
    let nothing = |why: &str| format!("nothing can be judged: {}", output::line(why));
    match linkbait::Judge::new(host.clone()).umasks(&[0o022]).judge(&probe()) {
        Ok(report) if report.verdict == Verdict::Unsupported => {
            (Exit::Unsupported, "does not work".to_owned(), nothing(&report.not_examined.join("; ")))
        }
        Ok(report) => {
            let follows = "victims in this process can be judged".to_owned();
            (Exit::Clean, format!("works: {} trials of a probe, {}", report.trials, report.verdict), follows)
        }
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
            (Exit::Unsupported, "does not work".to_owned(), nothing(&error.to_string()))
        }
        Err(error) => (Exit::Ours, "failed".to_owned(), nothing(&error.to_string())),
    }
}

/// What a `fs.protected_*` setting means for real attackers. The arena is built so that verdicts depend on one only.
fn protection(name: &str) -> &'static str {
    match name {
        "protected_symlinks" => {
            "from 1, links in sticky directories are followed for their owner only; verdicts ignore it"
        }
        "protected_hardlinks" => "from 1, nobody may link to files that he cannot write; verdicts obey it",
        "protected_regular" => {
            "from 1, O_CREAT fails on files of others in sticky directories; verdicts ignore it"
        }
        _ => "from 1, O_CREAT fails on FIFOs of others in sticky directories; verdicts ignore it",
    }
}

/// What programs are contained in, unless we are root.
fn user_namespaces() -> (String, &'static str) {
    let read = |name: &str| {
        let text = std::fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let barred = read("kernel/apparmor_restrict_unprivileged_userns") == Some(1)
        || read("kernel/unprivileged_userns_clone") == Some(0);
    let is = match read("user/max_user_namespaces") {
        Some(0) => "none allowed".to_owned(),
        Some(_) if barred => "for root only".to_owned(),
        Some(most) => format!("{most} allowed"),
        None => "unknown".to_owned(),
    };
    (is, "programs need one to be contained, unless we are root; victims in this process do not")
}
