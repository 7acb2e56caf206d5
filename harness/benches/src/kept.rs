//! Sessions kept ready on threads of their own, so that several can be timed in turns, or at once.

use anyhow::{Context, anyhow};
use linkbait::{Class, Error, Judge, Schedule, Session, Victim};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::turns::micros;

/// A session that does its work whenever it is asked to.
pub(crate) struct Kept {
    /// The stops of a run in which no one interferes.
    pub(crate) stops: usize,
    /// The schedules of one move.
    pub(crate) schedules: usize,
    ask: Sender<u32>,
    told: Receiver<anyhow::Result<f64>>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

/// What a session does when it is asked to.
#[derive(Clone, Copy)]
pub(crate) enum Runs {
    /// A trial in which no one interferes.
    Alone,
    /// Every schedule of one move.
    Planted,
}

impl Kept {
    /// Begins a session against another user. Engines of one host get cores in turn; those that are compared need a host
    /// each, so that whoever uses one of the cores beside us disturbs both alike.
    pub(crate) fn start(judge: &Judge, victim: &Victim, runs: Runs) -> anyhow::Result<Kept> {
        Kept::start_against(judge, victim, Class::OtherUser, runs)
    }

    pub(crate) fn start_against(
        judge: &Judge,
        victim: &Victim,
        class: Class,
        runs: Runs,
    ) -> anyhow::Result<Kept> {
        let (ask, asked) = channel::<u32>();
        let (tell, told) = channel();
        let (say, ready) = channel();
        let (judge, victim) = (judge.clone(), victim.clone());
        let serve = move |session: &mut Session<'_>| {
            let schedules = match runs {
                Runs::Alone => vec![Schedule::default()],
                Runs::Planted => session.schedules(),
            };
            // Who does not listen any more wants nothing more.
            let _ = say.send((session.stops().len(), session.schedules().len()));
            for times in asked {
                let _ = tell.send(run(session, &schedules, times).map_err(Into::into));
            }
            Ok(())
        };
        let work = move || judge.session(&victim, class, 0o022, serve).map_err(Into::into);
        let thread =
            std::thread::Builder::new().name("session".into()).spawn(work).context("start a thread")?;
        match ready.recv() {
            Ok((stops, schedules)) => Ok(Kept { stops, schedules, ask, told, thread: Some(thread) }),
            Err(_) => Err(why(Some(thread))),
        }
    }

    /// Lets it begin to do its work this often.
    pub(crate) fn begin(&self, times: u32) {
        // What keeps it from being heard is told at the end.
        let _ = self.ask.send(times);
    }

    /// Waits until it is done; the microseconds that one trial took.
    pub(crate) fn end(&mut self) -> anyhow::Result<f64> {
        self.told.recv().unwrap_or_else(|_| Err(why(self.thread.take())))
    }

    /// Lets it do its work this often.
    pub(crate) fn run(&mut self, times: u32) -> anyhow::Result<f64> {
        self.begin(times);
        self.end()
    }
}

fn run(session: &mut Session<'_>, schedules: &[Schedule], times: u32) -> Result<f64, Error> {
    let start = Instant::now();
    for _ in 0..times {
        for schedule in schedules {
            session.run(schedule)?;
        }
    }
    Ok(micros(start) / (f64::from(times) * schedules.len() as f64))
}

/// Why a session ended that was to go on.
fn why(thread: Option<JoinHandle<anyhow::Result<()>>>) -> anyhow::Error {
    let ended = thread.map(JoinHandle::join);
    match ended {
        Some(Ok(Err(error))) => error,
        _ => anyhow!("a session ended that was to go on; please report it"),
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The session ends when nobody can ask it any more, and its arena goes with it.
        self.ask = channel().0;
        // It has been heard or has nothing to tell.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
