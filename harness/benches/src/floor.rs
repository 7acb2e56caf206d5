//! The floor under every stop: a futex passed to another thread on the same core and back, which takes two switches
//! between threads, as a stop does.

use rustix::thread::futex::{self, Flags};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

const OURS: u32 = 0;
const THEIRS: u32 = 1;
const OVER: u32 = 2;

pub(crate) struct PingPong {
    ball: Arc<AtomicU32>,
    partner: Option<JoinHandle<()>>,
}

impl PingPong {
    /// Starts the partner, who inherits the core that the calling thread is pinned to.
    pub(crate) fn start() -> PingPong {
        let ball = Arc::new(AtomicU32::new(OURS));
        let theirs = Arc::clone(&ball);
        let partner = std::thread::spawn(move || {
            while wait_while(&theirs, OURS) != OVER {
                pass(&theirs, OURS);
            }
        });
        PingPong { ball, partner: Some(partner) }
    }

    fn play(&self) {
        pass(&self.ball, THEIRS);
        wait_while(&self.ball, THEIRS);
    }

    /// Two switches, as a job that takes turns with others.
    pub(crate) fn job(&self) -> impl FnMut() -> anyhow::Result<()> {
        || {
            self.play();
            Ok(())
        }
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        pass(&self.ball, OVER);
        // A partner that panicked has nothing to tell.
        let _ = self.partner.take().map(JoinHandle::join);
    }
}

fn pass(ball: &AtomicU32, to: u32) {
    ball.store(to, Ordering::Release);
    // Fails for a bad address only.
    let _ = futex::wake(ball, Flags::PRIVATE, 1);
}

fn wait_while(ball: &AtomicU32, whose: u32) -> u32 {
    loop {
        match ball.load(Ordering::Acquire) {
            // Comes back at once when the ball has been passed in between.
            now if now == whose => drop(futex::wait(ball, Flags::PRIVATE, whose, None)),
            now => return now,
        }
    }
}
