//! Victim files: TOML that describes a program, or a body in Rust, as a victim (`linkbait-victim/1`). Owns the format, not the
//! judging.

use crate::advisory::Advisory;
use crate::args::Usage;
use crate::files;
use crate::installed::Installs;
use crate::output;
use crate::package::{Body, Edition, Package, Runtime, spec};
use crate::roster_file::{self, Named};
use crate::select::{self, Chosen};
use crate::values;
use linkbait::{Class, Program, Victim};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;

const SCHEMA: &str = "linkbait-victim/1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    name: String,
    /// It is of a published fault, of which there are two versions to judge.
    #[serde(rename = "advisory")]
    _advisory: Option<Advisory>,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    tags: Vec<String>,
    command: Option<Command>,
    rust: Option<Rust>,
    #[serde(default)]
    stage: Stage,
    #[serde(default)]
    judge: Judge,
    #[serde(default)]
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    argv: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    setup: Option<String>,
    /// A file, from the directory of this one, that it reads from its standard input; or that text itself.
    stdin: Option<String>,
    stdin_text: Option<String>,
    /// It gets a terminal of its own.
    #[serde(default)]
    tty: bool,
    /// Programs beside the first of `argv` without which it is unsupported.
    #[serde(default)]
    needs: Vec<String>,
    /// Packages of PyPI and npm, as pip and npm name them.
    #[serde(default)]
    pip: Vec<String>,
    #[serde(default)]
    npm: Vec<String>,
    /// Directories that it may write.
    #[serde(default)]
    writable: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rust {
    /// As in a `Cargo.toml`; paths are from the directory of this file.
    #[serde(default)]
    dependencies: toml::Table,
    body: Spanned<String>,
    #[serde(default)]
    edition: Edition,
    /// The body may await.
    runtime: Option<Runtime>,
    /// It is judged as a program.
    #[serde(default)]
    process: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Stage {
    files: Vec<StagedFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StagedFile {
    path: String,
    mode: u32,
    #[serde(default)]
    owner: Owner,
    #[serde(default)]
    content: String,
}

#[derive(Clone, Copy, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum Owner {
    #[default]
    Victim,
    Attacker,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Judge {
    attackers: Option<Vec<String>>,
    keeps: Vec<String>,
    public: Vec<String>,
    passes: Vec<String>,
    replaces: Vec<String>,
    noclobber: Vec<String>,
    faults: bool,
    signals: bool,
    /// Acts in the longest schedules.
    depth: Option<u32>,
    instances: Option<u8>,
    /// How much of its chance is fixed where the command line says nothing else.
    determinism: Option<u8>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    fail: Vec<Expected>,
    pass: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    attacker: String,
}

/// True for an argument that means a victim file or a directory of them rather than a name of the roster.
pub(crate) fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".toml") || Path::new(name).is_dir()
}

/// What a path stands for.
pub(crate) struct Read {
    pub(crate) victims: Vec<Chosen>,
    /// It is a victim file, neither a roster nor a directory.
    pub(crate) is_one: bool,
}

/// The victims that a path stands for: a victim file, what a roster file names, or all victim files below a directory in the order of
/// their names.
pub(crate) fn read(named: &Path) -> anyhow::Result<Read> {
    let is_dir = named.is_dir();
    if !is_dir && let Some(roster) = roster_file::parse(&text(named)?, named)? {
        return Ok(Read { victims: in_roster(roster)?, is_one: false });
    }
    Ok(Read { victims: victims(named)?, is_one: !is_dir })
}

fn in_roster(roster: Vec<Named>) -> anyhow::Result<Vec<Chosen>> {
    let mut found = Vec::new();
    for named in roster {
        match named {
            Named::Path(path) => found.extend(victims(&path)?),
            Named::BuiltIn(name) => found.extend(select::built_in(&name)?.into_iter().map(Chosen::from)),
        }
    }
    Ok(found)
}

/// The victims of a file, or of all below a directory, beside which rosters may stand.
fn victims(named: &Path) -> anyhow::Result<Vec<Chosen>> {
    let mut victims = Vec::new();
    for path in &files(named)? {
        let text = text(path)?;
        if roster_file::parse(&text, path)?.is_none() {
            victims.extend(in_file(path, &text)?);
        } else if path == named {
            return Err(Usage(format!("{path:?}: a roster cannot name another")).into());
        }
    }
    if victims.is_empty() {
        return Err(Usage(format!("{named:?}: no victim file (*.toml) in it")).into());
    }
    Ok(victims)
}

