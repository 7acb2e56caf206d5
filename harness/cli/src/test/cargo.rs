//! Has cargo build the tests, and learns how it would start each binary: cargo starts this command in the place of each
//! (its option `runner`), which prints what it was given. So no convention of cargo's is written down here.

use super::binary::{Binary, kind_of};
use crate::args::Usage;
use crate::{Exit, output};
use anyhow::Context;
use cargo_metadata::{Artifact, Message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// cargo could not build the tests, and has said why.
#[derive(Debug)]
pub(crate) struct CannotBuild;

impl std::fmt::Display for CannotBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cargo could not build the tests; what it said stands above")
    }
}

impl std::error::Error for CannotBuild {}

/// How cargo starts a binary.
#[derive(Deserialize, Serialize)]
struct Start {
    /// Tells these lines from others.
    linkbait_start: String,
    cwd: PathBuf,
    env: BTreeMap<String, String>,
}

/// In the place of a test binary: tells how it would have been started.
pub(crate) fn tell_start(argv: &[String]) -> anyhow::Result<Exit> {
    let start = Start {
        linkbait_start: argv.first().cloned().unwrap_or_default(),
        cwd: std::env::current_dir().context("getcwd")?,
        // What is no text is no variable of cargo's.
        env: std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect(),
    };
    output::print(&format!("{}\n", serde_json::to_string(&start)?))?;
    Ok(Exit::Clean)
}

/// What nextest tells tests, each of which is a process. And no backtraces: a test that fails under attack, as it may, would
/// spend most of its time on them.
const FOR_TESTS: [(&str, &str); 3] =
    [("NEXTEST", "1"), ("NEXTEST_EXECUTION_MODE", "process-per-test"), ("RUST_BACKTRACE", "0")];

/// Options of cargo that choose targets. Without any, tests in the documentation would be run.
const TARGETS: [&str; 10] = [
    "--lib",
    "--bin",
    "--bins",
    "--example",
    "--examples",
    "--test",
    "--tests",
    "--bench",
    "--benches",
    "--all-targets",
];

/// What cargo has built.
pub(super) struct Built {
    /// The test binaries that `cargo test` would run with these arguments, in its order.
    pub(super) binaries: Vec<Binary>,
    /// The number of those that it has started otherwise than we asked for.
    pub(super) astray: usize,
}

pub(super) fn build(args: &[String]) -> anyhow::Result<Built> {
    check(args)?;
    let mut command = command(args)?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.context("`linkbait test` needs cargo, which cannot be started")?;
    let (mut artifacts, mut starts) = (Vec::new(), Vec::new());
    let told = child.stdout.take().into_iter().flat_map(|told| Message::parse_stream(BufReader::new(told)));
    for message in told {
        match message.context("read what cargo says")? {
            Message::CompilerArtifact(artifact) if artifact.profile.test => artifacts.push(artifact),
            Message::TextLine(line) => starts.extend(serde_json::from_str::<Start>(&line)),
            _ => {}
        }
    }
    if !child.wait().context("wait for cargo")?.success() {
        return Err(CannotBuild.into());
    }
    let binaries: Vec<Binary> = starts.into_iter().filter_map(|start| binary(&artifacts, start)).collect();
    let executables = artifacts.iter().filter(|artifact| artifact.executable.is_some());
    Ok(Built { astray: executables.count().saturating_sub(binaries.len()), binaries })
}

/// Refuses arguments that would make cargo do something else.
fn check(args: &[String]) -> Result<(), Usage> {
    let refused = [
        ("--", "names of tests come before the first `--`"),
        ("--doc", "tests in the documentation cannot be judged"),
        ("--no-run", "nothing is run anyway"),
        ("--message-format", "linkbait reads what cargo says"),
    ];
    let mut given = args.iter().map(|arg| arg.split('=').next().unwrap_or_default());
    let wrong = given.find_map(|arg| refused.iter().find(|(wrong, _)| arg == *wrong));
    wrong.map_or(Ok(()), |(wrong, why)| Err(Usage(format!("{wrong} after `--`: {why}"))))
}

/// `cargo test` with this command as the runner.
fn command(args: &[String]) -> anyhow::Result<Command> {
    let own = std::env::current_exe().context("readlink(\"/proc/self/exe\")")?;
    let runner = serde_json::to_string(&[own.to_string_lossy().as_ref(), "tell-start"])?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["test", "--message-format=json-render-diagnostics", "--config"]);
    command.arg(format!("target.\"cfg(all())\".runner={runner}")).args(args);
    let chosen = |arg: &String| TARGETS.iter().any(|option| arg.split('=').next() == Some(*option));
    if !args.iter().any(chosen) {
        command.arg("--tests");
    }
    Ok(command)
}

fn binary(artifacts: &[Artifact], start: Start) -> Option<Binary> {
    let Start { linkbait_start: executable, cwd, env } = start;
    let is_it = |artifact: &&Artifact| artifact.executable.as_ref().is_some_and(|path| *path == *executable);
    let artifact = artifacts.iter().find(is_it)?;
    let package = env.get("CARGO_PKG_NAME").cloned().unwrap_or_default();
    let is_new = |(key, value): &(String, String)| std::env::var(key).as_ref() != Ok(value);
    let mut env: Vec<(String, String)> = env.into_iter().filter(is_new).collect();
    env.extend(FOR_TESTS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let (kind, name) = kind_of(&artifact.target);
    let manifest = artifact.manifest_path.clone().into_std_path_buf();
    Some(Binary {
        package,
        manifest,
        kind,
        name,
        has_doc_tests: artifact.target.doctest,
        executable,
        cwd,
        env,
    })
}
