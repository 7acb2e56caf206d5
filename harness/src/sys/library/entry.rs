//! What is compiled around the body of a victim into a shared library: the other side of `sys/library.rs`. It is no module of
//! linkbait but the root of a package of the victim's own, whose other file, `victim.rs`, has the body.

mod victim;

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

#[repr(C)]
pub struct Text {
    length: usize,
    bytes: [u8; 4096],
}

#[repr(C)]
pub struct Call {
    shared: Text,
    outside: Text,
    private: Text,
    told: Text,
    panics: extern "C" fn(),
}

const SUCCESS: u32 = 0;
const ERROR: u32 = 1;
const PANIC: u32 = 2;
const PANIC_IN_DROP: u32 = 3;

impl Text {
    fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.bytes[..self.length]))
    }

    fn tell(&mut self, text: &str) {
        self.length = text.len().min(self.bytes.len());
        self.bytes[..self.length].copy_from_slice(&text.as_bytes()[..self.length]);
    }
}

thread_local! {
    static IS_VICTIM: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<(u32, String)>> = const { RefCell::new(None) };
}

/// Runs the body once. Panics end here, since they cannot cross into linkbait, which may be of another compiler.
#[unsafe(no_mangle)]
pub extern "C" fn linkbait_victim_1(call: &mut Call) -> u32 {
    keep_panics(call.panics);
    IS_VICTIM.set(true);
    let (shared, outside, private) = (call.shared.path(), call.outside.path(), call.private.path());
    let result = catch_unwind(|| victim::body(shared, outside, private));
    IS_VICTIM.set(false);
    let (code, text) = match result {
        Ok(Ok(())) => (SUCCESS, String::new()),
        Ok(Err(error)) => (ERROR, format!("{error:?}")),
        // `resume_unwind` panics without calling the hook.
        Err(_) => KEPT.take().unwrap_or_else(|| (PANIC, "panic".to_owned())),
    };
    call.told.tell(&text);
    code
}

/// Panics of the victim's thread are kept off the terminal, and linkbait is told of each.
fn keep_panics(tell: extern "C" fn()) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if IS_VICTIM.get() {
                keep(info);
            } else {
                before(info);
            }
            tell();
        }));
    });
}

fn keep(info: &PanicHookInfo<'_>) {
    let text = info.payload().downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| info.payload().downcast_ref::<String>().cloned());
    let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
    let trace = Backtrace::force_capture().to_string();
    let ours = trace.find("linkbait_victim_1").unwrap_or(trace.len());
    let in_drop = DESTRUCTORS.iter().any(|name| trace[..ours].contains(name));
    let code = if in_drop { PANIC_IN_DROP } else { PANIC };
    KEPT.set(Some((code, text.unwrap_or_else(|| "panic".to_owned()) + &place)));
}

/// As in `world/thread/body.rs`.
const DESTRUCTORS: [&str; 3] = ["core::ops::drop::Drop", "drop_in_place", "drop_glue"];
