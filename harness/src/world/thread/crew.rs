//! The threads that a victim starts: a trial is over when the body has returned and they have ended too. What one that
//! goes on does would fall into the next trial and be judged there.
//!
//! Their ends are not watched, because a thread whose end nobody answers any more could never end. Nothing here
//! allocates: the victim may be inside malloc.

use crate::ending::Ending;
use crate::sys::memory;
use crate::sys::notify::Notification;
use crate::sys::thread::is_ours;
use crate::world::calls::{CLONE, CLONE3};
use rustix::event::Timespec;
use std::time::Duration;

/// Threads of one trial that can be told apart; of more, the verdict is inconclusive.
const MOST: usize = 256;

/// The victim's further threads.
pub(super) struct Crew {
    /// Where the kernel writes the ids of threads that are just being started.
    starting: Vec<u64>,
    running: Vec<u32>,
    /// How the body ended, while its threads are waited for, and how long they have been.
    ended: Option<(Ending, Duration)>,
    /// Threads were left behind in some trial.
    loose: bool,
}

impl Default for Crew {
    fn default() -> Crew {
        let (starting, running) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
        Crew { starting, running, ended: None, loose: false }
    }
}

impl Crew {
    /// How long to wait for one more look at threads that are waited for.
    pub(super) const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

    /// A task of ours is about to start another.
    pub(super) fn starts(&mut self, seen: &Notification) {
        let Some(place) = thread_id_place(seen) else { return };
        if self.starting.len() < MOST { self.starting.push(place) } else { self.loose = true }
    }

    /// The body has returned; how the trial ended, if no thread is left.
    pub(super) fn body_ended(&mut self, ending: Ending, tid: u32) -> Option<Ending> {
        self.learn(tid);
        // What has no id by now has ended.
        self.starting.clear();
        self.ended = Some((ending, Duration::ZERO));
        self.finished()
    }

    /// Takes over the ids of threads that have started meanwhile. `tid` is any task of this process.
    fn learn(&mut self, tid: u32) {
        let (starting, running, loose) = (&mut self.starting, &mut self.running, &mut self.loose);
        starting.retain(|place| {
            let mut id = [0; 4];
            let known = memory::read(tid, *place, &mut id).is_ok_and(|n| n == id.len());
            let id = if known { u32::from_ne_bytes(id) } else { 0 };
            if id != 0 && running.len() < MOST {
                running.push(id);
            } else if id != 0 {
                *loose = true;
            }
            id == 0
        });
    }

    /// How the trial ended, once the body has returned and no thread is left.
    fn finished(&mut self) -> Option<Ending> {
        self.running.retain(|tid| is_ours(*tid));
        if !self.running.is_empty() {
            return None;
        }
        self.ended.take().map(|(ending, _)| ending)
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.ended.is_some()
    }

    /// Looks again after a pause without any call; gives up after `silence`.
    pub(super) fn look_again(&mut self, silence: Duration) -> Option<Ending> {
        if let Some((_, waited)) = &mut self.ended {
            *waited += Duration::from_nanos(Crew::PAUSE.tv_nsec.unsigned_abs());
            if *waited > silence {
                self.loose = true;
                self.running.clear();
            }
        }
        self.finished()
    }

    pub(super) fn is_loose(&self) -> bool {
        self.loose
    }

    /// The victim's thread was given up, and its threads with it.
    pub(super) fn forget(&mut self) {
        self.loose |= !self.running.is_empty();
        self.starting.clear();
        self.running.clear();
        self.ended = None;
    }
}

/// Where the kernel writes the id of the thread that this call starts; `None` for one that starts a process.
fn thread_id_place(seen: &Notification) -> Option<u64> {
    // clone3(2) points to a struct: flags, pidfd, child_tid, parent_tid. clone(2) has flags, stack, parent_tid.
    let (flags, place) = match seen.nr {
        CLONE => (seen.args[0], seen.args[2]),
        CLONE3 => memory::read_words(seen.tid, seen.args[0]).map(|[flags, _, _, place]| (flags, place))?,
        _ => return None,
    };
    (flags & libc::CLONE_THREAD as u64 != 0 && place != 0).then_some(place)
}
