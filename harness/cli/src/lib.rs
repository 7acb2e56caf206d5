//! The command `linkbait`: arguments in, exit code out. Owns the exit codes; the work is in the modules.
//!
//! Exit codes: 0 nothing found · 2 usage · 4 nothing to judge · 5 inconclusive · 6 unsupported here · 70 our fault ·
//! 100 findings · 101 a victim cannot be started, or hangs when left alone.

mod advisory;
mod apart;
mod args;
mod baseline;
mod bench;
mod cache;
mod config;
mod costs;
mod crew;
mod doctor;
mod explain;
mod files;
mod handed;
mod init;
mod installed;
mod interrupt;
mod merge;
mod names;
mod output;
mod package;
mod progress;
mod publish;
mod replay;
mod report;
mod roster;
mod roster_file;
mod run;
mod schema;
mod script;
mod select;
mod shell;
mod source;
mod subject;
mod test;
mod values;
mod victim_file;

use args::{Args, Command};
use clap::{CommandFactory, FromArgMatches};
use linkbait::Dirs;
use replay::Again;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

#[doc(hidden)]
pub use victim_file::read_victim;

/// What the pages say in Rust compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
mod pages {}

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
    /// A victim cannot be started, or hangs when left alone.
    HangsAlone = 101,
}

/// Runs the command; `called` is how the user calls it, for its usage texts.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>, called: &'static str) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let matches = command().bin_name(called).try_get_matches_from(&args);
    let parsed = matches.and_then(|matches| Ok((Args::from_arg_matches(&matches)?, matches)));
    let (mut parsed, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error, &args),
    };
    parsed.color.apply();
    let configured = config::apply(&mut parsed, &matches, SystemTime::now());
    let exit = configured.and_then(|()| dispatch(parsed)).unwrap_or_else(|error| {
        output::complain(&format!("{error:#}"));
        exit_of(&error)
    });
    ExitCode::from(exit as u8)
}

/// The command line as clap knows it: for completions, the manual page and the tests.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

/// Prints help to stdout or a usage error to stderr.
fn usage(error: &clap::Error, args: &[OsString]) -> ExitCode {
    // clap repeats arguments as they came. They may be names of files that somebody else made.
    let hostile = args.iter().any(|arg| arg.to_string_lossy().chars().any(output::is_unsafe));
    if hostile {
        output::complain(error.render().to_string().trim_end());
    } else {
        // A closed pipe is the only way this can fail, and nobody is left to tell.
        let _ = error.print();
    }
    ExitCode::from(error.exit_code() as u8)
}

fn dispatch(args: Args) -> anyhow::Result<Exit> {
    let text = match args.command {
        None => return run::run(&args.judging, &[]),
        Some(Command::Run { names, judging }) => return run::run(&judging, &names),
        Some(Command::Crate { crates, judging }) => return run::crates(&judging, &crates),
        Some(Command::Apart { told, judging }) => return apart::inside::judge(&told, &judging),
        Some(Command::Exec { judging, streams, argv }) => return run::exec(&judging, &streams, &argv),
        Some(Command::Test { which, judging, cargo }) => return run::test(&judging, &which, &cargo),
        Some(Command::Advisories { names, judging }) => return advisory::advisories(&judging, &names),
        Some(Command::TellStart { argv }) => return test::tell_start(&argv),
        Some(Command::Merge { files, printing }) => return merge::merge(&files, &printing),
        Some(Command::Replay { file, victim, writable, times, script, output, chance, timeout }) => {
            let again = Again { file, victim, writable, chance, silence: timeout.into() };
            return match script {
                true => replay::script(&again, output.as_deref()),
                false => replay::replay(&again, times),
            };
        }
        Some(Command::Minimize { file, victim, writable, output, chance, timeout }) => {
            let again = Again { file, victim, writable, chance, silence: timeout.into() };
            return replay::minimize(&again, output.as_deref());
        }
        Some(Command::Names { victim, runs, writable, timeout, format, argv }) => {
            let asked = names::Asked { victim, argv, writable, runs, silence: timeout.into(), format };
            return names::names(&asked);
        }
        Some(Command::Bench { measuring }) => return bench::bench(&measuring),
        Some(Command::Trials { kind, times }) => {
            format!("{}\n", linkbait_benches::run_trials(&linkbait::Host::detect(), &kind, times)?)
        }
        Some(Command::Init) => return init::init(),
        Some(Command::Doctor) => return doctor::doctor(),
        Some(Command::List { what, format }) => explain::list(what, format)?,
        Some(Command::Schema { name }) => schema::schema(&name)?.to_owned(),
        Some(Command::Explain { id }) => explain::explain(&id)?,
        Some(Command::Body { name, shared, outside, private }) => {
            return roster::run_body(&name, &Dirs { shared, outside, private });
        }
        Some(Command::Completions { shell }) => shell::completions(shell),
        Some(Command::Man) => shell::man()?,
    };
    output::print(&text)?;
    Ok(Exit::Clean)
}

fn exit_of(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<linkbait::Error>().map(linkbait::Error::kind) {
        Some(linkbait::ErrorKind::Unsupported(_)) => Exit::Unsupported,
        Some(linkbait::ErrorKind::Input(_)) => Exit::Usage,
        Some(linkbait::ErrorKind::Victim(_)) => Exit::HangsAlone,
        None if error.is::<args::Usage>() => Exit::Usage,
        None if error.is::<package::Failure>() => of_failure(error),
        None if error.is::<script::Refused>() => Exit::Unsupported,
        None if error.is::<test::CannotBuild>() => Exit::HangsAlone,
        _ => Exit::Ours,
    }
}

fn of_failure(error: &anyhow::Error) -> Exit {
    match error.downcast_ref() {
        Some(package::Failure::Wrong(_)) => Exit::Usage,
        Some(package::Failure::Unsupported(_)) => Exit::Unsupported,
        _ => Exit::Ours,
    }
}
