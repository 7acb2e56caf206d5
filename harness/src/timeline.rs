//! The text of a trial: what people read and what `replay` reads back. Owns the format `linkbait-timeline 1`.
//!
//! One step a line, victim and attacker merged, and with them a second copy of the victim where there is one; names are labels, so two runs of the same schedule give the same
//! text. Lines that start with `!` are findings.

use crate::attacker::Move;
use crate::class::Class;
use crate::determinism::{Determinism, Level};
use crate::ending::Ending;
use crate::errno::errno_name;
use crate::error::Error;
use crate::evidence::{CallStep, Deed, Evidence, Step};
use crate::fault::Fault;
use crate::schedule::{Act, Does, Key, Schedule};
use crate::world::Outcome;
use crate::world::calls::{Op, Sys, WATCHED_FOR_COPIES, WATCHED_FOR_FAULTS};
use std::fmt::{self, Write};

mod proptests;

/// The first line of every timeline.
pub const MAGIC: &str = "linkbait-timeline 1";

/// Ends the line that begins with attacker where two copies of the victim run.
const COPIES: &str = "    copies 2";

/// What a copy does that can only wait for the other.
const WAITS: &str = "waits for the other";

/// Stands in a switch before the stop at which a copy is held.
const HELD: &str = " is held at ";

/// The head of a timeline: what was judged, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Name of the victim.
    pub victim: String,
    /// Class of attacker.
    pub class: Class,
    /// Umask of the victim.
    pub umask: u32,
    /// File system of the arena.
    pub file_system: String,
    /// How much of its chance was fixed; nothing in a file that does not say.
    pub determinism: Determinism,
}

/// A timeline read from a file. It is written as it was read, but for what says nothing: names and empty lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// What was judged.
    pub head: Head,
    /// The moves and where they happen.
    pub schedule: Schedule,
    /// Every stop of the victim, in order.
    pub stops: Vec<Key>,
    /// The rules broken, with their paths.
    pub broken: Vec<(String, String)>,
    /// The steps as written, to be compared with those of a replay.
    pub steps: Vec<String>,
}

impl Head {
    /// What a timeline begins with.
    fn lines(&self, copies: bool) -> String {
        let Head { victim, class, umask, file_system, determinism } = self;
        let (victim, copies) = (quote(victim), if copies { COPIES } else { "" });
        let place = format!("{class}    umask {umask:03o}    fs {file_system}    {determinism}");
        format!("{MAGIC}\nvictim    {victim}\nattacker  {place}{copies}\n")
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head.lines(self.schedule.second))?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        self.broken.iter().try_for_each(|(rule, path)| writeln!(f, "  ! {rule}  {path}"))
    }
}

/// Writes a trial; `names` are what the numbers stand for, where that is told, `broken` the lines about findings.
pub(crate) fn render(
    head: &Head,
    evidence: &Evidence,
    schedule: &Schedule,
    names: &[String],
    broken: &[String],
) -> String {
    let mut out = head.lines(schedule.second);
    if !names.is_empty() {
        let named = names.iter().take(8).enumerate().map(|(at, name)| format!("<{}> = \"{name}\"", at + 1));
        let _ = writeln!(out, "names     {}", named.collect::<Vec<_>>().join("  "));
    }
    for line in steps(evidence, schedule) {
        out.push_str(&line);
        out.push('\n');
    }
    for line in broken {
        let _ = writeln!(out, "  ! {}", escape(line));
    }
    out
}

/// The numbered steps of a trial and how it ended; how each of two copies ended stands where it did.
pub(crate) fn steps(evidence: &Evidence, schedule: &Schedule) -> Vec<String> {
    let ends = |after: usize| {
        let here = evidence.ends.iter().filter(move |end| end.after == after);
        here.map(|end| ended(end.second, &end.ending))
    };
    let mut lines: Vec<String> = Vec::new();
    for (at, step) in evidence.steps.iter().enumerate() {
        lines.extend(ends(at));
        lines.push(format!("{:3} {}", at + 1, step_text(evidence, schedule, step)));
    }
    lines.extend(ends(evidence.steps.len()));
    if evidence.ends.is_empty() {
        lines.push(ended(false, &evidence.ending));
    }
    lines
}

