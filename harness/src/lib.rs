//! Shows whether code that touches temporary files can be raced.
//!
//! linkbait stops the code before every file system call, does in that gap what an attacker could do, checks what must never
//! happen, and shows the first thing that goes wrong as a timeline that can be replayed.
//!
//! # In a test
//! Add it to the `[dev-dependencies]`, say what the victim is, and check it:
//!
//! ```
//! use std::io::Write;
//!
//! # fn main() {
//! linkbait::victim("save", |dir| {
//!     let mut new = tempfile::NamedTempFile::new_in(dir)?;
//!     new.write_all(b"new")?;
//!     new.persist(dir.join("app.conf"))?;
//!     Ok::<(), std::io::Error>(())
//! })
//! .stage("app.conf", 0o600, "old")
//! .replaces("app.conf")
//! .keeps("app.conf")
//! .check();
//! # }
//! ```
//!
//! `replaces` promises that others see the old content or the new at every step, `keeps` names what the victim is meant to leave.
//! [`Victim`] has more of what no call tells. [`Victim::check`] panics with the timelines when a promise or a [rule](RULES) is broken;
//! [`Victim::judge`] returns a [`Report`] in place of that, and [`Judge`] chooses attackers, umasks, rules, faults, depth and limits:
//!
//! ```
//! use linkbait::{Class, Host, Judge, Verdict};
//! use std::fs::File;
//!
//! let victim = linkbait::victim("known name", |dir| File::create(dir.join("app.log")).map(drop)).keeps("app.log");
//! let report = Judge::new(Host::detect()).attackers(&[Class::OtherUser]).judge(&victim)?;
//! assert_eq!(report.verdict, Verdict::Fail);
//! let finding = report.findings.iter().find(|finding| finding.rule == "follows-link").expect("it opens what is planted");
//! assert_eq!(finding.attacker, Class::OtherUser);
//! assert!(finding.timeline.contains("plant symlink \"shared/app.log\""));
//! # Ok::<(), linkbait::Error>(())
//! ```
//!
//! # What a finding means
//! A [`Finding`] was *shown*: in a trial that is written down in its timeline, an attacker of that [`Class`] made that move before
//! that call, and the victim then did what the rule forbids. [`Victim::replay`] runs the same schedule again. It has the smallest
//! schedule and the weakest attacker that show it, and says whether it takes a race at all. What only looks wrong is a suspicion, and
//! is not told unless [`Judge::rules`] asks for it.
//!
//! A pass means that no rule was broken in the schedules tried: all those of one act, unless more are asked for. Nothing that was not
//! tried counts: a window that was not reached, or a limit that was hit, makes a report [`Verdict::Inconclusive`], and
//! [`Report::not_examined`] lists what was not seen. It does not mean that the code is safe with other inputs.
//!
//! # How it works
//! The victim runs on a thread of its own under a seccomp notification filter
//! ([seccomp_unotify(2)](https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html)). A supervisor on the same core gets every call
//! before it happens, makes moves as the attacker, then makes the call in the victim's place, so its result is exact. Every move that
//! can matter is tried before every call that looks the path up. The victim works in an arena of its own, in memory; its thread has its
//! own working directory and umask, so tests run in parallel. Rules read the evidence, never the kernel.
//!
//! The body runs once for each trial, hundreds of times. It has to do the same each time and must not rely on what an earlier run left.
//!
//! # Guarantees
//! | on Linux | holds |
//! |---|---|
//! | 5.5 | victims within this process are held before every call and judged exactly |
//! | 5.11 | arenas on overlays, and directories that programs may write, also for ordinary users |
//! | 5.14 | programs ([`Victim::program`]) are contained and get their descriptors from the supervisor |
//! | 5.19 | a signal does not wake a victim that is held ([seccomp(2)](https://man7.org/linux/man-pages/man2/seccomp.2.html)) |
//! | 6.2 | [`Judge::sample`], the race that nobody holds: [landlock(7)](https://man7.org/linux/man-pages/man7/landlock.7.html) keeps the victim in |
//! | 6.6 | stops are some percent faster |
//!
//! On each of them, on x86-64 and aarch64: what cannot be had is an error of kind unsupported, never a pass. As root the attacker is
//! another uid and the kernel decides what it may do; otherwise linkbait applies the rules of
//! [sticky directories](https://man7.org/linux/man-pages/man7/inode.7.html) itself. Of the kernel's
//! [`fs.protected_*`](https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html) settings verdicts obey `protected_hardlinks` only, as the
//! others make one machine's pass another's fail. [`Host::detect`] tells what there is.
//!
//! # Errors and panics
//! The library never prints and never exits. Whatever judges returns an [`Error`] of one of four [kinds](ErrorKind): this machine cannot do it,
//! the input is wrong, the victim cannot be started, or it is our own fault. [`Victim::check`] and `fuzz::Target::attack`
//! panic, as tests and fuzz targets do, on these too: what could not be judged must not look like a pass. A victim that panics is judged like
//! one that returns an error.
//!
//! # Features
//! `arbitrary` adds the module `fuzz`: schedules out of bytes, for a target of [cargo-fuzz](https://rust-fuzz.github.io/book/), and guidance
//! of libFuzzer by what attacker and victim did to each other. Without it nothing of that is compiled or counted.
//!
//! # Limits
//! - Not a sandbox: a victim within this process is trusted code. Its changes by path outside of the arena are refused, but a hostile one could
//!   get around that. Programs are contained.
//! - What happens inside of one call cannot be held on the kernel; on the [model] it can ([`Stops::Names`]).
//! - Writes through `mmap`, and what child processes of a closure do, are seen only by their effect.
//! - A run has [`Limits`]: calls, trials, time without a call.
//!
//! # Sources
//! What the rules ask for comes from CWE ([377](https://cwe.mitre.org/data/definitions/377.html) insecure temporary files,
//! [59](https://cwe.mitre.org/data/definitions/59.html) links, [367](https://cwe.mitre.org/data/definitions/367.html) time of check to time of
//! use, and those of each [`Rule::cwe`]), from
//! [OpenStack's guideline](https://security.openstack.org/guidelines/dg_using-temporary-files-securely.html), from CERT, and from the man pages:
//! [mkstemp(3)](https://man7.org/linux/man-pages/man3/mkstemp.3.html), [open(2)](https://man7.org/linux/man-pages/man2/open.2.html) on
//! `O_EXCL`, `O_NOFOLLOW` and `O_TMPFILE`, [rename(2)](https://man7.org/linux/man-pages/man2/rename.2.html),
//! [unlinkat(2)](https://man7.org/linux/man-pages/man2/unlink.2.html).

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
