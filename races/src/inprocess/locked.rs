//! The registry behind a lock, which the handler takes as well. Possible only if no thread can be interrupted while it
//! holds the lock; a child of a process with several threads must not use it at all, since the lock may have been copied
//! while another thread held it.

use super::{Name, System};
use linkbait::sync::{Mutex, MutexGuard, PoisonError};

/// The names registered.
#[derive(Default)]
pub struct LockedRegistry(Mutex<Vec<Name>>);

impl LockedRegistry {
    fn names(&self) -> MutexGuard<'_, Vec<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a file and registers it, with signals masked from before the lock until after it.
    pub fn create(&self, system: &impl System, name: Name) -> bool {
        system.masked(|| self.create_unmasked(system, name))
    }

    /// The broken twin: a signal after the creation runs the handler on the thread that holds the lock, and it waits
    /// for itself.
    pub fn create_unmasked(&self, system: &impl System, name: Name) -> bool {
        let mut names = self.names();
        let made = system.create(name);
        names.extend(made.then_some(name));
        made
    }

    /// The handler: removes all files.
    pub fn end(&self, system: &impl System) {
        self.names().drain(..).for_each(|name| system.remove(name));
    }
}
