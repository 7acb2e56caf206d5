//! Which calls a trial costs, counted by strace: twice as many trials make that many calls more.

use crate::Setup;
use crate::programs::can_start;
use crate::rows::{Amount, Row, Section};
use crate::stops::ask_in_vain;
use crate::trials::{asks, named_temp_file};
use anyhow::{Context, bail, ensure};
use linkbait::{Class, Error, Host, Judge, Schedule, Victim};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// What is run so often and twice as often: what it is called, its victim, and whether all its schedules are tried.
struct Kind {
    name: &'static str,
    what: &'static str,
    victim: fn() -> Victim,
    planted: bool,
    /// Of the calls, those of this kind are no part.
    beyond: Option<&'static str>,
}

const NOTHING: &str = "nothing";

const KINDS: [Kind; 7] = [
    Kind {
        name: NOTHING,
        what: "a trial without any call",
        victim: || linkbait::victim("does nothing", |_| {}),
        planted: false,
        beyond: None,
    },
    Kind {
        name: "stop-elsewhere",
        what: "a stop that is only let go (access)",
        victim: || linkbait::victim("asks elsewhere", |_| ask_in_vain(1)),
        planted: false,
        beyond: Some(NOTHING),
    },
    Kind {
        name: "stop-inside",
        what: "a stop in the arena (stat)",
        victim: || linkbait::victim("asks", asks),
        planted: false,
        beyond: Some(NOTHING),
    },
    Kind {
        name: "asks",
        what: "a trial with that stop, left alone",
        victim: || linkbait::victim("asks", asks),
        planted: false,
        beyond: None,
    },
    Kind {
        name: "asks-planted",
        what: "a trial with that stop, planted and undone, the mean of all moves",
        victim: || linkbait::victim("asks", asks),
        planted: true,
        beyond: None,
    },
    Kind {
        name: "named-temp-file",
        what: "a trial of NamedTempFile left alone",
        victim: || linkbait::victim("NamedTempFile", named_temp_file),
        planted: false,
        beyond: None,
    },
    Kind {
        name: "named-temp-file-planted",
        what: "a trial of NamedTempFile planted and undone, the mean of all moves",
        victim: || linkbait::victim("NamedTempFile", named_temp_file),
        planted: true,
        beyond: None,
    },
];

/// How often.
const TIMES: u32 = 20;

/// Calls of one trial by name: those of the supervisor, and the number of those of all other threads.
#[derive(Clone, Default)]
struct Calls {
    ours: BTreeMap<String, f64>,
    others: f64,
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("calls of the supervisor");
    if setup.own.is_empty() || !can_start("strace") {
        section.note("not counted: no strace here");
        return Ok(vec![section]);
    }
    let mut counted: BTreeMap<&str, Calls> = BTreeMap::new();
    for kind in &KINDS {
        let Some(calls) = count(&setup.own, kind)? else {
            section.note("not counted: strace may not trace here");
            return Ok(vec![section]);
        };
        let without = kind.beyond.and_then(|name| counted.get(name)).cloned().unwrap_or_default();
        counted.insert(kind.name, calls.clone());
        section.row(row(kind.what, &calls.beyond(&without)));
    }
    section.note("the ratio is to the victim's own calls in such a trial, its marker for one");
    Ok(vec![section])
}

