//! Starts the victim's thread: under the filter, on the supervisor's core, waiting at the marker between trials.

use super::body;
use crate::arena::Dirs;
use crate::ending::Ending;
use crate::error::Error;
use crate::sys::notify::{self, Listener, Ready};
use crate::sys::perform::{MARKER, stop_at_marker};
use crate::sys::thread as own_thread;
use crate::victim::Body;
use crate::world::calls::{self, EXIT_GROUP, MAKE_TASKS, NAMESPACES, REFUSED, Watch};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

/// Trials after which a victim's thread joins what it has freed.
const TRIALS_PER_JOIN: u64 = 256;

/// The victim's thread, from our side.
pub(super) struct Victim {
    pub(super) listener: Listener,
    pub(super) tid: u32,
    pub(super) stack: Option<Range<u64>>,
    pub(super) ending: Arc<Mutex<Option<Ending>>>,
    /// The marker at which the thread waits between trials.
    pub(super) idle: Option<u64>,
    thread: JoinHandle<()>,
}

impl Victim {
    /// Ends its thread where it is held or waits; `let_go` answers the call that it is held at.
    pub(super) fn end(self, let_go: impl FnOnce(&Listener)) {
        own_thread::end(self.tid);
        let_go(&self.listener);
        own_thread::reclaim(self.thread, self.tid);
    }
}

/// Starts a thread that waits at the marker, runs the body, and waits again.
pub(super) fn start_victim(body: &Arc<Body>, dirs: Dirs, core: usize, watch: Watch) -> Result<Victim, Error> {
    body::quiet_panics();
    let watched: Vec<u32> =
        [MARKER, EXIT_GROUP].into_iter().chain(MAKE_TASKS).chain(calls::watched(watch)).collect();
    let refused: Vec<u32> = REFUSED.iter().chain(&NAMESPACES).copied().collect();
    let ending = Arc::new(Mutex::new(None));
    let (theirs, body) = (Arc::clone(&ending), Arc::clone(body));
    let (tell, told) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("victim".into()).spawn(move || {
        own_thread::pin_to(core);
        let (tid, stack) = (own_thread::own_tid(), own_thread::own_stack());
        let installed = own_thread::allow_end().and_then(|()| notify::install(&refused, &watched));
        let go = installed.is_ok();
        if tell.send(installed.map(|listener| (listener, tid, stack))).is_err() || !go {
            return;
        }
        for trial in 1_u64.. {
            if stop_at_marker() != Some(0) {
                return;
            }
            let how = body::run(|| body(&dirs));
            *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
            if trial.is_multiple_of(TRIALS_PER_JOIN) {
                join_free_pieces();
            }
        }
    });
    let thread = spawned.map_err(|e| Error::ours("start the victim's thread", e))?;
    let (listener, tid, stack) =
        told.recv().map_err(|e| Error::ours("start the victim's thread", e))?.map_err(refusal)?;
    let mut victim = Victim { listener, tid, stack, ending, idle: None, thread };
    let lost = |e: std::io::Error| Error::ours("wait for the victim's thread", e);
    if victim.listener.wait(None).map_err(lost)? == Ready::Stopped {
        victim.idle = victim.listener.receive().map_err(lost)?.map(|seen| seen.id);
    }
    Ok(victim)
}

/// Makes glibc join the small pieces that this thread has freed, as it does before it gives out a large one (malloc_consolidate).
/// Else a victim that frees in other sizes than it asks for takes fresh memory in each trial, where its heap was used before.
fn join_free_pieces() {
    const LARGE: usize = 4096;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}

fn refusal(e: std::io::Error) -> Error {
    let advice = match e.raw_os_error() {
        Some(libc::EBUSY) => {
            "another supervisor (a debugger sandbox, a second linkbait) already listens; run outside of it"
        }
        _ => {
            "needs seccomp user notification (Linux 5.5, CONFIG_SECCOMP_FILTER); in a container allow the seccomp call"
        }
    };
    Error::unsupported("seccomp(SET_MODE_FILTER, NEW_LISTENER)", format!("{e}; {advice}"))
}
