//! What is judged: victims by name, tag and file, or a command.

use crate::advisory;
use crate::apart::made_of;
use crate::args::{Args, Command, Streams, Usage};
use crate::installed::Installs;
use crate::output;
use crate::package::{Kind, Package, spec};
use crate::roster::{self, SLOW};
use crate::test;
use crate::values;
use crate::victim_file::{self, Read};
use clap::Parser;
use linkbait::{Program, Victim};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The victims to judge, and how many of the roster were left out because they are slow and nobody asked for them.
pub(crate) struct Selected {
    pub(crate) victims: Vec<Chosen>,
    pub(crate) left_out: usize,
    /// There may be more than these: they were named, or others were left out.
    pub(crate) narrowed: bool,
    /// What there is beside them and is not examined, a sentence each.
    pub(crate) aside: Vec<String>,
}

/// A victim, and what has to be there first: what is built if its body is code of others, what is installed for its command.
pub(crate) struct Chosen {
    pub(crate) victim: Victim,
    pub(crate) package: Option<Package>,
    pub(crate) installs: Installs,
}

impl From<Victim> for Chosen {
    fn from(victim: Victim) -> Chosen {
        Chosen { victim, package: None, installs: Installs::default() }
    }
}

impl From<Victim> for Selected {
    fn from(victim: Victim) -> Selected {
        vec![victim.into()].into()
    }
}

impl From<Vec<Chosen>> for Selected {
    /// Those that a command line describes.
    fn from(victims: Vec<Chosen>) -> Selected {
        Selected { victims, left_out: 0, narrowed: true, aside: Vec::new() }
    }
}

impl Chosen {
    /// The victim, built or with what it needs installed, to be run by this process: as a program or within.
    pub(crate) fn ready(self, as_program: bool) -> anyhow::Result<Victim> {
        let Some(package) = self.package else { return Ok(self.installs.install(self.victim)?) };
        let kind = if as_program || package.process.is_some() { Kind::Program } else { Kind::Library };
        let built = package.build(kind)?;
        Ok(made_of(self.victim, kind, &built)?)
    }
}

/// The victims of the roster that have one of the names or tags, without any all that are not slow, and those of
/// files.
pub(crate) fn victims(names: &[String]) -> anyhow::Result<Selected> {
    let (paths, names): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| victim_file::is_path(name));
    let mut found = Vec::new();
    let mut narrowed = !names.is_empty();
    for path in &paths {
        let Read { victims, is_one } = victim_file::read(Path::new(path))?;
        found.extend(victims);
        narrowed |= is_one;
    }
    let mut left_out = 0;
    if paths.is_empty() && names.is_empty() {
        let (slow, rest): (Vec<_>, Vec<_>) = roster::roster().into_iter().partition(is_slow);
        left_out = slow.len();
        narrowed = left_out > 0;
        found.extend(rest.into_iter().map(Chosen::from));
    } else if !names.is_empty() {
        found.extend(of_roster(&names)?.into_iter().map(Chosen::from));
    }
    Ok(Selected { victims: found, left_out, narrowed, aside: Vec::new() })
}

fn is_slow(victim: &Victim) -> bool {
    victim.tag_list().iter().any(|tag| tag == SLOW)
}

fn of_roster(names: &[&String]) -> anyhow::Result<Vec<Victim>> {
    let roster = roster::roster();
    let fits = |victim: &Victim, name: &String| victim.name() == name || victim.tag_list().contains(name);
    if let Some(name) = names.iter().find(|name| !roster.iter().any(|victim| fits(victim, name))) {
        return Err(no_victim(name, &roster).into());
    }
    let named = |victim: &Victim| names.iter().any(|name| fits(victim, name));
    Ok(roster.into_iter().filter(named).collect())
}

/// The built-in victims of this name or tag.
pub(crate) fn built_in(name: &str) -> anyhow::Result<Vec<Victim>> {
    of_roster(&[&name.to_owned()])
}

/// The one victim of that name, or of that file.
pub(crate) fn one(name: &str) -> anyhow::Result<Chosen> {
    if !victim_file::is_path(name) || name.starts_with(test::TEST) {
        return of_timeline(name, None);
    }
    let mut found = victim_file::read(Path::new(name))?.victims;
    match (found.pop(), found.is_empty()) {
        (Some(victim), true) => Ok(victim),
        _ => Err(Usage(format!("{name:?}: more than one victim is in it; name a file")).into()),
    }
}

