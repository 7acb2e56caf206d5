//! The model as a world: the same moves, schedules, evidence and rules, without a kernel. A victim of it makes its calls
//! through [`Files`](crate::model::Files), from a thread of its own that waits for each answer.
//!
//! Here a call can be held between two names of its path, which the kernel lets nobody do: each is a stop at a call of the
//! name `lookup`, at the path that is looked up next.

mod hands;
pub(crate) mod runner;
mod show;
mod stage;

use super::stop::Stop;
use super::{Next, Outcome, Start, Terms, World};
use crate::arena::sight::Sight;
use crate::arena::tree::Tree;
use crate::arena::{Reset, Stage};
use crate::attacker::Move;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::fault::Fault;
use crate::host::Host;
use crate::model::{Call, Fd, Guards, Model, Pending, Reply, Task};
use crate::victim::Protocol;
use hands::Hands;
use runner::{Event, Runner};
use rustix::io::{Errno, Result};
pub use stage::Ground;
use std::sync::Arc;
use std::time::Duration;

/// What of the model's calls there is to stop at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// Each call, as on the kernel.
    Calls,
    /// Each call, and each name on its way.
    Names,
}

pub(crate) struct ModelWorld {
    protocol: Arc<Protocol>,
    stops: Stops,
    silence: Duration,
    /// Where faults are tried, closing is a stop, as on the kernel.
    faults: bool,
    guards: Guards,
    umask: u32,
    /// As it stands before the victim begins.
    stage: Ground,
    model: Model,
    victim: Task,
    hands: Hands,
    runner: Runner,
    /// The call that is under way.
    pending: Option<Pending>,
    /// The names in a directory that the victim has not been told the end of.
    listed: Option<Vec<Vec<u8>>>,
    /// What each descriptor of the victim was numbered, in the order in which they were made.
    opened: Vec<Fd>,
    /// The victim was killed in this trial.
    killed: bool,
    /// Room for a look at one entry.
    shown: Tree,
}

impl ModelWorld {
    pub(crate) fn new(host: &Host, protocol: &Arc<Protocol>, terms: Terms, stops: Stops) -> ModelWorld {
        let guards = Guards::of(host.protected());
        let stage = Ground::build(guards, Class::None, &Stage::default());
        let (model, victim) = (stage.model.clone(), stage.victim);
        ModelWorld {
            protocol: Arc::clone(protocol),
            stops,
            silence: terms.silence,
            faults: terms.watch.faults,
            guards,
            umask: 0o022,
            hands: Hands::new(stage.attacker),
            stage,
            model,
            victim,
            runner: Runner::start(protocol),
            pending: None,
            listed: None,
            opened: Vec::new(),
            killed: false,
            shown: Tree::default(),
        }
    }

    /// A call that one can be stopped at is under way from now on; any other is answered.
    fn arrive(&mut self, call: Call, stop: &mut Stop) {
        let is_stop = self.faults || !matches!(call, Call::Close { .. });
        if is_stop && show::call(&self.model, self.victim, &call, stop) {
            self.pending = Some(self.model.begin(self.victim, call));
        } else {
            let answer = self.model.perform(self.victim, &call);
            self.runner.answer(answer);
        }
    }

    /// Shows the step that comes next: the call itself if it is its last one as things stand, or else the name that is
    /// looked up.
    fn show(&self, stop: &mut Stop) {
        let Some(pending) = &self.pending else { return };
        let (mut model, mut ahead) = (self.model.clone(), pending.clone());
        let last = self.stops == Stops::Calls || model.step(&mut ahead).is_some();
        if last {
            show::call(&self.model, self.victim, pending.call(), stop);
        } else {
            show::lookup(&self.model, pending, stop);
        }
    }

    /// Answers the victim; what that is to those who look.
    fn answer(&mut self, answer: Result<Reply>) -> Outcome {
        let outcome = match &answer {
            Ok(Reply::Descriptor(fd)) => self.number(*fd),
            Ok(Reply::Count(count)) => Outcome::Value(*count as i64),
            Ok(Reply::Blocks) => Outcome::Blocks,
            Ok(_) => Outcome::Value(0),
            Err(errno) => Outcome::Failed(errno.raw_os_error()),
        };
        self.pending = None;
        self.runner.answer(match (answer, self.listed.take()) {
            (Ok(Reply::Blocks), _) => Err(Errno::NXIO),
            (Ok(Reply::Names(_)), Some(names)) => Ok(Reply::Names(names)),
            (answer, _) => answer,
        });
        outcome
    }

    /// Answers a call of a victim that was killed: none is made but closes.
    fn refuse(&mut self) -> Outcome {
        let answer = match self.pending.take().map(|pending| pending.call().clone()) {
            Some(call @ Call::Close { .. }) => self.model.perform(self.victim, &call),
            _ => Err(Errno::IO),
        };
        self.answer(answer);
        Outcome::Unknown
    }

    fn number(&mut self, fd: Fd) -> Outcome {
        self.opened.push(fd);
        let number = self.opened.len() as u32 + 2;
        let ident = self.model.behind(self.victim, fd).map(show::ident);
        Outcome::Descriptor(number, ident.unwrap_or_default())
    }
}

