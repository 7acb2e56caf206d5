//! Lends a piece of work to another thread and waits for it: how the attacker acts with credentials of its own.
//!
//! Nothing here allocates once the thread runs, because the victim may be held inside malloc meanwhile.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

type Work = *mut (dyn FnMut() + Send);

enum Slot {
    Empty,
    Ready(Job),
    Done,
    Quit,
}

struct Job(Work);

// SAFETY: the pointer is used by one thread at a time: the lender waits while the worker has it.
unsafe impl Send for Job {}

struct Desk {
    slot: Mutex<Slot>,
    changed: Condvar,
}

/// A thread that waits for work.
pub(crate) struct Worker(Arc<Desk>);

impl Worker {
    /// Starts the thread; `prepare` runs on it first and its error is returned here.
    pub(crate) fn start(prepare: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<Worker> {
        let desk = Arc::new(Desk { slot: Mutex::new(Slot::Empty), changed: Condvar::new() });
        let theirs = Arc::clone(&desk);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("attacker".into()).spawn(move || {
            let ready = prepare();
            let go = ready.is_ok();
            if tell.send(ready).is_ok() && go {
                serve(&theirs);
            }
        })?;
        told.recv().map_err(io::Error::other)??;
        Ok(Worker(desk))
    }

    /// Runs `work` on the thread and returns when it is done.
    pub(crate) fn run(&self, work: &mut (dyn FnMut() + Send)) {
        // SAFETY: only the lifetime is erased, and this function does not return before the worker is done with it.
        let work: Work = unsafe { std::mem::transmute::<&mut (dyn FnMut() + Send), Work>(work) };
        let mut slot = self.0.slot.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Slot::Ready(Job(work));
        self.0.changed.notify_all();
        while !matches!(*slot, Slot::Done) {
            slot = self.0.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
        *slot = Slot::Empty;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        *self.0.slot.lock().unwrap_or_else(PoisonError::into_inner) = Slot::Quit;
        self.0.changed.notify_all();
    }
}

fn serve(desk: &Desk) {
    let mut slot = desk.slot.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match &*slot {
            Slot::Quit => return,
            Slot::Ready(Job(work)) => {
                let work = *work;
                // SAFETY: the lender keeps the closure alive and untouched until it sees `Done`.
                unsafe { (*work)() };
                *slot = Slot::Done;
                desk.changed.notify_all();
            }
            Slot::Empty | Slot::Done => {
                slot = desk.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
