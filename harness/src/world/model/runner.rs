//! The thread that a victim of the model runs on: it hands over its calls and waits for the answers.

use super::stage::VICTIM_UID;
use crate::ending::Ending;
use crate::model::{Call, Files, Reply};
use crate::victim::Protocol;
use crate::world::thread::body;
use rustix::io::Result;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What the victim comes to.
pub(crate) enum Event {
    /// It waits for the answer to a call.
    Call(Call),
    /// It is done.
    Ended(Ending),
}

/// The victim's thread, from our side. Dropped, it makes the thread end at its next call.
pub(crate) struct Runner {
    begin: Sender<()>,
    events: Receiver<Event>,
    answers: Sender<Result<Reply>>,
}

/// The file system as the victim sees it.
struct Remote {
    events: Sender<Event>,
    answers: Receiver<Result<Reply>>,
}

/// What ends a thread that nobody waits for any more.
struct GivenUp;

impl Files for Remote {
    fn call(&self, call: Call) -> Result<Reply> {
        let answer = self.events.send(Event::Call(call)).ok().and_then(|()| self.answers.recv().ok());
        answer.unwrap_or_else(|| std::panic::resume_unwind(Box::new(GivenUp)))
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn uid(&self) -> u32 {
        VICTIM_UID
    }
}

impl Runner {
    pub(crate) fn start(protocol: &Arc<Protocol>) -> Runner {
        body::quiet_panics();
        let (begin, begun) = channel();
        let (tell, events) = channel();
        let (answers, answered) = channel();
        let protocol = Arc::clone(protocol);
        std::thread::spawn(move || {
            let files = Remote { events: tell.clone(), answers: answered };
            while begun.recv().is_ok() {
                let ending = body::run(|| protocol(&files));
                if tell.send(Event::Ended(ending)).is_err() {
                    return;
                }
            }
        });
        Runner { begin, events, answers }
    }

    /// Lets the victim begin a trial.
    pub(crate) fn begin(&self) {
        // A thread that is gone shows itself by silence.
        let _ = self.begin.send(());
    }

    /// What the victim comes to next; `None` when it came to nothing for so long.
    pub(crate) fn next(&self, silence: Duration) -> Option<Event> {
        self.events.recv_timeout(silence).ok()
    }

    pub(crate) fn answer(&self, answer: Result<Reply>) {
        let _ = self.answers.send(answer);
    }
}
