//! Judging a victim in a linkbait of its own, started for it: trials there run at the speed of trials within linkbait, and what
//! the victim does to its process it does not do to us. One that ends that process is judged again, as a program. Owns our side:
//! what the other is told, when it ends, what becomes of its report. Its side is `inside`.

pub(crate) mod inside;

use crate::args::Judging;
use crate::crew::{self, Judged};
use crate::interrupt::Interrupt;
use crate::package::{Failure, Kind, Package};
use crate::report::read;
use crate::{Exit, output};
use anyhow::Context;
use linkbait::{Error, Program, Victim};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// What the other linkbait is told beside the options of `run`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Told {
    /// The victim's name, and the file that it is of.
    name: String,
    file: Option<PathBuf>,
    kind: Kind,
    built: PathBuf,
    /// What samples follow from when no seed was asked for.
    drawn: u64,
    /// How many were started before it.
    turn: usize,
    /// It must not outlive this process.
    parent: u32,
}

/// What all victims that are judged apart have in common.
pub(crate) struct Apart<'r> {
    pub(crate) asked: &'r Judging,
    pub(crate) drawn: u64,
    pub(crate) interrupt: &'r Interrupt,
    started: AtomicUsize,
}

/// How the other linkbait ended.
enum Came {
    /// With a report.
    Report(Box<Judged>),
    /// Without; how.
    Ended(String),
}

/// A package as it was built first.
pub(crate) struct Built {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

impl<'r> Apart<'r> {
    pub(crate) fn new(asked: &'r Judging, drawn: u64, interrupt: &'r Interrupt) -> Apart<'r> {
        Apart { asked, drawn, interrupt, started: AtomicUsize::new(0) }
    }

    /// Judges it as it was built, and as a program where it turns out that it has to be one.
    pub(crate) fn judge(&self, victim: &Victim, package: &Package, built: &Built) -> Judged {
        let judged = self.run(package, built.kind, &built.path);
        let why = match (&judged, built.kind) {
            (Ok(Came::Report(judged)), Kind::Library) => {
                linkbait::needs_a_process(&judged.report).map(str::to_owned)
            }
            (Ok(Came::Ended(how)), Kind::Library) => Some(format!("within linkbait, {how}")),
            _ => None,
        };
        match (judged, why) {
            (_, Some(why)) if !self.interrupt.came() => self.again_as_program(victim, package, &why),
            (Ok(Came::Report(mut judged)), _) => {
                judged.report.notes.extend(must_be_program(self.asked, package).map(note));
                *judged
            }
            (Ok(Came::Ended(_)), _) if self.interrupt.came() => {
                crew::not_judged(victim, "interrupted before every schedule was tried", None)
            }
            (Ok(Came::Ended(how)), _) => crew::not_judged(victim, &how, Some(&how)),
            (Err(error), _) => crew::not_judged(victim, &format!("{error:#}"), Some(&format!("{error:#}"))),
        }
    }

    fn again_as_program(&self, victim: &Victim, package: &Package, why: &str) -> Judged {
        let judged = match package.build(Kind::Program) {
            Ok(path) => self.run(package, Kind::Program, &path),
            Err(Failure::Unsupported(what)) => {
                return crew::unsupported(victim, &format!("{what}; it has to be a program: {why}"));
            }
            Err(other) => Err(other.into()),
        };
        let failed = |how: &str| crew::not_judged(victim, how, Some(how));
        let mut judged = match judged {
            Ok(Came::Report(judged)) => *judged,
            Ok(Came::Ended(how)) => failed(&how),
            Err(error) => failed(&format!("{error:#}")),
        };
        judged.report.notes.push(note(why));
        judged
    }

    fn run(&self, package: &Package, kind: Kind, built: &Path) -> anyhow::Result<Came> {
        let told = Told {
            name: package.name.clone(),
            file: package.file.clone(),
            kind,
            built: built.to_path_buf(),
            drawn: self.drawn,
            turn: self.started.fetch_add(1, Ordering::Relaxed),
            parent: std::process::id(),
        };
        let mut report =
            File::from(memfd_create("linkbait-report", MemfdFlags::CLOEXEC).context("memfd_create")?);
        let mut command = Command::new(std::env::current_exe().context("readlink(\"/proc/self/exe\")")?);
        command
            .arg("apart")
            .args(self.asked.for_one().to_args())
            .arg("--")
            .arg(serde_json::to_string(&told)?);
        // A group of its own: the terminal tells us of an interrupt, and we tell it once.
        command.process_group(0).stdin(Stdio::null()).stdout(report.try_clone()?).stderr(Stdio::piped());
        let mut child = command.spawn().context("start another linkbait")?;
        let said = child.stderr.take().map(keep_end);
        let status = self.wait(&mut child).context("wait for another linkbait")?;
        let mut text = String::new();
        report.rewind().and_then(|()| report.read_to_string(&mut text)).context("read a report")?;
        // Children of the victim may hold its other end for longer.
        let said = said.filter(|_| text.is_empty()).and_then(|said| said.join().ok()).unwrap_or_default();
        match read::run(&text).ok().and_then(|mut run| run.judged.pop()) {
            Some(judged) => Ok(Came::Report(Box::new(judged))),
            None => ended(status, &said),
        }
    }

    /// Waits for its end, and ends what the victim has left running. An interrupt is handed on, once.
    fn wait(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let process = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
        let mut told = false;
        loop {
            if self.interrupt.came() && !told {
                pidfd_send_signal(&process, Signal::TERM)?;
                told = true;
            }
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&tick)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    // Until it is waited for, its group is its own: nobody else can have got the number.
                    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
                    return child.wait();
                }
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// What it means that there is no report: a fault of ours if that is what it said, or else the victim's doing.
fn ended(status: ExitStatus, said: &str) -> anyhow::Result<Came> {
    let last = said.trim_end().rsplit('\n').next().map(output::line).unwrap_or_default();
    let ours = [Exit::Ours, Exit::Usage, Exit::Unsupported].map(|exit| Some(exit as i32));
    anyhow::ensure!(!ours.contains(&status.code()), "another linkbait: {last}");
    let how = match status.signal() {
        Some(number) => format!("it was killed by signal {number}"),
        None => "it ended its process".to_owned(),
    };
    Ok(Came::Ended(if last.is_empty() { how } else { format!("{how}: {last}") }))
}

fn note(why: impl std::fmt::Display) -> String {
    format!("judged as a program of its own: {why}")
}

/// Why it has to be a program from the beginning.
pub(crate) fn must_be_program(asked: &Judging, package: &Package) -> Option<&'static str> {
    match () {
        () if asked.signals => Some("signals reach processes only"),
        () if asked.instances > 1 => Some("two copies are two processes"),
        () => package.process,
    }
}

/// The same victim, made of what was built.
pub(crate) fn made_of(victim: Victim, kind: Kind, built: &Path) -> Result<Victim, Error> {
    if kind == Kind::Library {
        return victim.in_library(built);
    }
    let program = built.to_string_lossy();
    let argv = [program.as_ref(), "{shared}", "{outside}", "{private}"].map(str::to_owned).to_vec();
    let name = victim.name().to_owned();
    Ok(victim.as_program(&name, Program { argv, ..Program::default() }))
}

/// Reads all that it prints and keeps the end.
fn keep_end(mut from: ChildStderr) -> JoinHandle<String> {
    const MOST: usize = 4096;
    std::thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; MOST]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..count]);
            kept.drain(..kept.len().saturating_sub(MOST));
        }
        String::from_utf8_lossy(&kept).into_owned()
    })
}
