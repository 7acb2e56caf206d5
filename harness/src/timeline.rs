//! The text of a trial: what people read and what `replay` reads back. Owns the format `linkbait-timeline 1`.
//!
//! One step a line, victim and attacker merged; names are labels, so two runs of the same schedule give the same
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
use crate::world::calls::{Op, Sys, WATCHED_FOR_FAULTS};
use std::fmt::Write;

mod proptests;

/// The first line of every timeline.
pub const MAGIC: &str = "linkbait-timeline 1";

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

/// A timeline read from a file.
#[derive(Clone, Debug)]
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

/// Writes a trial; `broken` are the lines about findings.
pub(crate) fn render(
    head: &Head,
    evidence: &Evidence,
    schedule: &Schedule,
    fresh: &[String],
    broken: &[String],
) -> String {
    let mut out = format!("{MAGIC}\nvictim    {}\n", quote(&head.victim));
    let Head { class, umask, file_system, determinism, .. } = head;
    let _ = writeln!(out, "attacker  {class}    umask {umask:03o}    fs {file_system}    {determinism}");
    if !fresh.is_empty() {
        let named = fresh.iter().take(8).enumerate().map(|(at, name)| format!("<{}> = \"{name}\"", at + 1));
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

/// The numbered steps of a trial and how it ended.
pub(crate) fn steps(evidence: &Evidence, schedule: &Schedule) -> Vec<String> {
    let mut lines: Vec<String> = evidence
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let number = at + 1;
            match &step.deed {
                Deed::Call(call) => {
                    format!("{number:3} {} {}", actor(call.task), call_text(evidence, step, call))
                }
                Deed::Move(index) => {
                    format!("{number:3} attacker  {}{}", schedule.acts[*index].does, failure(step.outcome))
                }
                Deed::Fault(index) => {
                    format!("{number:3} fault     {}", schedule.acts[*index].does)
                }
            }
        })
        .collect();
    lines.push(match &evidence.ending {
        Ending::Success => "    victim    ended: success".to_owned(),
        Ending::Error(e) => format!("    victim    ended: error {}", escape(&evidence_free(e))),
        Ending::Panic { message, .. } => {
            format!("    victim    ended: panic {}", escape(&evidence_free(message)))
        }
        Ending::Signal(number) => format!("    victim    ended: signal {number}"),
        Ending::Hung => "    victim    ended: hung".to_owned(),
    });
    lines
}

/// Error texts hold names that differ from run to run, so only their first word is kept.
fn evidence_free(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
}

fn actor(task: u16) -> String {
    if task == 0 { "victim   ".to_owned() } else { format!("victim.{:<2}", task + 1) }
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
        let only_then = |step: &String| {
            let call = step.split('(').next().and_then(|begin| begin.split(' ').next_back());
            WATCHED_FOR_FAULTS.iter().any(|sys| Some(sys.name) == call)
        };
        self.schedule.faults().next().is_some() || self.steps.iter().any(only_then)
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
        if let Some(name) = line.strip_prefix("victim    ") {
            self.victim = Some(unquote(name));
        } else if let Some(rest) = line.strip_prefix("attacker  ") {
            self.place = Some(
                place(rest)
                    .ok_or("expected: attacker  CLASS    umask NNN    fs NAME    determinism N    seed N")?,
            );
        } else if let Some(rest) = line.strip_prefix("  ! ") {
            // Columns are two spaces apart; a label never holds two.
            let mut columns = rest.split("  ");
            let rule = columns.next().filter(|rule| !rule.is_empty()).ok_or("a finding without a rule")?;
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
        if line.starts_with("    ") && number == "victim" {
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
        let task = match who.strip_prefix("victim") {
            Some("") => 0,
            Some(n) => {
                n.trim_start_matches('.').parse::<u16>().map_err(|_| "unknown actor")?.saturating_sub(1)
            }
            None => {
                return Err(format!("unknown actor {who}; victim, attacker or fault was expected"));
            }
        };
        let (call, arguments) = what.split_once('(').ok_or("expected: CALL(ARGUMENTS) = RESULT")?;
        Sys::named(call).ok_or_else(|| format!("unknown call {call}"))?;
        let path = arguments.strip_prefix('"').and_then(|a| a.split('"').next()).unwrap_or_default();
        self.stop(task, call, path);
        Ok(())
    }

    fn stop(&mut self, task: u16, call: &str, path: &str) {
        let same = |stop: &&Key| stop.task == task && stop.call == call && stop.path == path;
        let occurrence = self.stops.iter().filter(same).count() as u32;
        let at = Key { task, call: call.to_owned(), path: path.to_owned(), occurrence };
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

/// `0`, or `1 seed 7`.
fn determinism<'t>(mut words: impl Iterator<Item = &'t str>) -> Option<Determinism> {
    let level = Level::of(words.next()?.parse().ok()?)?;
    let seed = match (words.next(), words.next()) {
        (None, None) => 0,
        (Some("seed"), Some(number)) => number.parse().ok()?,
        _ => return None,
    };
    Some(Determinism { level, seed })
}