/// What the names of victims that were given as commands begin with.
const COMMAND: &str = "exec: ";

/// The victim that is a command. Its name is what `exec` was told, so that a timeline of it can be replayed.
pub(crate) fn command(streams: &Streams, argv: &[String]) -> Result<Victim, Usage> {
    let file = streams.stdin.as_deref().map(Path::to_string_lossy);
    let mut words: Vec<&str> = file.iter().flat_map(|file| ["--stdin", file]).collect();
    words.extend(streams.tty.then_some("--tty"));
    // What begins with a dash would be taken for an option when it is read back.
    if !words.is_empty() || argv.first().is_some_and(|name| name.starts_with('-')) {
        words.push("--");
    }
    words.extend(argv.iter().map(String::as_str));
    let line = shlex::try_join(words);
    let line = line.map_err(|_| Usage("an argument has a NUL byte in it".to_owned()))?;
    let stdin = streams.stdin.as_deref().map(stdin).transpose().map_err(Usage)?;
    let program = Program { argv: argv.to_vec(), stdin, tty: streams.tty, ..Program::default() };
    Ok(Victim::program(&format!("{COMMAND}{line}"), program).tags(&["command"]))
}

/// What a program is to read, all of it, since every trial reads it from the start.
pub(crate) fn stdin(file: &Path) -> Result<Vec<u8>, String> {
    const MOST: u64 = 64 << 20;
    let mut text = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(MOST + 1).read_to_end(&mut text));
    match read {
        Ok(count) if count as u64 <= MOST => Ok(text),
        Ok(_) => Err(format!("{file:?}: more than 64 MiB to read; give it a shorter file")),
        Err(e) => Err(format!("{file:?}: {e}; it was to be the standard input")),
    }
}

/// The victim that was named by [`command`].
fn named_command(line: &str) -> Option<Result<Victim, Usage>> {
    let words = shlex::split(line)?;
    if !words.first()?.starts_with('-') {
        return Some(command(&Streams::default(), &words));
    }
    let args = ["linkbait", "exec"].into_iter().chain(words.iter().map(String::as_str));
    match Args::try_parse_from(args).ok()?.command {
        Some(Command::Exec { streams, argv, .. }) => Some(command(&streams, &argv)),
        _ => None,
    }
}

/// The victim, which may also write these directories if it is a program.
pub(crate) fn allow(victim: Victim, writable: &[PathBuf]) -> Victim {
    writable.iter().fold(victim, |victim, dir| victim.writable(dir.clone()))
}

/// The victim that a timeline is of: a command, a call of a crate, one of the victim file given, one of the roster.
pub(crate) fn of_timeline(name: &str, file: Option<&Path>) -> anyhow::Result<Chosen> {
    if let Some(file) = file {
        let victims = victim_file::read(file)?.victims;
        let found = victims.into_iter().find(|chosen| chosen.victim.name() == name);
        return Ok(found.ok_or_else(|| Usage(format!("{file:?}: no victim {} in it", output::line(name))))?);
    }
    if let Some(victim) = test::named(name) {
        return Ok(victim?.into());
    }
    if let Some(victim) = name.strip_prefix(COMMAND).and_then(named_command) {
        return Ok(victim?.into());
    }
    if let Some(chosen) = spec::named(name) {
        return Ok(chosen?);
    }
    if let Some(chosen) = advisory::named(name) {
        return Ok(chosen);
    }
    let roster = roster::roster();
    let found = roster.iter().find(|victim| victim.name() == name).cloned().map(Chosen::from);
    found.ok_or_else(|| no_victim(name, &roster).into())
}

/// The answer to a name that no victim has.
pub(crate) fn no_victim(name: &str, roster: &[Victim]) -> Usage {
    let known: Vec<_> = roster.iter().map(Victim::name).collect();
    let hint = values::nearest(name, &known).unwrap_or_default();
    Usage(format!(
        "no victim {}: {hint}`linkbait list victims` lists them; one of a victim file needs --victim FILE",
        output::line(name)
    ))
}
