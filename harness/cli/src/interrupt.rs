//! SIGINT and SIGTERM: the first lets the trials under way finish and the report be made, the second ends us at once.
//!
//! After the first nothing is killed, so that every arena is removed.

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the user asked for while we worked.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes over both signals for the rest of the process.
    pub(crate) fn watch() -> anyhow::Result<Interrupt> {
        let interrupt = Interrupt::default();
        let theirs = interrupt.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM]).context("sigaction")?;
        let listen = move || {
            for signal in &mut signals {
                if theirs.came() {
                    // Fails only for signals that cannot be sent.
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
                // Said first: once the flag is up the process may end at any moment.
                crate::output::complain(
                    "interrupted; finishing the trials under way, once more to end at once",
                );
                theirs.0.store(true, Ordering::Relaxed);
            }
        };
        std::thread::Builder::new().name("signals".into()).spawn(listen).context("start a thread")?;
        Ok(interrupt)
    }

    /// True when no more victims may be started.
    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Becomes true when no more trials may be started.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
