//! Tells a victim that waits for ever from one that is only slow: by its own time on a core, not by the clock on the
//! wall, so that a busy machine makes no findings.

use super::proc::Proc;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a thread was doing when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pulse {
    pub(super) doing: Doing,
    /// Its time on a core so far.
    pub(super) spent: Duration,
    /// How often it was given a core so far.
    turns: u64,
}

/// What a thread was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Waits in a call that a signal ends and that no allocator makes.
    Waits,
    /// Waits in any other call, which may be one of the allocator's.
    Blocked,
    /// Runs, or wants to.
    Runs,
}

/// The looks at a thread since it was last known to do something.
#[derive(Default)]
pub(super) struct Looks {
    first: Option<Pulse>,
    last: Option<Pulse>,
}

impl Looks {
    /// Takes one more look into account; true when the thread has not done anything since the one before, or has run
    /// for all of `silence` since the first.
    pub(super) fn show_no_life(&mut self, now: Pulse, silence: Duration) -> bool {
        let first = *self.first.get_or_insert(now);
        let last = self.last.replace(now);
        match now.doing {
            Doing::Runs => now.spent.saturating_sub(first.spent) >= silence,
            Doing::Waits | Doing::Blocked => last.is_some_and(|last| last.turns == now.turns),
        }
    }
}

/// How many tasks can each run for all of the silence that one has before together they show no life either: hundreds
/// that run in a loop must not take hundreds of times as long.
const MANY: u32 = 8;

/// The looks at all tasks of a pid namespace since it was last known to do something.
#[derive(Default)]
pub(super) struct Crowd(BTreeMap<u32, Looks>);

impl Crowd {
    /// Looks at all of them but a process that is `spared`; true when none shows any life. `proc` is the namespace's
    /// own.
    pub(super) fn shows_no_life(&mut self, proc: &Proc, spared: Option<u32>, silence: Duration) -> bool {
        let mut lifeless = true;
        let mut spent = Duration::ZERO;
        // Every task is looked at, or the next look would have nothing to compare with.
        for tid in proc.tasks(spared) {
            let (now, looks) = (pulse(proc, tid), self.0.entry(tid).or_default());
            lifeless &= looks.show_no_life(now, silence);
            spent += looks.first.map_or(Duration::ZERO, |first| now.spent.saturating_sub(first.spent));
        }
        lifeless || spent >= silence * MANY
    }
}

/// Calls that wait for something else to happen. A futex is none of them: it may be the allocator's own lock.
const WAITS: [libc::c_long; 22] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_pwait,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
];

/// The same, where there are older calls beside those that all architectures have.
#[cfg(target_arch = "x86_64")]
const OLD_WAITS: [libc::c_long; 4] =
    [libc::SYS_poll, libc::SYS_select, libc::SYS_epoll_wait, libc::SYS_pause];
#[cfg(not(target_arch = "x86_64"))]
const OLD_WAITS: [libc::c_long; 0] = [];

/// Looks at a task; one that is gone shows no life.
pub(super) fn pulse(proc: &Proc, tid: u32) -> Pulse {
    let mut buffer = [0; 2048];
    // proc_pid_syscall(5): the number of the call that a thread waits in; "running" for one that does not wait.
    let call = proc.text(format_args!("{tid}/syscall"), &mut buffer).split(' ').next().unwrap_or_default();
    let doing = match call.parse::<libc::c_long>() {
        Ok(nr) if WAITS.contains(&nr) || OLD_WAITS.contains(&nr) => Doing::Waits,
        // -1 for one that waits outside of any call: stopped by a signal, or for a page.
        Ok(_) => Doing::Blocked,
        // Of the dead and of those that guard their memory the kernel tells less.
        Err(_) if call.is_empty() && proc.state(tid) != Some(b'R') => Doing::Blocked,
        Err(_) => Doing::Runs,
    };
    let mut buffer = [0; 2048];
    // Documentation/scheduler/sched-stats.rst: nanoseconds on a core, nanoseconds waiting for one, times it got one.
    let text = proc.text(format_args!("{tid}/schedstat"), &mut buffer);
    let doing = if text.is_empty() { Doing::Blocked } else { doing };
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let mut number = |skipped| numbers.nth(skipped).and_then(Result::ok).unwrap_or(0);
    Pulse { doing, spent: Duration::from_nanos(number(0)), turns: number(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::thread::own_tid;
    use std::io::Read;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::thread::yield_now;

    /// Starts a thread and returns when the thread looks as wanted.
    fn looks<T: Send + 'static>(
        work: impl FnOnce(Sender<u32>) -> T + Send + 'static,
        wanted: fn(&Pulse) -> bool,
    ) {
        let (tell, told) = channel();
        std::thread::spawn(|| work(tell));
        let tid = told.recv().expect("the thread tells");
        let proc = Proc::open().expect("procfs");
        while !wanted(&pulse(&proc, tid)) {
            yield_now();
        }
    }

    #[test]
    fn a_thread_that_reads_waits_one_that_wants_a_lock_is_blocked_and_one_that_counts_runs() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let reads = |tell: Sender<u32>| {
            tell.send(own_tid()).expect("the test listens");
            reader.take(1).read_to_end(&mut Vec::new())
        };
        looks(reads, |pulse| pulse.doing == Doing::Waits);
        drop(writer);
        let (never, waits) = channel::<()>();
        let waits = move |tell: Sender<u32>| {
            tell.send(own_tid()).expect("the test listens");
            waits.recv()
        };
        looks(waits, |pulse| pulse.doing == Doing::Blocked);
        drop(never);
        let over = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&over);
        let counts = move |tell: Sender<u32>| {
            tell.send(own_tid()).expect("the test listens");
            while !theirs.load(Ordering::Relaxed) {}
        };
        looks(counts, |pulse| pulse.doing == Doing::Runs && !pulse.spent.is_zero());
        over.store(true, Ordering::Relaxed);
    }
}