fn step_text(evidence: &Evidence, schedule: &Schedule, step: &Step) -> String {
    match &step.deed {
        Deed::Call(call) => {
            format!("{:9} {}", actor(call.second, call.task), call_text(evidence, step, call))
        }
        Deed::Move(index) => format!("attacker  {}{}", schedule.acts[*index].does, failure(step.outcome)),
        Deed::Fault(index) => format!("fault     {}", schedule.acts[*index].does),
        Deed::Switch(index) => format!("switch    {}", switch_text(&schedule.acts[*index].at)),
        Deed::Waits(second) => format!("{:9} {WAITS}", actor(*second, 0)),
    }
}

fn ended(second: bool, ending: &Ending) -> String {
    let how = match ending {
        Ending::Success => "success".to_owned(),
        Ending::Error(e) => format!("error {}", escape(&evidence_free(e))),
        Ending::Panic { message, .. } => format!("panic {}", escape(&evidence_free(message))),
        Ending::Signal(number) => format!("signal {number}"),
        Ending::Hung => "hung".to_owned(),
    };
    format!("    {:9} ended: {how}", actor(second, 0))
}

/// `second goes on, victim is held at openat("shared/a") #1`; the first of its kind has no number.
fn switch_text(at: &Key) -> String {
    let Key { second, task, call, path, occurrence } = at;
    let number = if *occurrence > 0 { format!(" #{occurrence}") } else { String::new() };
    let (held, other) = (actor(*second, *task), actor(!*second, 0));
    format!("{other} goes on, {held}{HELD}{call}(\"{path}\"){number}")
}

/// Reads what [`switch_text`] wrote.
fn parse_switch(text: &str) -> Option<Key> {
    let (before, stop) = text.split_once(HELD)?;
    let (second, task) = parse_actor(before.rsplit_once(' ')?.1)?;
    let (call, rest) = stop.split_once("(\"")?;
    let (path, number) = rest.split_once("\")")?;
    let occurrence = match number {
        "" => 0,
        _ => number.strip_prefix(" #")?.parse().ok()?,
    };
    Sys::named(call)?;
    Some(Key { second, task, call: call.to_owned(), path: path.to_owned(), occurrence })
}

/// Error texts hold names that differ from run to run, so only their first word is kept.
fn evidence_free(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
}

/// A task of the victim, or of its second copy.
fn actor(second: bool, task: u16) -> String {
    let copy = if second { "second" } else { "victim" };
    if task == 0 { copy.to_owned() } else { format!("{copy}.{}", task + 1) }
}

/// Reads what [`actor`] wrote.
fn parse_actor(text: &str) -> Option<(bool, u16)> {
    let (second, task) = match text.strip_prefix("second") {
        Some(task) => (true, task),
        None => (false, text.strip_prefix("victim")?),
    };
    let task = match task {
        "" => 0,
        _ => task.trim_start_matches('.').parse::<u16>().ok()?.saturating_sub(1),
    };
    Some((second, task))
}

fn failure(outcome: Outcome) -> String {
    if let Outcome::Failed(errno) = outcome { format!(" = {}", errno_name(errno)) } else { String::new() }
}

fn call_text(evidence: &Evidence, step: &Step, call: &CallStep) -> String {
    let mut parts: Vec<String> = evidence.labels(call).map(|label| format!("\"{label}\"")).collect();
    match call.sys.op {
        Op::Open => {
            parts.push(open_flags(call.flags));
            if call.creates {
                parts.push(format!("{:04o}", call.mode));
            }
        }
        Op::Create | Op::Alter if call.mode != 0 => {
            parts.push(format!("{:04o}", call.mode & 0o7777));
        }
        Op::Write | Op::Resize if call.length != 0 => parts.push(call.length.to_string()),
        _ => {}
    }
    format!("{}({}) = {}", call.sys.name, parts.join(", "), result(step.outcome, call))
}

fn result(outcome: Outcome, call: &CallStep) -> String {
    match outcome {
        // Sizes of listings and of stat buffers say nothing about the victim.
        Outcome::Value(_) if matches!(call.sys.op, Op::List) => "entries".to_owned(),
        Outcome::Value(value) => value.to_string(),
        Outcome::Descriptor(number, _) => number.to_string(),
        Outcome::Failed(errno) => errno_name(errno),
        Outcome::Blocks => "never returns".to_owned(),
        Outcome::Unknown => "?".to_owned(),
    }
}