impl World for ModelWorld {
    fn prepare(&mut self, class: Class, umask: u32, stage: Stage) -> std::result::Result<(), Error> {
        self.umask = umask;
        self.stage = Ground::build(self.guards, class, &stage);
        self.hands.know(stage.decoys.into_iter().map(|(name, _)| name));
        self.model = self.stage.model.clone();
        Ok(())
    }

    fn start_from(&mut self, _: Start) -> std::result::Result<(), Error> {
        Ok(())
    }

    fn was_copied(&self) -> bool {
        false
    }

    /// There is no chance in the model but what the victim brings along.
    fn vary(&mut self, _: u64) {}

    fn leave_to_the_machine(&mut self, _: bool) {}

    fn start_after_pid(&mut self, _: u32) -> std::result::Result<(), Error> {
        Ok(())
    }

    fn pids(&self) -> Vec<u32> {
        vec![std::process::id()]
    }

    fn begin(&mut self) -> std::result::Result<(), Error> {
        self.opened.clear();
        self.killed = false;
        // It cannot fail.
        let _ = self.model.perform(self.victim, &Call::Umask { mask: self.umask });
        self.runner.begin();
        Ok(())
    }

    fn next(&mut self, stop: &mut Stop) -> std::result::Result<Next, Error> {
        while self.pending.is_none() {
            match self.runner.next(self.silence) {
                Some(Event::Ended(ending)) => return Ok(Next::Ended(ending)),
                Some(Event::Call(call)) => self.arrive(call, stop),
                None => return Ok(Next::Ended(Ending::Hung)),
            }
        }
        self.show(stop);
        Ok(Next::Stop)
    }

    fn begin_second(&mut self) -> std::result::Result<(), Error> {
        Err(Error::unsupported("start a second copy", super::ONE_PROCESS))
    }

    fn turn(&mut self) {}

    fn act(&mut self, act: &Move, path: &[u8]) -> Result<()> {
        self.hands.act(&mut self.model, act, path)
    }

    fn release(&mut self, _: &Stop) -> Outcome {
        if self.killed {
            return self.refuse();
        }
        loop {
            let Some(pending) = &mut self.pending else { return Outcome::Unknown };
            match self.model.step(pending) {
                Some(Ok(Reply::Names(names))) if self.listed.is_none() => {
                    // Who lists a directory asks again, to hear that there is no more.
                    pending.restart();
                    self.listed = Some(names);
                    return Outcome::Value(0);
                }
                Some(answer) => return self.answer(answer),
                None if self.stops == Stops::Names => return Outcome::Unknown,
                None => {}
            }
        }
    }

    fn release_with(&mut self, stop: &Stop, fault: Fault) -> Option<Outcome> {
        if let Fault::Signal(libc::SIGKILL, _) = fault {
            self.killed = true;
            return Some(self.refuse());
        }
        let pending = self.pending.as_ref()?;
        match (fault, pending.call()) {
            (Fault::Short, Call::Write { file, bytes }) if stop.sys.can_be_cut(stop.length) => {
                let half = Call::Write { file: *file, bytes: bytes[..bytes.len() / 2].to_vec() };
                let answer = self.model.perform(self.victim, &half);
                Some(self.answer(answer))
            }
            (_, call) => {
                let errno = Errno::from_raw_os_error(fault.errno()?);
                if let Call::Close { file } = *call {
                    // It is closed whatever close(2) returns.
                    let _ = self.model.perform(self.victim, &Call::Close { file });
                }
                Some(self.answer(Err(errno)))
            }
        }
    }

    fn unwinds(&self) -> bool {
        self.killed
    }

    fn look(&mut self, tree: &mut Tree) {
        show::tree(&self.model, tree);
    }

    fn look_at(&mut self, path: &[u8], tree: &mut Tree) {
        show::tree(&self.model, &mut self.shown);
        tree.set(path, self.shown.get(path).copied());
    }

    fn shows_reads(&self) -> bool {
        true
    }

    fn read(&self, path: &[u8]) -> Sight {
        show::sight(&self.model, path)
    }

    fn look_at_stage(&self, tree: &mut Tree) {
        self.stage.look(tree);
    }

    fn still_open(&mut self, each: &mut dyn FnMut(u32)) -> bool {
        for (at, fd) in self.opened.iter().enumerate() {
            // A number that was given again is the last one's.
            let last = self.opened.iter().rposition(|other| other == fd) == Some(at);
            if last && self.model.behind(self.victim, *fd).is_some() {
                each(at as u32 + 3);
            }
        }
        true
    }

    fn give_up(&mut self) -> std::result::Result<(), Error> {
        // Its next call ends it; one that makes none is left to itself.
        (self.pending, self.listed) = (None, None);
        self.runner = Runner::start(&self.protocol);
        Ok(())
    }

    fn reset(&mut self, _: &Tree) -> std::result::Result<Reset, Error> {
        self.model = self.stage.model.clone();
        Ok(Reset::Undone)
    }

    fn spoiled(&self) -> Option<&'static str> {
        None
    }

    fn not_examined(&self) -> Vec<String> {
        Vec::new()
    }
}
