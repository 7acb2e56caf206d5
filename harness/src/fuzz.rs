//! Judging by a fuzzer: schedules of any length out of bytes, and a victim kept ready to try them at full speed.
//!
//! ```
//! use linkbait::fuzz::Target;
//!
//! thread_local! {
//!     static SAVE: Target = Target::new(linkbait::victim("save", |dir| {
//!         std::fs::File::create_new(dir.join("app.conf")).map(drop)
//!     }).keeps("app.conf"));
//! }
//!
//! // In a target of libFuzzer: fuzz_target!(|bytes: &[u8]| SAVE.with(|save| save.attack(bytes)));
//! SAVE.with(|save| save.attack(b"bytes"));
//! ```
//!
//! In an input the first byte chooses attacker and umask, and each five bytes further a [`Plan`]: a stop, a name, a move or fault, by
//! remainder, so that every input is a schedule and a changed byte is a changed choice. [`Target`] is all that most targets need; it panics
//! with the timeline when a rule is broken, and when this machine cannot judge. [`Attack`] keeps one victim ready under one attacker, for a
//! target that chooses itself, and [`mutate`] and [`cross`] are for its `fuzz_mutator!` and `fuzz_crossover!`.
//!
//! Each trial tells libFuzzer, by its extra counters, what the attacker and the victim did to each other. Does not own the
//! fuzzer, nor what it keeps.

mod mutate;
pub mod names;
mod plan;
mod target;

pub use crate::explore::guide::guide_by_races;
pub use mutate::{cross, mutate};
pub use plan::Plan;
pub use target::Target;

use crate::class::Class;
use crate::error::Error;
use crate::judge::{Judge, Session, Tried};
use crate::victim::Victim;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

/// Stops of a trial: so many, and this times those that the victim makes when left alone. One that tries names for as long as
/// the attacker takes them is slow, and has shown by then what it does.
const STOPS: (u32, u32) = (16, 2);

/// A victim under one attacker and umask, in a session on a thread of its own that waits for plans.
#[derive(Debug)]
pub struct Attack {
    /// Taken to end the session.
    asks: Option<Sender<Ask>>,
    tried: Receiver<Result<Tried, Error>>,
    thread: Option<JoinHandle<()>>,
}

/// What a session is asked to try.
#[derive(Debug)]
struct Ask {
    plans: Vec<Plan>,
    /// The victim's body has become another.
    anew: bool,
}

impl Drop for Attack {
    /// Waits until the arena is gone.
    fn drop(&mut self) {
        self.asks = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Attack {
    /// Starts the victim. What keeps it from being judged is told by the first try.
    ///
    /// # Errors
    /// Of kind ours when there is no thread for it.
    pub fn start(judge: Judge, victim: Victim, class: Class, umask: u32) -> Result<Attack, Error> {
        let ((asks, asked), (answer, tried)) = (channel::<Ask>(), channel());
        let keep_ready = move || {
            let answers = answer.clone();
            let ready = judge.session(&victim, class, umask, move |session| {
                bound(session);
                for Ask { plans, anew } in asked {
                    if anew {
                        session.start_over()?;
                        bound(session);
                    }
                    if answers.send(session.try_plans(&plans)).is_err() {
                        break;
                    }
                }
                Ok(())
            });
            // Nobody is there to hear it when the attack was given up.
            let _ = ready.map_err(|error| answer.send(Err(error)));
        };
        let thread = thread::Builder::new().name("attack".into()).spawn(keep_ready);
        let thread = thread.map_err(|e| Error::ours("start an attack", e))?;
        Ok(Attack { asks: Some(asks), tried, thread: Some(thread) })
    }

    /// Runs the schedule that the plans come to for this victim.
    ///
    /// # Errors
    /// As [`Judge::session`].
    pub fn try_plans(&self, plans: &[Plan]) -> Result<Tried, Error> {
        self.ask(Ask { plans: plans.to_vec(), anew: false })
    }

    /// The same after the victim's body has become another, as its owner has seen to: what it does when left alone is learned
    /// first. It takes no thread, filter and arena of its own, as starting an attack does.
    ///
    /// # Errors
    /// As [`Judge::session`], after which the attack is over.
    pub fn try_anew(&self, plans: &[Plan]) -> Result<Tried, Error> {
        self.ask(Ask { plans: plans.to_vec(), anew: true })
    }

    fn ask(&self, ask: Ask) -> Result<Tried, Error> {
        // Where the session has ended, why it did is there to be received.
        let _ = self.asks.as_ref().map(|to| to.send(ask));
        self.tried.recv().unwrap_or_else(|_| Err(Error::ours("try plans", "the session has ended")))
    }
}

fn bound(session: &mut Session<'_>) {
    session.bound(STOPS.0 + STOPS.1 * session.stops().len() as u32);
}