fn open_flags(flags: u32) -> String {
    let flags = flags as i32;
    let access =
        ["RDONLY", "WRONLY", "RDWR"].get((flags & libc::O_ACCMODE) as usize).copied().unwrap_or("ACCMODE");
    let mut words = vec![access];
    let named = [
        (libc::O_CREAT, "CREAT"),
        (libc::O_EXCL, "EXCL"),
        (libc::O_TRUNC, "TRUNC"),
        (libc::O_APPEND, "APPEND"),
        (libc::O_NONBLOCK, "NONBLOCK"),
        (libc::O_NOFOLLOW, "NOFOLLOW"),
        (libc::O_TMPFILE, "TMPFILE"),
        (libc::O_DIRECTORY, "DIRECTORY"),
        (libc::O_PATH, "PATH"),
        (libc::O_CLOEXEC, "CLOEXEC"),
    ];
    for (bits, word) in named {
        let part_of_tmpfile = bits == libc::O_DIRECTORY && flags & libc::O_TMPFILE == libc::O_TMPFILE;
        if flags & bits == bits && !part_of_tmpfile {
            words.push(word);
        }
    }
    words.join("|")
}

/// A name on one line, such that [`unquote`] gives it back.
fn quote(name: &str) -> String {
    escape(&name.replace('\\', "\\\\"))
}

/// Undoes [`quote`]; what is no escape of ours stays as it is.
fn unquote(text: &str) -> String {
    let mut name = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        name.push_str(before);
        let (c, length) = unescape(after).unwrap_or(('\\', 0));
        name.push(c);
        rest = &after[length..];
    }
    name + rest
}

/// The character that an escape stands for, and the length of the escape behind its backslash.
fn unescape(text: &str) -> Option<(char, usize)> {
    let simple = [("\\", '\\'), ("n", '\n'), ("r", '\r'), ("t", '\t')];
    if let Some((_, c)) = simple.into_iter().find(|(letter, _)| text.starts_with(letter)) {
        return Some((c, 1));
    }
    let (hex, _) = text.strip_prefix("u{")?.split_once('}')?;
    let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?;
    Some((c, "u{}".len() + hex.len()))
}

/// Any text on one line.
fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

impl Timeline {
    /// True when it was written while faults were tried, which stops the victim at more calls.
    pub(crate) fn is_with_faults(&self) -> bool {
        let only_then = |call| WATCHED_FOR_FAULTS.iter().any(|sys| sys.name == call);
        self.schedule.faults().next().is_some() || self.calls().any(only_then)
    }

    /// True when it was written while two copies were tried, for which the victim is stopped at its locks, too.
    pub(crate) fn is_with_copies(&self) -> bool {
        self.schedule.second || self.calls().any(|call| WATCHED_FOR_COPIES.iter().any(|sys| sys.name == call))
    }

    /// Names of the calls in the steps.
    fn calls(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| step.split('(').next()?.split(' ').next_back())
    }

    /// Reads a timeline.
    ///
    /// # Errors
    /// Of kind input, naming the line, when the text is of another version or damaged.
    pub fn parse(text: &str) -> Result<Timeline, Error> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let wrong = |at: usize, what: &str| Error::input(format!("line {at}"), what);
        let (_, first) =
            lines.next().ok_or_else(|| wrong(1, "the file is empty; a timeline was expected"))?;
        if first != MAGIC {
            return Err(wrong(1, &format!("this is not \"{MAGIC}\"; was it written by another version?")));
        }
        let mut read = Reader::default();
        for (at, line) in lines {
            read.line(line).map_err(|what| wrong(at, &what))?;
        }
        read.finish().map_err(|what| wrong(text.lines().count(), &what))
    }
}

