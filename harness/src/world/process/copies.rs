//! Trials that begin as copies of a template: when one is made, how a trial starts from it, when it goes.

use super::ProcessWorld;
use super::template::Candidate;
use crate::error::Error;
use crate::sys::notify::Notification;
use crate::world::Start;

impl ProcessWorld {
    pub(super) fn wants_template(&self) -> bool {
        // What the program wrote up to there would have to be part of the template.
        let writes_there = !self.writable.is_empty();
        self.start == Start::AtFirstCall && self.template.is_none() && !self.no_template && !writes_there
    }

    /// Makes the program, which is held, the template and goes on with a copy. False when the call is held still.
    pub(super) fn make_template(&mut self, seen: &Notification) -> Result<bool, Error> {
        self.no_template = true;
        let Some(candidate) = Candidate::find(seen.tid, self.decoder.proc(), &self.inside, &self.output)
        else {
            return Ok(false);
        };
        let printed = self.output.so_far();
        let listener = self.listener()?;
        // One that a signal reaches meanwhile makes its call, which arrives again.
        let answer = |value| listener.answer(seen.id, value);
        if let Ok(template) = candidate.settle(&self.tasks, self.descriptors, &self.chance, printed, answer) {
            self.spare(template.pid())?;
            self.template = Some(template);
            self.start_copy()?;
        }
        Ok(true)
    }

    pub(super) fn spare(&self, pid: u32) -> Result<(), Error> {
        self.cell.spare(pid).map_err(|e| Error::ours("keep the program", e))?;
        self.hear_back("keep the program").map(drop)
    }

    pub(super) fn start_copy(&mut self) -> Result<(), Error> {
        let Some(template) = &mut self.template else { return Ok(()) };
        self.output.go_on_from(template.printed());
        let announce = |pid| {
            self.cell.follow(pid)?;
            self.cell.hear().map(drop)
        };
        template.copy(announce).map_err(|e| Error::ours("copy the program", e))?;
        template.count_on(&mut self.tasks, &mut self.descriptors);
        self.chance.clone_from(template.chance());
        Ok(())
    }

    pub(super) fn drop_template(&mut self) -> Result<(), Error> {
        if self.template.take().is_some() {
            self.spare(0)?;
        }
        (self.no_template, self.listener) = (false, None);
        Ok(())
    }
}
