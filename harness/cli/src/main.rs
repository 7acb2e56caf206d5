//! The command `linkbait`: arguments in, exit code out. Owns the exit codes; the work is in the modules.
//!
//! Exit codes: 0 nothing found · 2 usage · 4 nothing to judge · 5 inconclusive · 6 unsupported here · 70 our fault ·
//! 100 findings.

mod args;
mod doctor;
mod explain;
mod report;
mod run;

use args::{Args, Command, Listed};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// What a command came to, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Clean = 0,
    Usage = 2,
    NothingToJudge = 4,
    Inconclusive = 5,
    Unsupported = 6,
    Ours = 70,
    Findings = 100,
}

fn main() -> ExitCode {
    let args = Args::parse_from(without_cargo_word(std::env::args_os()));
    let exit = match dispatch(args) {
        Ok(exit) => exit,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "linkbait: {error:#}");
            exit_of(&error)
        }
    };
    ExitCode::from(exit as u8)
}

/// `cargo linkbait run` calls `cargo-linkbait linkbait run`.
fn without_cargo_word(args: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let mut args: Vec<_> = args.collect();
    let called_by_cargo = args.first().is_some_and(|a| a.to_string_lossy().ends_with("cargo-linkbait"));
    if called_by_cargo && args.get(1).is_some_and(|a| a == "linkbait") {
        args.remove(1);
    }
    args
}

fn dispatch(args: Args) -> anyhow::Result<Exit> {
    match args.command.unwrap_or(Command::Run { names: Vec::new() }) {
        Command::Run { names } => run::run(&args.options, &names),
        Command::Replay { file } => run::replay(&file),
        Command::List { what: Listed::Rules } => explain::list_rules(),
        Command::List { what: Listed::Victims } => explain::list_victims(),
        Command::Explain { id } => explain::explain(&id),
        Command::Doctor => doctor::doctor(),
    }
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<linkbait::Error>().map(linkbait::Error::kind) {
        Some(linkbait::ErrorKind::Unsupported(_)) => Exit::Unsupported,
        Some(linkbait::ErrorKind::Input(_)) => Exit::Usage,
        None if error.is::<args::Usage>() => Exit::Usage,
        _ => Exit::Ours,
    }
}
