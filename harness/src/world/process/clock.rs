//! The clock of a program, answered: it starts at a time that follows from the seed and goes on with each question,
//! with each sleep, and with each wait that took as long as it was allowed to.
//!
//! A sleep takes no real time, and neither does a wait for a futex that ends for want of a change. Waits for something
//! outside of a program's memory (poll, select, epoll) are the kernel's and take real time, and so do timers (alarm,
//! setitimer, timerfd) and timed locks with priority inheritance.

use super::held::Held;
use crate::host;
use crate::stream::Stream;
use crate::sys::bpf::Fate;
use crate::sys::memory;
use std::time::Duration;

/// How long a question takes: long enough that a program which asks until a second has passed is soon done.
const QUESTION: Duration = Duration::from_micros(100);

/// A sleep that is longer is left to the kernel: it is meant never to end.
const MOST_SLEEP: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What a call is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    ClockGettime,
    Gettimeofday,
    Time,
    Getcpu,
    Nanosleep,
    ClockNanosleep,
    Futex,
    /// Waits for at most as many milliseconds as this argument says.
    Milliseconds(usize),
    /// Waits for at most the seconds and nanoseconds that this argument points to.
    Timespec(usize),
    /// The same with microseconds.
    Timeval(usize),
    /// Is watched because it comes early in the life of every program.
    Nothing,
}

#[cfg(target_arch = "x86_64")]
static CALLS: [(libc::c_long, Ask); 17] = [
    (libc::SYS_clock_gettime, Ask::ClockGettime),
    (libc::SYS_gettimeofday, Ask::Gettimeofday),
    (libc::SYS_time, Ask::Time),
    (libc::SYS_getcpu, Ask::Getcpu),
    (libc::SYS_nanosleep, Ask::Nanosleep),
    (libc::SYS_clock_nanosleep, Ask::ClockNanosleep),
    (libc::SYS_futex, Ask::Futex),
    (libc::SYS_poll, Ask::Milliseconds(2)),
    (libc::SYS_epoll_wait, Ask::Milliseconds(3)),
    (libc::SYS_epoll_pwait, Ask::Milliseconds(3)),
    (libc::SYS_ppoll, Ask::Timespec(2)),
    (libc::SYS_pselect6, Ask::Timespec(4)),
    (libc::SYS_epoll_pwait2, Ask::Timespec(3)),
    (libc::SYS_rt_sigtimedwait, Ask::Timespec(2)),
    (libc::SYS_select, Ask::Timeval(4)),
    (libc::SYS_arch_prctl, Ask::Nothing),
    (libc::SYS_set_tid_address, Ask::Nothing),
];
#[cfg(not(target_arch = "x86_64"))]
static CALLS: [(libc::c_long, Ask); 0] = [];

/// The calls to be watched. A futex is, where it waits for a time at most.
pub(super) fn watched() -> Vec<(Fate, Vec<u32>)> {
    let fate = |ask| if ask == Ask::Futex { Fate::WatchedUnless(3, 0) } else { Fate::Watched };
    CALLS.iter().map(|&(nr, ask)| (fate(ask), vec![nr as u32])).collect()
}

/// A wait of a task that the kernel was left to.
#[derive(Clone)]
struct Wait {
    tid: u32,
    /// How much time will have passed when it is over, by our clock.
    until: Duration,
    /// When it is over by the kernel's clock; `None` once the task has been seen again.
    real: Option<Duration>,
}

/// The clock of one trial.
#[derive(Clone, Default)]
pub(super) struct Clock {
    /// Time of day and time since the machine's start when the trial began.
    day: Duration,
    boot: Duration,
    /// Time since then, which is also what every task has spent on a core.
    passed: Duration,
    waits: Vec<Wait>,
}

impl Clock {
    /// A clock at some time in the four years from 2020 on, of a machine that was started at most a year before.
    pub(super) fn starting(seed: u64) -> Clock {
        let mut stream = Stream::new(seed);
        let mut within =
            |bits| Duration::new(stream.number() >> (64 - bits), stream.number() as u32 % 1_000_000_000);
        let (day, boot) = (Duration::from_secs(1_577_836_800) + within(27), within(25));
        Clock { day, boot, ..Clock::default() }
    }

    fn ask_of(nr: u32) -> Ask {
        CALLS.iter().find(|(number, _)| *number as u32 == nr).map_or(Ask::Nothing, |(_, ask)| *ask)
    }

    /// A task has stopped: if it comes from a wait that took as long as it could, so much time has passed.
    pub(super) fn meet(&mut self, tid: u32) {
        let wait = self.waits.iter_mut().find(|wait| wait.tid == tid);
        if let Some((real, until)) = wait.and_then(|wait| Some((wait.real.take()?, wait.until)))
            && host::monotonic() >= real
        {
            self.passed = self.passed.max(until);
        }
    }