fn row(what: &str, calls: &Calls) -> Row {
    // Less than a tenth is what happens now and then.
    let all = calls.ours.iter().filter(|(_, times)| times.abs() >= 0.1);
    let mut all: Vec<(&String, f64)> =
        all.map(|(name, times)| (name, (times * 10.0).round() / 10.0)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let detail: Vec<String> = all.iter().map(|(name, times)| format!("{name} {times}")).collect();
    let sum = all.iter().map(|(_, times)| times).sum::<f64>();
    let row = Row::new(what, Amount::Number((sum * 10.0).round() / 10.0)).detail(detail.join(", "));
    if calls.others >= 1.0 { row.ratio(sum / calls.others, "the victim's own") } else { row }
}

impl Calls {
    /// What these are more than those.
    fn beyond(&self, those: &Calls) -> Calls {
        let mut ours = self.ours.clone();
        for (name, times) in &those.ours {
            *ours.entry(name.clone()).or_default() -= times;
        }
        Calls { ours, others: self.others - those.others }
    }
}

/// The calls of one trial; `None` where strace cannot trace.
fn count(own: &[String], kind: &Kind) -> anyhow::Result<Option<Calls>> {
    let (Some(once), Some(twice)) = (traced(own, kind.name, TIMES)?, traced(own, kind.name, 2 * TIMES)?)
    else {
        return Ok(None);
    };
    let trials = twice.trials - once.trials;
    ensure!(trials > 0.0, "twice as many trials of {} are no more trials", kind.name);
    let more = twice.calls.beyond(&once.calls);
    let ours = more.ours.into_iter().map(|(name, times)| (name, times / trials)).collect();
    Ok(Some(Calls { ours, others: more.others / trials }))
}

struct Traced {
    calls: Calls,
    trials: f64,
}

/// Runs ourselves under strace, by what [`run`] is called by.
fn traced(own: &[String], kind: &str, times: u32) -> anyhow::Result<Option<Traced>> {
    let dir = tempfile::tempdir().context("make a directory for what strace writes")?;
    let file = dir.path().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "0", "-e", "signal=none", "-o"]).arg(&file);
    let ran = strace.args(own).arg(kind).arg(times.to_string()).stdin(Stdio::null()).output();
    let ran = ran.context("start strace")?;
    if !ran.status.success() {
        return Ok(None);
    }
    let trials: f64 =
        String::from_utf8_lossy(&ran.stdout).trim().parse().context("what we say under strace")?;
    let text = std::fs::read(&file).context("read what strace wrote")?;
    Ok(Some(Traced { calls: by_thread(&String::from_utf8_lossy(&text)), trials }))
}

/// The supervisor is the one who makes most ioctl(2): it is how it hears of calls and answers them.
fn by_thread(text: &str) -> Calls {
    let mut threads: BTreeMap<&str, BTreeMap<String, f64>> = BTreeMap::new();
    for (thread, call) in text.lines().filter_map(call) {
        *threads.entry(thread).or_default().entry(call.to_owned()).or_default() += 1.0;
    }
    let listens = |calls: &BTreeMap<String, f64>| calls.get("ioctl").copied().unwrap_or(0.0);
    let ours = threads.iter().max_by(|a, b| listens(a.1).total_cmp(&listens(b.1))).map(|(thread, _)| *thread);
    let ours = ours.and_then(|thread| threads.remove(thread)).unwrap_or_default();
    Calls { ours, others: threads.values().flat_map(BTreeMap::values).sum() }
}

/// Thread and name of the call that a line of strace's tells of the beginning of.
fn call(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (thread.chars().all(|c| c.is_ascii_digit()) && is_name).then_some((thread, name))
}

/// Runs trials of this kind, and says how many there were: what is run under strace.
///
/// # Errors
/// When there is no such kind, and when the engine fails.
pub fn run(host: &Host, kind: &str, times: u32) -> anyhow::Result<u64> {
    let Some(kind) = KINDS.iter().find(|known| known.name == kind) else {
        bail!("no trials are called {kind:?}");
    };
    let count = Judge::new(host.clone()).session(&(kind.victim)(), Class::OtherUser, 0o022, |session| {
        let schedules = if kind.planted { session.schedules() } else { vec![Schedule::default()] };
        let all = (0..times).flat_map(|_| &schedules);
        all.map(|schedule| session.run(schedule).map(|_| 1)).sum::<Result<u64, Error>>()
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
        10 execve(\"a\"..., [\"b\"...], 0x7f /* 3 vars */) = 0\n\
        11 ioctl(5, SECCOMP_IOCTL_NOTIF_RECV, 0x7f) = 0\n\
        12 openat(3, \"\"..., O_RDONLY <unfinished ...>\n\
        11 ioctl(5, SECCOMP_IOCTL_NOTIF_SEND, 0x7f <unfinished ...>\n\
        11 <... ioctl resumed>) = 0\n\
        12 <... openat resumed>) = 4\n\
        11 +++ exited with 0 +++\n\
        --- SIGCHLD {si_signo=SIGCHLD} ---\n";

    #[test]
    fn each_call_is_counted_once_and_for_its_thread() {
        let calls = by_thread(TEXT);
        assert_eq!(calls.ours, BTreeMap::from([("ioctl".to_owned(), 2.0)]));
        assert!((calls.others - 2.0).abs() < 1e-9, "{}", calls.others);
    }
}
