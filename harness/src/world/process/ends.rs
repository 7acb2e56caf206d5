//! The keeper of a program, asked and listened to: how a trial ends, and how what still runs is ended.

use super::chance::Chance;
use super::second::Pair;
use super::{ProcessWorld, bounds, contain, identity, senders};
use crate::ending::Ending;
use crate::error::Error;
use crate::sys::bpf::Fate;
use crate::sys::cell::{Cell, Plan, Told};
use crate::world::Next;
use crate::world::calls::{self, NAMESPACES, PIDS, REFUSED, Watch};
use crate::world::proc::Proc;

impl ProcessWorld {
    /// How the trial ended, judged by the first process. Nothing runs any more.
    pub(super) fn finished(&mut self, status: i32) -> Next {
        self.output.drain_all();
        self.bounds.has_disk(self.arena.root());
        self.bounds.note_disk(self.writable.is_full());
        Next::Ended(match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
            (true, _) => Ending::Signal(libc::WTERMSIG(status)),
            (false, 0) => Ending::Success,
            (false, code) => Ending::Error(format!("exit_{code}")),
        })
    }

    /// Takes what the keeper tells; the end, if that is it.
    pub(super) fn listen(&mut self) -> Result<Option<Next>, Error> {
        let told = self.hear("wait for the program")?;
        match told {
            Told::Ended(status) | Told::EndedAll(status) => self.note_end(false, status),
            Told::SecondEnded(status) => self.note_end(true, status),
            _ => {}
        }
        match (told, self.ended) {
            (Told::Ended(_) | Told::SecondEnded(_), _) => Ok(None),
            (Told::Empty | Told::EndedAll(_), Some(status)) => {
                self.pair.empty = true;
                self.forget();
                Ok(Some(self.finished(status)))
            }
            (other, _) => Err(unexpected("wait for the program", &other)),
        }
    }

    pub(super) fn hear(&self, doing: &str) -> Result<Told, Error> {
        self.cell.hear().map_err(|e| Error::ours(doing, e))
    }

    /// What came of the last thing asked. What the keeper told before it heard that is of no interest any more.
    pub(super) fn hear_back(&self, doing: &str) -> Result<Told, Error> {
        loop {
            match self.hear(doing)? {
                Told::Ended(_) | Told::SecondEnded(_) | Told::Empty | Told::EndedAll(_) => {}
                told => return Ok(told),
            }
        }
    }

    /// Ends all that still runs, but a template.
    pub(super) fn clear(&mut self) -> Result<(), Error> {
        const DOING: &str = "end the program";
        // Closing the listener first would make every call of a daemon fail with ENOSYS, in a storm.
        self.cell.clear().map_err(|e| Error::ours(DOING, e))?;
        let told = self.hear_back(DOING)?;
        self.pair = Pair::default();
        match told {
            Told::Done => self.forget(),
            Told::Crowded => {
                self.drop_template()?;
                return self.clear();
            }
            _ => {
                // The keeper itself is gone, and so are all others.
                self.template = None;
                (self.cell, self.inside) = start_cell(&self.plans, &self.chance, self.watch)?;
                self.drop_template()?;
            }
        }
        Ok(())
    }

    /// The calls of a template's copies arrive at the listener of the template.
    pub(super) fn forget(&mut self) {
        if self.template.is_none() {
            self.listener = None;
        }
    }
}

/// Starts a keeper, and opens the `/proc` that it has mounted.
pub(super) fn start_cell(plans: &[Plan], chance: &Chance, watch: Watch) -> Result<(Cell, Proc), Error> {
    let watched: Vec<u32> = calls::watched(watch).chain(PIDS).collect();
    let tasks = bounds::watched();
    let refused: Vec<u32> = REFUSED.into_iter().chain(NAMESPACES).collect();
    let further = chance.watched();
    let mut fates: Vec<(Fate, &[u32])> = vec![(Fate::Refused, &refused), (Fate::Watched, &watched)];
    let others = [senders::watched(), identity::watched()];
    fates.extend(
        tasks.iter().chain(&others).chain(&further).map(|(fate, numbers)| (*fate, numbers.as_slice())),
    );
    let cell = Cell::start(plans, &fates).map_err(|e| contain::refusal("clone(CLONE_NEWPID)", e))?;
    match cell.hear().map_err(|e| Error::ours("start the keeper", e))? {
        Told::Done => {}
        Told::Failed(errno) => {
            return Err(contain::refusal("mount(\"/proc\")", std::io::Error::from_raw_os_error(errno)));
        }
        other => return Err(unexpected("start the keeper", &other)),
    }
    Ok((cell, Proc::open().map_err(|e| Error::ours("open(\"/proc\")", e))?))
}

pub(super) fn unexpected(doing: &str, told: &Told) -> Error {
    Error::ours(doing, format!("unexpected answer {told:?}"))
}
