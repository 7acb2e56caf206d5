//! What a program's supervisor waits for: calls, what the keeper tells, what is printed, and time. Owns when a program
//! takes too much or counts as hung, not what is done about a call.

use super::ProcessWorld;
use super::template::Template;
use crate::determinism::Level;
use crate::ending::Ending;
use crate::error::Error;
use crate::sys::notify::Notification;
use crate::world::Next;
use crate::world::pulse::Crowd;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::AsFd;

/// What there is to do next.
pub(super) enum Event {
    /// This call waits for its answer.
    Received(Notification),
    /// A call can be received.
    Stopped,
    /// The keeper has something to tell.
    Told,
    /// Time has passed.
    Tick,
    /// No task is left that could be held.
    Gone,
    /// Nothing, for a moment.
    Pause,
}

/// What is ready.
pub(super) struct Ready {
    pub(super) told: bool,
    pub(super) tick: bool,
    call: PollFlags,
}

/// What a program that job control has stopped looks like.
const STOPPED: &str = "it was stopped by a signal, as job control does (SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU), and nobody continues it";

impl ProcessWorld {
    /// Waits for the next event. What the keeper tells comes before any call: a daemon that never rests must not keep us
    /// from hearing that the program has ended.
    pub(super) fn wait(&mut self) -> Result<Event, Error> {
        if let Some(seen) = self.receive_at_once()? {
            return Ok(Event::Received(seen));
        }
        // A call that was taken before, and can go on, need not be waited for.
        let known = self.order.has_next();
        let pause = self.pair.pause();
        let within = known.then_some(Timespec { tv_sec: 0, tv_nsec: 0 }).or(pause);
        loop {
            let Ready { told, tick, call } = self.poll(within.as_ref())?;
            match () {
                () if told => return Ok(Event::Told),
                () if known || call.contains(PollFlags::IN) => return Ok(Event::Stopped),
                () if tick => return Ok(Event::Tick),
                () if !call.is_empty() => return Ok(Event::Gone),
                () if pause.is_some() => return Ok(Event::Pause),
                () => {}
            }
        }
    }

    /// The next call, where nothing else can come before it.
    fn receive_at_once(&mut self) -> Result<Option<Notification>, Error> {
        let one_task = !self.bounds.has_several_tasks() && !self.order.has_next();
        let alone = one_task && !self.pair.other_lives() && self.chance.level() < Level::Full;
        let Some(listener) = &self.listener else {
            return Err(Error::ours("wait for the program", "it was not started"));
        };
        let received = self.next_call.receive(listener, alone);
        received.map_err(|e| Error::ours("ioctl(SECCOMP_IOCTL_NOTIF_RECV)", e))
    }

    /// Waits until something is ready, and reads what was printed.
    pub(super) fn poll(&mut self, within: Option<&Timespec>) -> Result<Ready, Error> {
        // For what there is not the clock stands in.
        let clock = self.ticks.as_fd();
        let calls = self.listener.as_ref().map(AsFd::as_fd);
        let source = self.output.source();
        let mut fds = [calls.unwrap_or(clock), self.cell.as_fd(), clock, source.unwrap_or(clock)]
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut fds, within) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::ours("poll", e)),
        }
        let [call, told, tick, printed] = fds.map(|fd| fd.revents());
        if !printed.is_empty() {
            self.output.drain();
        }
        Ok(Ready { told: !told.is_empty(), tick: !tick.is_empty(), call })
    }

    /// Time has passed: looks whether the program takes too much, and, when it was silent, whether it lives.
    pub(super) fn tick(&mut self, crowd: &mut Crowd) -> Result<Option<Next>, Error> {
        let silent = self.ticks.take();
        if !self.keeps_bounds() {
            return Ok(Some(Next::Ended(Ending::Hung)));
        }
        if self.pair.is_far_away(self.ticks.per_look) {
            return Ok(Some(self.doubt_its_work()));
        }
        let spared = self.spared();
        if !silent || !crowd.shows_no_life(&self.inside, spared, self.silence) {
            return Ok(None);
        }
        let stopped = |tid| self.inside.state(tid) == Some(b'T');
        if self.ended.is_none() && self.inside.tasks(spared).into_iter().any(stopped) {
            self.notes.insert(STOPPED.to_owned());
        }
        self.endless().map(Some)
    }

    /// Looks at what the program takes of the machine.
    pub(super) fn keeps_bounds(&mut self) -> bool {
        let spared = self.spared();
        self.bounds.has_memory(&self.inside)
            && self.bounds.has_disk(self.arena.root())
            && self.bounds.has_few_tasks(&self.inside, spared)
    }

    /// A call that is none of our business goes on; there can be too many of them.
    pub(super) fn pass(&mut self) -> Result<Option<Next>, Error> {
        match self.bounds.may_call(self.ended.is_some()) {
            true => Ok(None),
            false => self.endless().map(Some),
        }
    }

    /// It would go on for ever, or too long. What the first process has left running is ended, and does not count.
    pub(super) fn endless(&mut self) -> Result<Next, Error> {
        let Some(status) = self.ended else { return Ok(Next::Ended(Ending::Hung)) };
        if self.pair.other_lives() {
            return Ok(self.doubt_the_rest());
        }
        self.notes.insert("processes that it left running were ended".to_owned());
        self.clear()?;
        Ok(self.finished(status))
    }

    /// The process that is no part of the trial.
    pub(super) fn spared(&self) -> Option<u32> {
        self.template.as_ref().map(Template::pid)
    }
}