/// One, or one of each version of an advisory.
fn in_file(path: &Path, text: &str) -> anyhow::Result<Vec<Chosen>> {
    match Advisory::in_file(text).map_err(|what| Usage(format!("{path:?}: {what}")))? {
        None => Ok(vec![victim(path, text)?]),
        Some(advisory) => advisory.texts(text).iter().map(|text| victim(path, text)).collect(),
    }
}

/// This file, or all below this directory.
pub(crate) fn files(named: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if named.is_dir() {
        below(named, &mut found)?;
    } else {
        found.push(named.to_path_buf());
    }
    Ok(found)
}

pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    files::read(path, "a victim file was expected")
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let failed = |e: std::io::Error| Usage(format!("{dir:?}: {e}"));
    let entries: Result<Vec<_>, _> = std::fs::read_dir(dir).map_err(failed)?.collect();
    let mut paths: Vec<PathBuf> = entries.map_err(failed)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// The victim that the text of this file describes.
pub(crate) fn victim(path: &Path, text: &str) -> anyhow::Result<Chosen> {
    let real = path.canonicalize().ok();
    let here = real.as_ref().and_then(|real| real.parent()).map(|here| here.to_string_lossy().into_owned());
    let chosen = parse(text, &here.unwrap_or_default());
    let mut chosen = chosen.map_err(|what| Usage(format!("{path:?}: {what}")))?;
    if let Some(package) = &mut chosen.package {
        package.body.shown = path.display().to_string();
        package.file = real;
    }
    Ok(chosen)
}

/// How what a victim file names is looked up.
struct Look {
    stdin: fn(&Path) -> Result<Vec<u8>, String>,
    writable: fn(&str) -> Result<PathBuf, String>,
}

/// The victim that a file's text describes; `here` is the directory that the file stands in.
pub(crate) fn parse(text: &str, here: &str) -> Result<Chosen, String> {
    parse_with(text, here, &Look { stdin: select::stdin, writable: values::writable })
}

/// The victim that a text describes, with nothing looked up that it names: its standard input is empty.
///
/// # Errors
/// What is wrong with the text, and where.
#[doc(hidden)]
pub fn read_victim(text: &str) -> Result<Victim, String> {
    let look = Look { stdin: |_| Ok(Vec::new()), writable: |dir| Ok(PathBuf::from(dir)) };
    parse_with(text, "", &look).map(|chosen| chosen.victim)
}

fn parse_with(text: &str, here: &str, look: &Look) -> Result<Chosen, String> {
    let file: File = toml::from_str(text).map_err(|e| output::lines(&e.to_string()))?;
    if file.schema != SCHEMA {
        return Err(format!("schema {:?} is not {SCHEMA:?}", file.schema));
    }
    let chosen = match (&file.command, &file.rust) {
        (Some(command), None) => {
            let installs = Installs { pip: command.pip.clone(), npm: command.npm.clone() };
            Chosen { installs, ..Chosen::from(program(&file.name, command, here, look)?) }
        }
        (None, Some(rust)) => {
            let package = Some(package(&file, rust, text, here));
            Chosen { package, ..Chosen::from(spec::unbuilt(&file.name)) }
        }
        _ => return Err("either [command] or [rust] was expected".to_owned()),
    };
    Ok(Chosen { victim: described(chosen.victim, &file)?, ..chosen })
}

fn package(file: &File, rust: &Rust, text: &str, here: &str) -> Package {
    let asks = rust.process || file.judge.signals || file.judge.instances == Some(2);
    Package {
        name: file.name.clone(),
        dependencies: Package::at(Path::new(here), rust.dependencies.clone()),
        body: Body::in_toml(text, rust.body.span(), rust.body.get_ref().clone()),
        edition: rust.edition,
        runtime: rust.runtime,
        process: asks.then_some("its victim file asks for it"),
        file: None,
    }
}

