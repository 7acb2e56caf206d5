//! A second copy of the program beside the first, under the same keeper and in the same arena. One of them is at work;
//! of the other the world keeps what it needs to go on with it. Calls of the one that is not at work are not received, so
//! each of its tasks stands still at the next one that is watched.

use super::ends::unexpected;
use super::order::Order;
use super::{ProcessWorld, contain};
use crate::ending::Ending;
use crate::error::Error;
use crate::sys::cell::Told;
use crate::sys::notify::Listener;
use crate::world::Next;
use crate::world::stop::Stop;
use crate::world::tasks::Tasks;
use rustix::event::Timespec;
use std::mem::swap;

/// How long to wait for one more look at a task that may wait for a lock of the other copy.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// One copy went on in processes that it had left behind, while the other was held.
const LEFT_RUNNING: &str =
    "one of two copies left processes running; what they do beside the other was not examined";

/// It may have waited in a way that is not seen, or the machine was busy.
const FAR_AWAY: &str = "one of two copies made no call that touches the arena for long, while the other was held; that was not examined";

/// What the world keeps of the copy that is not at work.
pub(super) struct Aside {
    listener: Option<Listener>,
    order: Order,
    tasks: Tasks,
    descriptors: u32,
    ended: Option<i32>,
    locking: Option<Locking>,
}

/// A task that asked for a lock and may have to wait for it.
pub(super) struct Locking {
    tid: u32,
    call: u32,
    /// How often it had been given a core when it was last seen to wait.
    turns: Option<u64>,
}

/// How many times as long as a silent copy one may make calls of which none touches the arena, before the trial is given
/// up: it may ask again and again whether the other is there still.
const MOST_QUIET: u32 = 10;

/// Of a trial with two copies.
#[derive(Default)]
pub(super) struct Pair {
    aside: Option<Aside>,
    /// The second copy is at work.
    pub(super) second: bool,
    locking: Option<Locking>,
    /// Ticks of the clock since the copy at work came to a call in the arena.
    quiet: u32,
    /// The keeper has told that nothing runs any more.
    pub(super) empty: bool,
    pub(super) doubt: Option<&'static str>,
}

impl Pair {
    /// True while the copy that is not at work has not ended.
    pub(super) fn other_lives(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.listener.is_some())
    }

    /// How long to wait for an event, if a task could be waiting for a lock of the other copy.
    pub(super) fn pause(&self) -> Option<Timespec> {
        self.locking.as_ref().map(|_| PAUSE)
    }

    /// A task has come to its next call.
    pub(super) fn arrives(&mut self, tid: u32) {
        self.locking.take_if(|locking| locking.tid == tid);
    }

    /// It was a call in the arena.
    pub(super) fn comes_to_stop(&mut self) {
        self.quiet = 0;
    }

    /// Time has passed; true when the copy at work has done nothing in the arena for long. `per_look` is how many ticks a
    /// silent one is given between two looks.
    pub(super) fn is_far_away(&mut self, per_look: u32) -> bool {
        self.quiet += 1;
        self.other_lives() && self.quiet > per_look.saturating_mul(MOST_QUIET)
    }
}

impl ProcessWorld {
    /// Starts the second copy, which is at work then.
    pub(super) fn start_second(&mut self) -> Result<(), Error> {
        const DOING: &str = "start a second copy of the program";
        let fresh = Aside {
            listener: None,
            order: Order::default(),
            tasks: Tasks::with_room(u16::MAX),
            descriptors: 3,
            ended: None,
            locking: None,
        };
        self.pair.aside = Some(fresh);
        self.swap_copies();
        self.pair.empty = false;
        let fixed = self.chance.fixes_addresses();
        self.cell.begin_second(self.umask, fixed).map_err(|e| Error::ours(DOING, e))?;
        match self.hear_back(DOING)? {
            Told::Started(listener, _) => self.listener = Some(listener),
            Told::Failed(errno) => {
                return Err(contain::refusal(DOING, std::io::Error::from_raw_os_error(errno)));
            }
            other => return Err(unexpected(DOING, &other)),
        }
        Ok(())
    }

    /// From now on the other copy is at work.
    pub(super) fn swap_copies(&mut self) {
        let Some(aside) = &mut self.pair.aside else { return };
        swap(&mut self.listener, &mut aside.listener);
        swap(&mut self.order, &mut aside.order);
        swap(&mut self.tasks, &mut aside.tasks);
        swap(&mut self.descriptors, &mut aside.descriptors);
        swap(&mut self.ended, &mut aside.ended);
        swap(&mut self.pair.locking, &mut aside.locking);
        self.pair.second = !self.pair.second;
        self.pair.quiet = 0;
    }

    /// The first process of one of the copies has ended.
    pub(super) fn note_end(&mut self, second: bool, status: i32) {
        match &mut self.pair.aside {
            Some(aside) if second != self.pair.second => aside.ended = Some(status),
            _ => self.ended = Some(status),
        }
    }

    /// No task of the copy at work is left; the end, if it is known how its first process ended and nothing else is to be
    /// waited for.
    pub(super) fn end_without_tasks(&mut self) -> Option<Next> {
        let status = self.ended.filter(|_| self.pair.other_lives() || self.pair.empty)?;
        self.forget();
        Some(self.finished(status))
    }

    /// The call that is let go on may wait for a lock that the other copy has.
    pub(super) fn expect_lock(&mut self, stop: &Stop) {
        if stop.waits_for_lock() && self.pair.other_lives() {
            self.pair.locking = Some(Locking { tid: stop.tid, call: stop.raw.nr, turns: None });
        }
    }

    /// True when the task that asked for a lock waits for it, and the other copy is there to give it back.
    pub(super) fn waits_for_lock(&mut self) -> bool {
        let (proc, other_lives) = (self.decoder.proc(), self.pair.other_lives());
        let Some(locking) = self.pair.locking.as_mut().filter(|_| other_lives) else {
            self.pair.locking = None;
            return false;
        };
        // The call is named for one that waits in it only.
        let mut buffer = [0; 2048];
        let call = proc.text(format_args!("{}/syscall", locking.tid), &mut buffer).split(' ').next();
        let inside = call.is_some_and(|call| call.parse() == Ok(locking.call));
        let turns = inside.then(|| proc.turns(locking.tid));
        let before = std::mem::replace(&mut locking.turns, turns);
        turns.is_some() && before == turns
    }

    /// What the copy at work has left running cannot be ended by itself.
    pub(super) fn doubt_the_rest(&mut self) -> Next {
        self.give_up_because(LEFT_RUNNING)
    }

    /// The copy at work does nothing in the arena for long.
    pub(super) fn doubt_its_work(&mut self) -> Next {
        self.give_up_because(FAR_AWAY)
    }

    fn give_up_because(&mut self, doubt: &'static str) -> Next {
        self.pair.doubt = Some(doubt);
        Next::Ended(Ending::Hung)
    }
}
