//! The setup: shell text that runs before the attacker may act, whose calls nobody sees.

use super::ends::unexpected;
use super::{ProcessWorld, SETUP};
use crate::error::Error;
use crate::sys::cell::Told;
use crate::world::pulse::Crowd;

/// How much of what a setup printed is told when it fails.
const MOST_SHOWN: usize = 400;

const DOING: &str = "run the setup";

impl ProcessWorld {
    /// Runs the setup, unwatched, and takes what it made for part of the stage.
    pub(super) fn set_up(&mut self) -> Result<(), Error> {
        if self.plans.len() < 2 {
            return Ok(());
        }
        // The last trial may not have been asked yet what it printed.
        let printed = self.output.so_far();
        self.writable.begin_stage()?;
        self.start_trial();
        self.cell.begin(SETUP, 0o022, false).map_err(|e| Error::ours(DOING, e))?;
        match self.run_unwatched()? {
            Some(0) => {}
            status => return Err(self.failed(status)),
        }
        self.clear()?;
        self.output.go_on_from(&printed);
        self.writable.end_stage()?;
        self.arena.adopt()
    }

    /// Waits for its end; `None` when there is none.
    fn run_unwatched(&mut self) -> Result<Option<i32>, Error> {
        let mut crowd = Crowd::default();
        loop {
            let ready = self.poll(None)?;
            if ready.told {
                let told = self.hear(DOING)?;
                self.output.drain();
                let (Told::Ended(status) | Told::EndedAll(status)) = told else {
                    return Err(unexpected(DOING, &told));
                };
                return Ok(Some(status));
            }
            if ready.tick {
                let (silent, spared) = (self.ticks.take(), self.spared());
                let kept = self.keeps_bounds();
                if !kept || (silent && crowd.shows_no_life(&self.inside, spared, self.silence)) {
                    self.clear()?;
                    return Ok(None);
                }
            }
        }
    }

    fn failed(&self, status: Option<i32>) -> Error {
        let how = status.map_or("did not end".to_owned(), |status| {
            format!("ended with status {}", libc::WEXITSTATUS(status))
        });
        let (printed, _) = self.output.printed();
        let end = printed.len().saturating_sub(MOST_SHOWN);
        let end = String::from_utf8_lossy(&printed[end..]);
        Error::victim(DOING, format!("its setup {how}; it printed: {}", end.trim()))
    }
}
