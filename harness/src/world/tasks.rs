//! Numbers the tasks of a trial in the order of their first stops.

/// The tasks seen so far. Allocates nothing once it is made.
#[derive(Clone)]
pub(super) struct Tasks(Vec<u32>);

impl Tasks {
    /// Room for this many; those beyond share the last number.
    pub(super) fn with_room(most: u16) -> Tasks {
        Tasks(Vec::with_capacity(most.into()))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes over the numbers of `others`, but with the tid of one task replaced.
    pub(super) fn continue_from(&mut self, others: &Tasks, was: u32, is: u32) {
        self.clear();
        self.0.extend(others.0.iter().map(|&tid| if tid == was { is } else { tid }));
    }

    pub(super) fn knows(&self, tid: u32) -> bool {
        self.0.contains(&tid)
    }

    pub(super) fn number(&mut self, tid: u32) -> u16 {
        let known = self.0.iter().position(|&known| known == tid);
        let at = known.unwrap_or_else(|| {
            if self.0.len() < self.0.capacity() {
                self.0.push(tid);
            }
            self.0.len() - 1
        });
        at as u16
    }
}
