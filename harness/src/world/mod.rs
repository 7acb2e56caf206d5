//! The one abstraction of the house: a world can start a victim, give its next stop, let the attacker act, let the
//! held call go, and show its tree. Explorer, rules, timelines and replay know nothing else of how it is done.

pub(crate) mod calls;
pub(crate) mod decode;
pub(crate) mod handed;
pub(crate) mod labels;
pub(crate) mod model;
mod no_excl;
mod open;
mod proc;
pub(crate) mod process;
mod pulse;
pub(crate) mod stop;
mod tasks;
pub(crate) mod thread;

use crate::arena::sight::Sight;
use crate::arena::tree::{Ident, Tree};
use crate::arena::{Reset, Stage};
use crate::attacker::Move;
use crate::class::Class;
use crate::determinism::Determinism;
use crate::ending::Ending;
use crate::error::Error;
use crate::fault::Fault;
use crate::host::Host;
use crate::stack::{self, Stack};
use crate::sys::thread as own_thread;
use calls::Watch;
use std::time::Duration;
use stop::Stop;

/// What a held call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It returned this value.
    Value(i64),
    /// It returned a new descriptor for this file; descriptors are numbered from 3 in the order they were made.
    Descriptor(u32, Ident),
    /// It failed with this errno.
    Failed(i32),
    /// It would never have returned: nobody is at the other end of the FIFO. We answered ENXIO to end the trial.
    Blocks,
    /// A child process made it, so its result cannot be seen.
    Unknown,
}

impl Outcome {
    /// What a call came to, from the value that the kernel returned.
    pub(crate) fn of(value: i64) -> Outcome {
        if value < 0 { Outcome::Failed(-value as i32) } else { Outcome::Value(value) }
    }

    /// True when the call did its work.
    pub(crate) fn succeeded(self) -> bool {
        matches!(self, Outcome::Value(_) | Outcome::Descriptor(..))
    }
}

/// What the victim does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It is held before a call that touches the arena.
    Stop,
    /// It is done.
    Ended(Ending),
}

/// Where trials begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the victim's own start.
    Anew,
    /// At its first call in the arena, if the world can do what comes before once for all of them.
    AtFirstCall,
}

/// How a world is to run its victim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Time without any call after which the victim counts as hung.
    pub(crate) silence: Duration,
    /// The calls to stop at.
    pub(crate) watch: Watch,
    /// How much of a program's chance is fixed.
    pub(crate) fixed: Determinism,
}

/// Why a victim in this process has no second copy.
pub(crate) const ONE_PROCESS: &str = "a victim within linkbait has no second copy: both would have one pid, one set of \
     descriptors, statics and POSIX locks; judge it as a program";

/// A place where a victim can be run under control.
pub(crate) trait World {
    /// Builds the stage for the trials to come, which run under this attacker and umask.
    fn prepare(&mut self, class: Class, umask: u32, stage: Stage) -> Result<(), Error>;
    /// Says where the trials to come begin.
    fn start_from(&mut self, start: Start) -> Result<(), Error>;
    /// True when the last trial began elsewhere than at the victim's own start.
    fn was_copied(&self) -> bool;
    /// From the next start on, other luck than that of the trials, which is number 0; for learning what luck changes.
    fn vary(&mut self, variation: u64);
    /// From the next start on, the machine's own luck, or again what is fixed.
    fn leave_to_the_machine(&mut self, left: bool);
    /// Makes the victim's first process get the pid after this one from now on, if it is one of its own.
    fn start_after_pid(&mut self, pid: u32) -> Result<(), Error>;
    /// The pids and tids of the victim in the last trial, as anyone on its machine can list them.
    fn pids(&self) -> Vec<u32>;
    /// Lets the victim start.
    fn begin(&mut self) -> Result<(), Error>;
    /// Runs the victim up to its next stop, which is written into `stop`.
    fn next(&mut self, stop: &mut Stop) -> Result<Next, Error>;
    /// Starts a second copy of the victim beside the one that was begun, which is held or has ended. It is at work then:
    /// what `next` and `release` are about.
    fn begin_second(&mut self) -> Result<(), Error>;
    /// Puts the other of two copies to work.
    fn turn(&mut self);
    /// Why nothing follows from the last trial, if that is so.
    fn doubts(&self) -> Option<&'static str> {
        None
    }
    /// Makes a move while the victim is held; `path` is relative to the arena.
    fn act(&mut self, act: &Move, path: &[u8]) -> rustix::io::Result<()>;
    /// Lets the held call happen.
    fn release(&mut self, stop: &Stop) -> Outcome;
    /// Lets the held call happen with a fault; `None` when this world cannot make it here, and the call is held still.
    fn release_with(&mut self, stop: &Stop, fault: Fault) -> Option<Outcome>;
    /// True when the victim was killed but cannot be ended where it is held: it unwinds, and none of its calls is made any
    /// more but closes. A program's processes just end.
    fn unwinds(&self) -> bool {
        false
    }
    /// Shows the stack of the task that is held; the trial cannot go on after that, and must be given up.
    fn stack(&mut self, _: &Stop) -> Result<Stack, &'static str> {
        Err(stack::NO_PROGRAM)
    }
    /// Shows the tree as it stands.
    fn look(&mut self, tree: &mut Tree);
    /// True when the victim has started no other task in this trial, and each call by which it changed anything was a stop. What
    /// a thread does that was there before, as of a pool, is not known.
    fn sees_all(&self) -> bool {
        false
    }
    /// Brings one entry of a tree up to date, for when nothing else can have changed.
    fn look_at(&mut self, path: &[u8], tree: &mut Tree);
    /// True where it shows in its access time that a file was read.
    fn shows_reads(&self) -> bool;
    /// What another process that reads this path of the arena sees now.
    fn read(&self, path: &[u8]) -> Sight;
    /// Shows the tree as it stood before the victim began.
    fn look_at_stage(&self, tree: &mut Tree);
    /// Shows the numbers of the descriptors, as outcomes tell them, that a victim of this process has kept open although
    /// it is done; false when there were too many to know. A program's are closed by its end.
    fn still_open(&mut self, _: &mut dyn FnMut(u32)) -> bool {
        true
    }
    /// Ends a victim that would never end.
    fn give_up(&mut self) -> Result<(), Error>;
    /// Puts everything back for the next trial; `seen` is the tree as it stands.
    fn reset(&mut self, seen: &Tree) -> Result<Reset, Error>;
    /// Why further trials would show nothing true.
    fn spoiled(&self) -> Option<&'static str>;
    /// What kept trials so far from going on as they would have, so that finding nothing proves nothing.
    fn cramped(&self) -> Option<&'static str> {
        None
    }
    /// The end of what the last trial printed, where that is known, and whether there was more before it.
    fn printed(&self) -> Option<(&[u8], bool)> {
        None
    }
    /// What of the trials so far could not be seen or was kept from happening, one sentence each.
    fn not_examined(&self) -> Vec<String>;
}

/// Gives the calling thread, which is to supervise, a working directory, a umask and a core of its own; returns the
/// core.
fn become_supervisor(host: &Host) -> Result<usize, Error> {
    own_thread::own_file_context().map_err(|e| {
        let advice = "another supervisor keeps this process from it; run outside of it";
        Error::unsupported("unshare(CLONE_FS)", format!("{e}; {advice}"))
    })?;
    let core = host.next_core();
    own_thread::pin_to(core);
    Ok(core)
}

/// For how long to wait for a call before a victim is looked at: it is looked at twice before it counts as hung.
fn patience(silence: Duration) -> Duration {
    silence / 2
}