fn stdin(command: &Command, here: &str, look: &Look) -> Result<Option<Vec<u8>>, String> {
    match (&command.stdin, &command.stdin_text, command.tty) {
        (None, None, _) => Ok(None),
        (Some(name), None, false) => {
            (look.stdin)(&Path::new(here).join(name.replace("{here}", here))).map(Some)
        }
        (None, Some(text), false) => Ok(Some(text.clone().into_bytes())),
        _ => Err("command.stdin, command.stdin_text and command.tty exclude each other".to_owned()),
    }
}

/// What it says of entries.
fn patterns(victim: Victim, judge: &Judge) -> Victim {
    let Judge { keeps, public, passes, replaces, noclobber, .. } = judge;
    let victim = keeps.iter().fold(victim, |victim, pattern| victim.keeps(pattern));
    let victim = public.iter().fold(victim, |victim, pattern| victim.public(pattern));
    let victim = passes.iter().fold(victim, |victim, pattern| victim.passes(pattern));
    let victim = replaces.iter().fold(victim, |victim, pattern| victim.replaces(pattern));
    noclobber.iter().fold(victim, |victim, pattern| victim.noclobber(pattern))
}

/// Says at which key a value is wrong.
fn at<T>(key: &str, value: Result<T, String>) -> Result<T, String> {
    value.map_err(|what| format!("{key}: {what}"))
}

fn program(name: &str, command: &Command, here: &str, look: &Look) -> Result<Victim, String> {
    let fill = |text: &String| text.replace("{here}", here);
    let writable: Result<Vec<PathBuf>, String> = command
        .writable
        .iter()
        .map(|dir| (look.writable)(&fill(dir)).map_err(|e| format!("command.writable: {dir}: {e}")))
        .collect();
    let program = Program {
        argv: command.argv.iter().map(fill).collect(),
        env: command.env.iter().map(|(key, value)| (key.clone(), fill(value))).collect(),
        setup: command.setup.as_ref().map(fill),
        stdin: stdin(command, here, look)?,
        tty: command.tty,
        cwd: None,
        writable: writable?,
    };
    if program.argv.is_empty() {
        return Err("command.argv is empty; name a command and its arguments".to_owned());
    }
    // One below {private} is made by the setup.
    let interpreter = program.argv.first().filter(|name| !name.starts_with('{')).cloned();
    let victim = Victim::program(name, program);
    Ok(interpreter.iter().chain(&command.needs).fold(victim, |victim, name| victim.needs(name)))
}

/// The victim with all that the file says beside what it does.
fn described(victim: Victim, file: &File) -> Result<Victim, String> {
    let tags: Vec<&str> = file.tags.iter().map(String::as_str).collect();
    let mut victim = victim.summary(&file.summary).tags(&tags);
    for staged in &file.stage.files {
        let StagedFile { path, mode, content, .. } = staged;
        victim = match staged.owner {
            Owner::Victim => victim.stage(path, *mode, content),
            Owner::Attacker => victim.stage_foreign(path, *mode, content),
        };
    }
    victim = victim.faults(file.judge.faults).signals(file.judge.signals);
    match file.judge.depth {
        None => {}
        Some(acts @ 1..=3) => victim = victim.depth(acts),
        Some(acts) => return Err(format!("judge.depth is {acts}; 1, 2 or 3 was expected")),
    }
    victim = match file.judge.instances {
        None | Some(1) => victim,
        Some(2) => victim.instances(2),
        Some(count) => return Err(format!("judge.instances = {count}: 1 or 2 was expected")),
    };
    if let Some(number) = file.judge.determinism {
        let level = values::level(&number.to_string());
        victim = victim.determinism(at(&format!("judge.determinism = {number}"), level)?);
    }
    victim = patterns(victim, &file.judge);
    if let Some(names) = &file.judge.attackers {
        let classes: Result<Vec<Class>, String> =
            names.iter().map(|name| at("judge.attackers", values::class(name))).collect();
        victim = victim.attackers(&classes?);
    }
    for rule in &file.expect.pass {
        at("expect.pass", values::rule_id(rule))?;
    }
    file.expect.fail.iter().try_fold(victim, |victim, expected| {
        let id = at("expect.fail", values::rule_id(&expected.rule))?;
        let rule = linkbait::rules::rule(&id).ok_or("no such rule")?;
        Ok(victim.expect(rule.id, at("expect.fail", values::class(&expected.attacker))?))
    })
}
