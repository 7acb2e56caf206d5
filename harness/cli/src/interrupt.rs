//! SIGINT and SIGTERM: the first lets the victims under way finish, the second only their trials, the third ends us.
//!
//! Up to the second nothing is killed, so that every arena is removed.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the user asked for while we worked.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    /// Start no more victims.
    wind_down: Arc<AtomicBool>,
    /// Start no more trials.
    stop: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes over both signals for the rest of the process.
    pub(crate) fn watch() -> anyhow::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let theirs = interrupt.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("sigaction")?;
        let listen = move || {
            for signal in &mut signals {
                if !theirs.came() {
                    // Said first: once the flag is up the process may end at any moment.
                    crate::output::complain(
                        "interrupted; finishing the victims under way, once more to stop",
                    );
                    theirs.wind_down.store(true, Ordering::Relaxed);
                } else if theirs.stop.swap(true, Ordering::Relaxed) {
                    // Fails only for signals that cannot be sent.
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(listen).context("start a thread")?;
        Ok(interrupt)
    }

    /// True when no more victims may be started.
    pub(crate) fn came(&self) -> bool {
        self.wind_down.load(Ordering::Relaxed)
    }

    /// True when trials were left out because of it.
    pub(crate) fn cut_short(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Becomes true when no more trials may be started.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}