    /// Ends a stop; true when the call asked for the time or waits.
    pub(super) fn answer(&mut self, held: &Held<'_>) -> bool {
        let ask = Clock::ask_of(held.seen.nr);
        let [a, b, ..] = held.seen.args;
        match ask {
            Ask::ClockGettime => match self.base(a) {
                Some(base) => held.answer_into(b, &words(self.tick(base), 1), 0),
                None => held.let_run(),
            },
            Ask::Gettimeofday => {
                let now = self.tick(self.day);
                // The time zone, as if the kernel knew none.
                let done = b == 0 || held.put(b, &[0; 8]);
                held.answer_into(a, &words(now, 1000), if done { 0 } else { -i64::from(libc::EFAULT) });
            }
            Ask::Time => {
                let seconds = self.tick(self.day).as_secs();
                held.answer_into(a, &seconds.to_ne_bytes(), seconds as i64);
            }
            Ask::Getcpu => {
                let done = b == 0 || held.put(b, &[0; 4]);
                held.answer_into(a, &[0; 4], if done { 0 } else { -i64::from(libc::EFAULT) });
            }
            Ask::Nanosleep | Ask::ClockNanosleep | Ask::Futex => match self.wakes(held) {
                Some(_) if is_woken(held) => held.let_run(),
                Some(until) => {
                    self.passed = self.passed.max(until);
                    held.answer(if ask == Ask::Futex { -i64::from(libc::ETIMEDOUT) } else { 0 });
                }
                None => held.let_run(),
            },
            _ => {
                if let Some(span) = span(held, ask) {
                    self.wait(held.seen.tid, span);
                }
                held.let_run();
            }
        }
        ask != Ask::Nothing
    }

    /// How much time has passed when a sleep, or a wait for a futex, is over; `None` for what is neither, or is left to
    /// the kernel.
    pub(super) fn wakes(&self, held: &Held<'_>) -> Option<Duration> {
        let [a, b, c, d, ..] = held.seen.args;
        let until = match Clock::ask_of(held.seen.nr) {
            Ask::Nanosleep => self.passed.saturating_add(time_at(held, a, 1)?),
            Ask::ClockNanosleep if b as i32 & libc::TIMER_ABSTIME != 0 => {
                time_at(held, c, 1)?.saturating_sub(self.base(a)?)
            }
            Ask::ClockNanosleep => self.passed.saturating_add(time_at(held, c, 1)?),
            Ask::Futex => match b as i32 & libc::FUTEX_CMD_MASK {
                libc::FUTEX_WAIT => self.passed.saturating_add(time_at(held, d, 1)?),
                libc::FUTEX_WAIT_BITSET => {
                    let by_day = b as i32 & libc::FUTEX_CLOCK_REALTIME != 0;
                    time_at(held, d, 1)?.saturating_sub(if by_day { self.day } else { self.boot })
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(until).filter(|until| *until < MOST_SLEEP)
    }

    /// Where a clock stood when the trial began; `None` for one that does not exist. Those of time spent on a core, of
    /// any task, began with the trial.
    fn base(&self, id: u64) -> Option<Duration> {
        match id as i32 {
            libc::CLOCK_REALTIME
            | libc::CLOCK_REALTIME_COARSE
            | libc::CLOCK_REALTIME_ALARM
            | libc::CLOCK_TAI => Some(self.day),
            libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
            | libc::CLOCK_BOOTTIME_ALARM => Some(self.boot),
            libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID | ..0 => Some(Duration::ZERO),
            _ => None,
        }
    }

    /// What a clock says now, which takes a moment.
    fn tick(&mut self, base: Duration) -> Duration {
        self.passed += QUESTION;
        base.saturating_add(self.passed)
    }

    fn wait(&mut self, tid: u32, span: Duration) {
        let (until, real) = (self.passed.saturating_add(span), Some(host::monotonic().saturating_add(span)));
        self.waits.retain(|wait| wait.tid != tid);
        self.waits.push(Wait { tid, until, real });
    }

    /// The earliest moment at which a wait that the kernel was left to ends for want of what it waits for.
    pub(super) fn next_timeout(&self) -> Option<Duration> {
        let now = host::monotonic();
        let running = self.waits.iter().filter(|wait| wait.real.is_some_and(|real| real > now));
        running.map(|wait| wait.until).min()
    }
}

/// True when a task that waits for a futex need not, because the word is not what it was said to be.
pub(super) fn is_woken(held: &Held<'_>) -> bool {
    if Clock::ask_of(held.seen.nr) != Ask::Futex {
        return false;
    }
    let [address, _, expected, ..] = held.seen.args;
    let mut word = [0; 4];
    memory::read(held.seen.tid, address, &mut word).is_err() || u32::from_ne_bytes(word) != expected as u32
}

/// How long a call waits at most; `None` when it waits for ever, or not at all for reasons that the kernel tells.
fn span(held: &Held<'_>, ask: Ask) -> Option<Duration> {
    match ask {
        Ask::Milliseconds(at) => u64::try_from(held.seen.args[at] as i32).ok().map(Duration::from_millis),
        Ask::Timespec(at) => time_at(held, held.seen.args[at], 1),
        Ask::Timeval(at) => time_at(held, held.seen.args[at], 1000),
        _ => None,
    }
}

/// The time in two words of a program's, of which the second counts so many nanoseconds.
fn time_at(held: &Held<'_>, address: u64, unit: u32) -> Option<Duration> {
    time(held.words(address)?, unit)
}

fn time([seconds, parts]: [u64; 2], unit: u32) -> Option<Duration> {
    let nanos = u32::try_from(parts).ok()?.checked_mul(unit).filter(|nanos| *nanos < 1_000_000_000)?;
    (seconds <= i64::MAX as u64).then(|| Duration::new(seconds, nanos))
}

/// The same backwards.
fn words(time: Duration, unit: u32) -> Vec<u8> {
    [time.as_secs(), u64::from(time.subsec_nanos() / unit)].map(u64::to_ne_bytes).concat()
}
