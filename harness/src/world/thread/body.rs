//! Runs a victim's body on its thread and says how it ended, panics included.
//!
//! The process's panic hook is wrapped once: victims' panics are kept for the report and not printed, all others go
//! to the hook that was there before.

use crate::ending::Ending;
use crate::sys::perform::tell_of_panic;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_VICTIM: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<Option<Ending>> = const { RefCell::new(None) };
}

/// Keeps panics of victims off the terminal.
pub(crate) fn quiet_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if IS_VICTIM.get() {
                keep(info);
            } else {
                before(info);
            }
            // Not before: whoever makes a call after this may be ended there, and a trace is taken under a lock.
            tell_of_panic();
        }));
    });
}

fn keep(info: &PanicHookInfo<'_>) {
    let text = info.payload().downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| info.payload().downcast_ref::<String>().cloned());
    let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
    let message = text.unwrap_or_else(|| "panic".into()) + &place;
    let in_drop = came_from_drop(&Backtrace::force_capture().to_string());
    PANIC.with_borrow_mut(|kept| *kept = Some(Ending::Panic { message, in_drop }));
}

/// True when a destructor stands between the panic and the victim's body. Without symbols this is never true, nor where the
/// optimizer has inlined it and there is no debug information: such panics count as ordinary ones.
fn came_from_drop(trace: &str) -> bool {
    let ours = trace.find("linkbait::world::thread::body::run").unwrap_or(trace.len());
    DESTRUCTORS.iter().any(|name| trace[..ours].contains(name))
}

/// What compilers call destructors and what calls them, the latter with or without their paths.
const DESTRUCTORS: [&str; 3] = ["core::ops::drop::Drop", "drop_in_place", "drop_glue"];

/// Runs the body once.
pub(crate) fn run(body: impl FnOnce() -> Ending) -> Ending {
    IS_VICTIM.set(true);
    let result = catch_unwind(AssertUnwindSafe(body));
    IS_VICTIM.set(false);
    let kept = PANIC.with_borrow_mut(Option::take);
    // `resume_unwind` panics without calling the hook.
    result.unwrap_or_else(|_| kept.unwrap_or(Ending::Panic { message: "panic".into(), in_drop: false }))
}