#[derive(Default)]
struct Reader {
    victim: Option<String>,
    place: Option<(Class, u32, String, Determinism)>,
    waiting: Vec<Does>,
    stops: Vec<Key>,
    schedule: Schedule,
    broken: Vec<(String, String)>,
    steps: Vec<String>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.contains(char::is_control) {
            return Err("a control character, which timelines write as an escape".to_owned());
        }
        if let Some(name) = line.strip_prefix("victim    ") {
            self.victim = Some(unquote(name));
        } else if let Some(rest) = line.strip_prefix("attacker  ") {
            self.schedule.second = rest.ends_with(COPIES);
            self.place = Some(
                place(rest.strip_suffix(COPIES).unwrap_or(rest))
                    .ok_or("expected: attacker  CLASS    umask NNN    fs NAME    determinism N    seed N")?,
            );
        } else if let Some(rest) = line.strip_prefix("  ! ") {
            // Columns are two spaces apart; a label never holds two.
            let mut columns = rest.split("  ");
            let is_word = |rule: &&str| !rule.is_empty() && !rule.contains(' ');
            let rule = columns.next().filter(is_word).ok_or("a finding without a rule")?;
            let path = columns.next().unwrap_or_default();
            self.broken.push((rule.to_owned(), path.to_owned()));
        } else if !line.starts_with("names     ") && !line.trim().is_empty() {
            self.step(line)?;
        }
        Ok(())
    }

    fn step(&mut self, line: &str) -> Result<(), String> {
        self.steps.push(line.to_owned());
        let (number, rest) = line.trim_start().split_once(' ').ok_or("expected: NUMBER ACTOR WHAT")?;
        if line.starts_with("    ") && parse_actor(number).is_some() {
            return Ok(());
        }
        number.parse::<u32>().map_err(|_| "a step begins with its number")?;
        let (who, what) = rest.trim_start().split_once(' ').ok_or("expected: NUMBER ACTOR WHAT")?;
        let what = what.trim_start();
        if who == "attacker" {
            let act = Move::parse(what).ok_or_else(|| format!("unknown move: {what}"))?;
            self.waiting.push(act.into());
            return Ok(());
        }
        if who == "fault" {
            let fault = Fault::parse(what).ok_or_else(|| format!("unknown fault: {what}"))?;
            self.waiting.push(fault.into());
            return Ok(());
        }
        if who == "switch" {
            let at = parse_switch(what).ok_or_else(|| format!("unknown switch: {what}"))?;
            let before = self.waiting.drain(..).map(|does| Act { at: at.clone(), does });
            self.schedule.acts.extend(before);
            self.schedule.acts.push(Act { at, does: Does::Switch });
            return Ok(());
        }
        let (second, task) = parse_actor(who).ok_or_else(|| {
            format!("unknown actor {who}; victim, second, attacker, fault or switch was expected")
        })?;
        if what == WAITS {
            return Ok(());
        }
        let (call, arguments) = what.split_once('(').ok_or("expected: CALL(ARGUMENTS) = RESULT")?;
        Sys::named(call).ok_or_else(|| format!("unknown call {call}"))?;
        let path = arguments.strip_prefix('"').and_then(|a| a.split('"').next()).unwrap_or_default();
        self.stop(second, task, call, path);
        Ok(())
    }

    fn stop(&mut self, second: bool, task: u16, call: &str, path: &str) {
        let same = |s: &&Key| (s.second, s.task) == (second, task) && s.call == call && s.path == path;
        let occurrence = self.stops.iter().filter(same).count() as u32;
        let at = Key { second, task, call: call.to_owned(), path: path.to_owned(), occurrence };
        self.schedule.acts.extend(self.waiting.drain(..).map(|does| Act { at: at.clone(), does }));
        self.stops.push(at);
    }

    fn finish(self) -> Result<Timeline, String> {
        if !self.waiting.is_empty() {
            return Err(
                "a move or fault stands after the victim's last call, where it changes nothing".into()
            );
        }
        let (class, umask, file_system, determinism) =
            self.place.ok_or("the line that begins with attacker is missing")?;
        let victim = self.victim.ok_or("the line that begins with victim is missing")?;
        let head = Head { victim, class, umask, file_system, determinism };
        Ok(Timeline {
            head,
            schedule: self.schedule,
            stops: self.stops,
            broken: self.broken,
            steps: self.steps,
        })
    }
}

fn place(text: &str) -> Option<(Class, u32, String, Determinism)> {
    let mut words = text.split_whitespace();
    let class = Class::named(words.next()?)?;
    let umask =
        words.next().filter(|w| *w == "umask").and_then(|_| u32::from_str_radix(words.next()?, 8).ok())?;
    let fs = words.next().filter(|w| *w == "fs").and_then(|_| words.next())?;
    let determinism = match words.next() {
        None => Determinism::OFF,
        Some("determinism") => determinism(words)?,
        Some(_) => return None,
    };
    Some((class, umask, fs.to_owned(), determinism))
}

/// `0`, or `1 seed 7`. What says nothing is not kept: the seed of a chance that is not fixed.
fn determinism<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<Determinism> {
    let level = Level::of(words.next()?.parse().ok()?)?;
    let seed = match (words.next(), words.next()) {
        (None, None) => 0,
        (Some("seed"), Some(number)) => number.parse().ok()?,
        _ => return None,
    };
    Some(if level == Level::Off { Determinism::OFF } else { Determinism { level, seed } })
}
