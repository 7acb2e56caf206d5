//! Where the trials to come begin, and with whose luck: changed for as long as something needs it, then as before.

use super::engine::Engine;
use crate::error::Error;
use crate::world::Start;

impl Engine<'_> {
    /// Does something whose trials all start the victim anew.
    pub(super) fn anew<T>(&mut self, does: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let before = std::mem::replace(&mut self.start, Start::Anew);
        self.world.start_from(self.start)?;
        let done = does(self);
        self.start = before;
        self.world.start_from(self.start)?;
        done
    }

    /// Does something whose trials all start the victim anew with the machine's own luck, whatever of it is fixed otherwise.
    pub(super) fn at_the_mercy_of_the_machine<T>(
        &mut self,
        does: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.anew(|engine| {
            engine.world.leave_to_the_machine(true);
            let done = does(engine);
            engine.world.leave_to_the_machine(false);
            done
        })
    }
}
