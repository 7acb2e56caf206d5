//! A time limit for calls that have none: a thread that watches and interrupts the call by a signal.
//!
//! For a wait that nearly always ends at once, this costs less than asking poll(2) first: two atomic operations.

use super::thread::own_tid;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, park_timeout, yield_now};
use std::time::Duration;

/// How often the watching thread looks within one limit.
const LOOKS: u32 = 4;

/// What the two threads tell each other. A call under the limit is any other number, a new one for each.
const AWAKE: u64 = 0;
const RINGS: u64 = 1;
const RANG: u64 = 2;
const OVER: u64 = 3;
const FIRST: u64 = 4;

/// Belongs to the thread that made it.
pub(crate) struct Alarm {
    state: Arc<AtomicU64>,
    round: u64,
    watch: Option<JoinHandle<()>>,
}

impl Alarm {
    /// An alarm that rings when a call has taken `limit`, at most a quarter longer.
    pub(crate) fn new(limit: Duration) -> io::Result<Alarm> {
        let state = Arc::new(AtomicU64::new(AWAKE));
        let (theirs, tid) = (Arc::clone(&state), own_tid());
        allow_interruption()?;
        let watch = Builder::new().name("alarm".into()).spawn(move || watch(&theirs, limit / LOOKS, tid))?;
        Ok(Alarm { state, round: FIRST, watch: Some(watch) })
    }

    /// Makes a call that a signal interrupts; the second value is true when the limit was over. No signal arrives
    /// after this has returned.
    pub(crate) fn limit<T>(&mut self, call: impl FnOnce() -> T) -> (T, bool) {
        self.round += 1;
        self.state.store(self.round, Ordering::Release);
        let result = call();
        let in_time = self.state.compare_exchange(self.round, AWAKE, Ordering::AcqRel, Ordering::Acquire);
        if in_time.is_ok() {
            return (result, false);
        }
        while self.state.load(Ordering::Acquire) == RINGS {
            yield_now();
        }
        // Whatever the kernel has for this thread arrives at the end of a call.
        yield_now();
        self.state.store(AWAKE, Ordering::Release);
        (result, true)
    }
}

fn watch(state: &AtomicU64, pause: Duration, tid: u32) {
    let (mut last, mut times) = (AWAKE, 0);
    loop {
        park_timeout(pause);
        let now = state.load(Ordering::Acquire);
        if now == OVER {
            return;
        }
        (last, times) = if now == last { (last, times + 1) } else { (now, 0) };
        let late = now >= FIRST && times >= LOOKS;
        if late && state.compare_exchange(now, RINGS, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            interrupt(tid);
            state.store(RANG, Ordering::Release);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.state.store(OVER, Ordering::Release);
        if let Some(watch) = self.watch.take() {
            watch.thread().unpark();
            // It cannot panic, and has nothing to tell.
            let _ = watch.join();
        }
    }
}

/// The signal that interrupts; only we send it.
fn interrupting_signal() -> i32 {
    libc::SIGRTMIN() + 6
}

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Makes the signal end the calls of this thread that wait, with EINTR, and do nothing else.
fn allow_interruption() -> io::Result<()> {
    // SAFETY: an all-zero `sigaction` is valid: no flags, so without SA_RESTART, and no further signals are blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = do_nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: `action` is live and its handler does nothing.
    succeeded(unsafe { libc::sigaction(interrupting_signal(), &raw const action, std::ptr::null_mut()) })?;
    // SAFETY: an all-zero set is a valid buffer for the next call.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is live.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: `set` is live and empty.
    unsafe { libc::sigaddset(&raw mut set, interrupting_signal()) };
    // SAFETY: `set` is live; only the calling thread's mask changes.
    succeeded(unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) })
}

/// Interrupts a thread of this process that has allowed it.
fn interrupt(tid: u32) {
    let pid = std::process::id() as libc::pid_t;
    // SAFETY: sends a signal to one thread of this process, which has a handler for it.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid as libc::pid_t, interrupting_signal()) };
}

fn succeeded(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write, pipe};

    #[test]
    fn a_read_that_nothing_ends_is_interrupted_and_one_that_ends_is_not() {
        let (mut reader, mut writer) = pipe().expect("a pipe");
        let mut alarm = Alarm::new(Duration::from_millis(20)).expect("a thread");
        let mut byte = [0];
        for _ in 0..3 {
            let (read, rang) = alarm.limit(|| reader.read(&mut byte));
            assert!(rang);
            assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::Interrupted));
            writer.write_all(b"x").expect("the pipe has room");
            let (read, _) = alarm.limit(|| reader.read(&mut byte));
            assert_eq!(read.expect("there is a byte"), 1);
        }
    }

    #[test]
    fn calls_that_end_in_time_never_meet_a_signal_however_long_all_of_them_take() {
        let mut alarm = Alarm::new(Duration::from_millis(1)).expect("a thread");
        let (mut reader, mut writer) = pipe().expect("a pipe");
        let mut byte = [0];
        for _ in 0..100_000 {
            writer.write_all(b"x").expect("nothing interrupts a call without a limit");
            let (read, _) = alarm.limit(|| reader.read(&mut byte));
            assert_eq!(read.expect("there is a byte"), 1);
        }
    }
}
