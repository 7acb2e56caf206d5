//! The order in which several tasks of a program go on. At level 2 all that can run do so until each is held or waits, then
//! the one that was started first is let go on, and sleepers when nobody else can. A program with one task is never
//! waited for. At other levels they go on as they come.

use super::clock::{self, Clock};
use super::held::Held;
use super::template::Template;
use crate::sys::notify::{Listener, Notification};
use crate::world::calls::MAKE_TASKS;
use crate::world::proc::Proc;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::Duration;

/// Looks until a task that still runs is left to itself. Between the first ones the core is given away, which is over
/// as soon as nobody wants it; between the others there is a millisecond.
const MOST_LOOKS: u32 = 350;
const QUICK_LOOKS: u32 = 100;
const BETWEEN: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A task that is held and has not been looked after.
struct Waiting {
    seen: Notification,
    /// When it wakes if it sleeps or waits for a futex.
    wakes: Option<Duration>,
    /// Its number in the program's own namespace, which is the order of starting.
    number: u32,
}

/// The tasks that are held.
#[derive(Default)]
pub(super) struct Order {
    /// A further task may be there.
    several: bool,
    waiting: Vec<Waiting>,
    /// Those held sleep, and a wait that the kernel was left to ends before they wake.
    all_sleep: bool,
    /// Some task would not stop running, so that chance had its way; of all trials.
    gave_up: bool,
}

impl Order {
    pub(super) fn restart(&mut self) {
        (self.several, self.all_sleep) = (false, false);
        self.waiting.clear();
    }

    /// True when somebody is held who can go on, so that the listener need not be waited for.
    pub(super) fn has_next(&self) -> bool {
        !self.waiting.is_empty() && !self.all_sleep
    }

    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// The next stop to be dealt with. Must only be called when there is one, or the listener has one.
    pub(super) fn next(&mut self, scene: &Scene<'_>) -> std::io::Result<Option<Notification>> {
        for look in 0..MOST_LOOKS {
            self.receive(scene)?;
            if !self.several || self.is_quiet(scene, None) {
                return Ok(self.pick(scene));
            }
            if look < QUICK_LOOKS {
                rustix::thread::sched_yield();
            } else {
                // Whether a stop came or not, all of them are looked at again.
                scene.has_stop(&BETWEEN);
            }
        }
        self.gave_up = true;
        Ok(self.pick(scene))
    }

    /// The same at other levels: what was taken before, then what comes.
    pub(super) fn next_to_come(&mut self, listener: &Listener) -> std::io::Result<Option<Notification>> {
        self.waiting.retain(|waiting| listener.holds(waiting.seen.id));
        if self.waiting.is_empty() { listener.receive() } else { Ok(Some(self.waiting.remove(0).seen)) }
    }

    /// Takes all stops until no task runs that could come to another one, or one has been running for long. One task is
    /// held already.
    pub(super) fn settle(&mut self, scene: &Scene<'_>, held: u32) -> std::io::Result<()> {
        for _ in 0..QUICK_LOOKS {
            self.receive(scene)?;
            if self.is_quiet(scene, Some(held)) {
                break;
            }
            rustix::thread::sched_yield();
        }
        Ok(())
    }

    /// Takes all stops that there are.
    fn receive(&mut self, scene: &Scene<'_>) -> std::io::Result<()> {
        while scene.has_stop(&AT_ONCE) {
            let Some(seen) = scene.listener.receive()? else { break };
            let wakes = scene.clock.wakes(&scene.held(&seen));
            let number = if self.several { scene.own_number(seen.tid) } else { 0 };
            self.several |= MAKE_TASKS.contains(&seen.nr);
            self.waiting.push(Waiting { seen, wakes, number });
            self.all_sleep = false;
        }
        Ok(())
    }

    /// True when no task runs or could. A program of one task is not looked at again until it starts another.
    fn is_quiet(&mut self, scene: &Scene<'_>, held: Option<u32>) -> bool {
        let looks = scene.look();
        let alive = looks.iter().filter(|look| !b"ZX".contains(&look.state)).count();
        // What a call starts exists only once the call is let go on.
        let starts = |waiting: &Waiting| MAKE_TASKS.contains(&waiting.seen.nr);
        self.several = alive > 1 || self.waiting.iter().any(starts);
        // They are looked at one after the other, and one that was asleep may have been woken by one that slept when it
        // was looked at. Those that had no turn from one look to the next all slept at once between the two.
        let all_held = || self.waiting.iter().map(|waiting| waiting.seen.tid).chain(held);
        let is_held = |tid| all_held().any(|held| scene.proc.own_tid(held) == Some(tid));
        // Who waits for a disk or for memory goes on by itself, as who runs does.
        let busy = |look: &Look| match look.state {
            b'D' => !is_held(look.tid) && !scene.waits_for_child(look.tid),
            state => state == b'R',
        };
        let sleep = !looks.iter().any(busy) && looks == scene.look();
        sleep && !scene.has_stop(&AT_ONCE)
    }

    /// Who can go on at once comes first, then who wakes first; of these, who was started first.
    fn pick(&mut self, scene: &Scene<'_>) -> Option<Notification> {
        // Some may have been killed meanwhile.
        self.waiting.retain(|waiting| scene.listener.holds(waiting.seen.id));
        let sleeps =
            |waiting: &Waiting| waiting.wakes.filter(|_| !clock::is_woken(&scene.held(&waiting.seen)));
        let keys = self.waiting.iter().enumerate().map(|(at, waiting)| (sleeps(waiting), waiting.number, at));
        let (wakes, _, at) = keys.min()?;
        let timeout = scene.clock.next_timeout();
        self.all_sleep = timeout.is_some() && wakes > timeout;
        (!self.all_sleep).then(|| self.waiting.remove(at).seen)
    }
}

/// What the tasks are seen by.
pub(super) struct Scene<'a> {
    pub(super) listener: &'a Listener,
    pub(super) proc: &'a Proc,
    /// `/proc` as the program sees it.
    pub(super) inside: &'a Proc,
    pub(super) clock: &'a Clock,
    pub(super) template: Option<&'a Template>,
}

/// A task that was looked at.
#[derive(PartialEq)]
struct Look {
    tid: u32,
    state: u8,
    turns: u64,
}

impl Scene<'_> {
    fn held<'s>(&'s self, seen: &'s Notification) -> Held<'s> {
        Held { seen, listener: self.listener, proc: self.proc }
    }

    fn has_stop(&self, within: &Timespec) -> bool {
        poll(&mut [PollFd::new(self.listener, PollFlags::IN)], Some(within)).is_ok_and(|ready| ready > 0)
    }

    fn look(&self) -> Vec<Look> {
        let look = |tid| Some(Look { tid, state: self.inside.state(tid)?, turns: self.inside.turns(tid) });
        self.inside.tasks(self.template.map(Template::pid)).into_iter().filter_map(look).collect()
    }

    /// True for a task that waits until the one it started by vfork(2) runs a program.
    fn waits_for_child(&self, tid: u32) -> bool {
        let mut buffer = [0; 2048];
        let call = self.inside.text(format_args!("{tid}/syscall"), &mut buffer).split(' ').next();
        call.and_then(|call| call.parse().ok()).is_some_and(|call| MAKE_TASKS.contains(&call))
    }

    /// The number that a task has in its own namespace.
    fn own_number(&self, tid: u32) -> u32 {
        let known = self.template.and_then(|template| template.own_number(tid));
        known.or_else(|| self.proc.own_tid(tid)).unwrap_or(u32::MAX)
    }
}
