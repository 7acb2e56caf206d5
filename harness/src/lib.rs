//! Shows whether code that touches temporary files can be raced.
//!
//! linkbait stops the code at every file system call, lets a simulated attacker do in that gap what a real one could
//! do, checks what must never happen, and shows the first thing that goes wrong as a timeline that can be replayed.
//!
//! ```
//! use std::fs::File;
//!
//! let report = linkbait::victim("predictable name", |dir| File::create(dir.join("app.log")).map(drop)).judge();
//! let report = report.expect("this machine has seccomp notification");
//! assert!(report.findings.iter().any(|finding| finding.rule == "follows-link"));
//! ```
//!
//! # How it works
//! The victim runs on a thread of its own under a seccomp notification filter. A supervisor on the same core gets
//! every call before it happens, makes moves as the attacker, then makes the call in the victim's place, so its
//! result is exact. Every move that can matter is tried before every call that looks the path up. Rules read the
//! evidence, never the kernel.
//!
//! # Limits
//! Not a sandbox: a victim in process is trusted code. Windows inside one call cannot be held. Linux 5.5 or later on
//! x86-64 and aarch64; `mmap` writes and what child processes do are seen only by their effect.

mod arena;
mod attacker;
mod class;
mod determinism;
mod ending;
mod errno;
mod error;
mod evidence;
mod explore;
mod fault;
mod file_system;
mod finding;
#[cfg(feature = "arbitrary")]
pub mod fuzz;
mod host;
mod judge;
mod limits;
pub mod model;
mod names;
pub mod rules;
pub mod save;
mod scene;
mod schedule;
mod stack;
mod stream;
#[doc(hidden)]
pub mod sync;
mod sys;
mod testing;
pub mod timeline;
#[cfg(loom)]
#[doc(hidden)]
pub mod under_loom;
mod victim;
mod world;

pub use arena::{Dirs, Staged};
pub use attacker::{Bait, Move, Verb};
pub use class::Class;
pub use determinism::{Determinism, Level};
pub use ending::Ending;
pub use errno::errno_name;
pub use error::{Error, ErrorKind};
pub use explore::interleavings::{Actor, Moment, interleave};
pub use fault::{Fault, SIGNALS, Whom};
pub use file_system::FileSystem;
pub use finding::{Alone, Cell, Finding, Report, Samples, Verdict};
pub use host::Host;
pub use judge::{Forecast, Judge, NameForecast, Replay, Sampled, Session, Told, Tried};
pub use limits::Limits;
pub use names::Entropy;
pub use rules::{Group, RULES, Rule};
pub use scene::{Kind, Owner, Scene, Thing};
pub use schedule::{Act, Does, Key, Schedule};
pub use stack::{CallSite, Stack};
pub use victim::{Expected, IntoEnding, LIBRARY_ENTRY, Program, Victim, fits_pattern};
pub use world::model::{Ground, Stops};

/// The C library's ways of making temporary files, as victims.
pub mod libc_temp {
    pub use crate::sys::libc_temp::{link_unnamed, mkdtemp, mkostemp, mkstemp, tempnam, tmpfile, tmpnam};
}

use std::path::{Path, PathBuf};
use timeline::Timeline;

/// Prepares this process for judging programs: an ordinary user needs a user namespace, and only a process with one
/// thread can enter it; where `/etc/subuid` and `/etc/subgid` lend ids to this user, the attacker gets one of them. To be
/// called first thing in `main`; as root it does nothing.
///
/// # Errors
/// Of kind unsupported where users may not make namespaces.
pub fn prepare_to_contain() -> Result<(), Error> {
    world::process::prepare_to_contain()
}

/// Why the victim of this report could not be judged to the end within this process, if it could be as a program of its own.
#[must_use]
pub fn needs_a_process(report: &Report) -> Option<&'static str> {
    let told = |why: &&str| report.not_examined.iter().any(|note| note.contains(*why));
    world::thread::SPOILED.into_iter().find(told)
}

/// The real path of a directory that a program can be allowed to write (see [`Program::writable`]).
///
/// # Errors
/// Of kind input where an overlay makes no sense: the root, the kernel's own file systems, where the arena will lie,
/// above other mounts, or where this user may not write.
pub fn check_writable(dir: &Path) -> Result<PathBuf, Error> {
    world::process::check_writable(dir)
}

/// A victim that works in the directory it is given.
pub fn victim<R: IntoEnding>(name: &str, body: impl Fn(&Path) -> R + Send + Sync + 'static) -> Victim {
    Victim::new(name, move |dirs: &Dirs| body(&dirs.shared))
}

impl Victim {
    /// Judges this victim on this machine with the default settings.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn judge(&self) -> Result<Report, Error> {
        Judge::new(Host::detect()).judge(self)
    }

    /// Judges this victim and panics with the timelines of what was found. They are also saved below
    /// `target/linkbait`; [`Victim::replay`] runs one again.
    ///
    /// # Panics
    /// When a rule is broken, when not everything could be tried, or when this machine cannot judge.
    pub fn check(&self) {
        let host = Host::detect();
        let report = match Judge::new(host.clone()).judge(self) {
            Ok(report) => report,
            Err(error) => panic!("linkbait could not judge {:?}: {error}", self.name()),
        };
        if report.verdict != Verdict::Pass {
            panic!("{}", story(&report, report.save(host.folder())));
        }
    }

    /// Runs the schedule of a saved timeline against this victim.
    ///
    /// # Errors
    /// Of kind input when the file cannot be read or is damaged; otherwise as [`Judge::replay`].
    pub fn replay(&self, file: &Path) -> Result<Replay, Error> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| Error::input(format!("open({file:?})"), e.to_string()))?;
        Judge::new(Host::detect()).replay(self, &Timeline::parse(&text)?)
    }
}

/// What a failed check says: every timeline, what was not examined, and how to replay.
fn story(report: &Report, saved: Result<Vec<PathBuf>, Error>) -> String {
    let mut story = format!("linkbait: {:?} {}\n", report.name, report.verdict);
    let saved = match saved {
        Ok(paths) => paths.iter().map(|path| format!("replay: victim.replay({path:?})\n")).collect(),
        Err(error) => vec![format!("not saved: {error}\n")],
    };
    for (at, finding) in report.findings.iter().enumerate() {
        let help = rules::help(finding);
        story.push_str(&format!("{}help: {help}\n", finding.timeline));
        story.push_str(saved.get(at).map_or("\n", |line| line));
    }
    story + &report.not_examined.iter().map(|note| format!("not examined: {note}\n")).collect::<String>()
}
