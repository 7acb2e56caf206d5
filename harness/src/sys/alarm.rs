//! A time limit for calls that have none: a thread that watches and interrupts the call by a signal.
//!
//! For a wait that nearly always ends at once, this costs less than asking poll(2) first: two atomic operations.

use super::thread::{let_through, own_tid};
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
        let_through(INTERRUPTS)?;
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
        while self.state.compare_exchange(RANG, AWAKE, Ordering::AcqRel, Ordering::Acquire).is_err() {
            yield_now();
        }
        // Whatever the kernel has for this thread arrives at the end of a call.
        yield_now();
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
        // A signal that came before the wait began has interrupted nothing, so it rings until it is heard.
        let late = now == RANG || (now >= FIRST && times >= LOOKS);
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

/// The signal that interrupts. The kernel sends it never, and it is none of the real-time signals, which are refused once as
/// many as RLIMIT_SIGPENDING wait (setrlimit(2)), be it for a victim that blocks them.
const INTERRUPTS: libc::c_int = libc::SIGSTKFLT;

extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Ends a call in which a thread of this process waits, with EINTR, and does nothing else. What the victim has made of
/// the signal meanwhile does not count.
fn interrupt(tid: u32) {
    // SAFETY: an all-zero `sigaction` is valid: no flags, so without SA_RESTART, and no further signals are blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = do_nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: `action` is live and its handler does nothing.
    if unsafe { libc::sigaction(INTERRUPTS, &raw const action, std::ptr::null_mut()) } != 0 {
        return;
    }
    let pid = std::process::id() as libc::pid_t;
    // SAFETY: sends a signal to one thread of this process, which has a handler for it.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid as libc::pid_t, INTERRUPTS) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write, pipe};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

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
    fn it_rings_until_the_call_is_over_as_a_signal_before_the_wait_interrupts_nothing() {
        let (mut reader, _writer) = pipe().expect("a pipe");
        let mut alarm = Alarm::new(Duration::from_millis(20)).expect("a thread");
        let mut byte = [0];
        let (reads, rang) = alarm.limit(|| [reader.read(&mut byte), reader.read(&mut byte)]);
        assert!(rang);
        for read in reads {
            assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::Interrupted));
        }
    }

    #[test]
    fn a_victim_that_ignores_all_signals_does_not_silence_it() {
        let (mut reader, _writer) = pipe().expect("a pipe");
        let mut alarm = Alarm::new(Duration::from_millis(20)).expect("a thread");
        // SAFETY: what an alarm needs it sets before it rings.
        unsafe { libc::signal(INTERRUPTS, libc::SIG_IGN) };
        let (read, rang) = alarm.limit(|| reader.read(&mut [0]));
        assert!(rang);
        assert_eq!(read.map_err(|e| e.kind()), Err(io::ErrorKind::Interrupted));
    }

    #[test]
    fn it_rings_where_no_more_signals_can_wait() {
        let test = "sys::alarm::tests::a_read_that_nothing_ends_is_interrupted_and_one_that_ends_is_not";
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", test]);
        let none = || {
            let limit = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            Ok(rustix::process::setrlimit(rustix::process::Resource::Sigpending, limit)?)
        };
        // SAFETY: makes one system call.
        unsafe { command.pre_exec(none) };
        let out = command.output().expect("this program starts");
        assert!(String::from_utf8_lossy(&out.stdout).contains("1 passed"), "{out:?}");
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
