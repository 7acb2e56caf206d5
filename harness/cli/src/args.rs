//! The command line. Owns names and meanings of arguments, not what is done with them.

use clap::{Parser, Subcommand, ValueEnum};
use linkbait::Class;
use std::path::PathBuf;

/// Shows whether code that touches temporary files can be raced.
#[derive(Debug, Parser)]
#[command(name = "linkbait", version, about)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge the built-in victims, or those named
    Run {
        /// Names of victims, or tags such as `safe`
        names: Vec<String>,
    },
    /// Run the schedule of a timeline again
    Replay {
        /// A file that a finding was saved in
        file: PathBuf,
    },
    /// List rules or victims
    List {
        /// What to list
        what: Listed,
    },
    /// Say what a rule means, why, and what to do instead
    Explain {
        /// Rule id
        id: String,
    },
    /// Say what this machine allows, and what follows
    Doctor,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Listed {
    Rules,
    Victims,
}

/// Options that the judging commands share.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Classes of attacker, comma-separated: none, other-user, dir-writer
    #[arg(long, global = true, value_delimiter = ',', value_parser = class, value_name = "CLASS")]
    pub(crate) attacker: Vec<Class>,
    /// Umasks in octal, comma-separated
    #[arg(long, global = true, value_delimiter = ',', value_parser = octal, value_name = "MASK")]
    pub(crate) umask: Vec<u32>,
    /// Apply these rules only
    #[arg(long, global = true, value_delimiter = ',', value_parser = rule_id, value_name = "ID")]
    pub(crate) rule: Vec<String>,
    /// Who reads: auditors also see suspicions
    #[arg(long, global = true, value_enum, default_value = "regular")]
    pub(crate) persona: Persona,
    /// Output format
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Victims judged at the same time; as many as there are cores by default
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Show no progress
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Persona {
    Regular,
    Auditor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The user asked for something that does not exist.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn class(text: &str) -> Result<Class, String> {
    let names: Vec<_> = Class::ALL.iter().map(|c| c.name()).collect();
    Class::named(text).ok_or_else(|| format!("there are {}", names.join(", ")))
}

fn octal(text: &str) -> Result<u32, String> {
    let mask = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o777);
    mask.ok_or_else(|| "an octal number from 000 to 777 was expected".to_owned())
}

fn rule_id(text: &str) -> Result<String, String> {
    let ids: Vec<_> = linkbait::RULES.iter().map(|r| r.id).collect();
    if ids.contains(&text) { Ok(text.to_owned()) } else { Err(format!("the rules are {}", ids.join(", "))) }
}
