//! The command line. Owns names and meanings of arguments, not how their values are read (`values`) nor what is done
//! with them.

use crate::config::ignore::Ignore;
use crate::package::spec::Crates;
use crate::values::{self, Seconds, Shard};
use clap::{Parser, Subcommand, ValueEnum};
use linkbait::{Class, Determinism, FileSystem, Level};
use std::path::PathBuf;

/// Shows whether code that touches temporary files can be raced.
#[derive(Debug, Parser)]
#[command(name = "linkbait", version, args_conflicts_with_subcommands = true, after_help = EXITS)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) judging: Judging,
    /// Colours: auto follows the terminal, NO_COLOR and CLICOLOR_FORCE
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        env = "CARGO_TERM_COLOR",
        value_name = "WHEN"
    )]
    pub(crate) color: Color,
}

impl Args {
    /// The options of a command that judges, as the user calls it.
    pub(crate) fn judging_mut(&mut self) -> Option<&mut Judging> {
        match &mut self.command {
            None => Some(&mut self.judging),
            Some(
                Command::Run { judging, .. }
                | Command::Exec { judging, .. }
                | Command::Crate { judging, .. }
                | Command::Test { judging, .. },
            ) => Some(judging),
            Some(_) => None,
        }
    }
}

const EXITS: &str = "Without a command it does what `run` does.\n\nExit codes: 0 nothing found, 2 usage, \
    4 nothing to judge, 5 inconclusive, 6 unsupported here, 70 our fault, 100 findings, \
    101 a victim cannot be started or hangs when left alone";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge the built-in victims, or those named
    Run {
        /// Names of victims, tags such as `safe`, victim files, or directories of them
        names: Vec<String>,
        #[command(flatten)]
        judging: Judging,
    },
    /// Judge a program: any command, contained, held at each call that touches its temporary files
    Exec {
        #[command(flatten)]
        judging: Judging,
        #[command(flatten)]
        streams: Streams,
        /// The command and its arguments, after `--`; {shared}, {private} and {outside} stand for its directories
        #[arg(last = true, required = true, value_name = "CMD")]
        argv: Vec<String>,
    },
    /// Judge calls of crates: each is built with what it depends on, and run in a process of its own
    Crate {
        #[command(flatten)]
        crates: Crates,
        #[command(flatten)]
        judging: Judging,
    },
    /// Judge the tests of the package in this directory: each is a victim, in a process of its own
    Test {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        judging: Judging,
        /// Arguments for `cargo test`, after `--`: what is built and how, such as --lib, --package NAME, --features NAME
        #[arg(last = true, value_name = "CARGO ARGS")]
        cargo: Vec<String>,
    },
    /// Judge published faults, each in the version that has it and the fixed one, and say whether what is found is as published
    Advisories {
        /// Ids of advisories, files of some, or directories of them; all that are built in without
        #[arg(value_name = "ID or FILE")]
        names: Vec<String>,
        #[command(flatten)]
        judging: Judging,
    },
    /// Make one report of the JSON reports of all shards of a run
    Merge {
        /// The reports, in any order
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        printing: Printing,
    },
    /// Say how predictable the names of a victim's temporary files are, with predictions beside what came
    Names {
        /// A built-in victim, or a victim file
        #[arg(conflicts_with = "argv", required_unless_present = "argv")]
        victim: Option<String>,
        /// Fresh runs to predict the names of
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5", value_name = "N")]
        runs: u32,
        /// Let programs write this directory; what they write is thrown away after each run
        #[arg(long, value_name = "DIR", value_parser = values::writable)]
        writable: Vec<PathBuf>,
        #[arg(long, value_parser = values::seconds, default_value = "2s", value_name = "TIME", help = TIMEOUT)]
        timeout: Seconds,
        /// Form of the answer
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The command and its arguments, after `--`
        #[arg(last = true, value_name = "CMD")]
        argv: Vec<String>,
    },
    /// Run the schedule of a timeline again
    Replay {
        /// A file that a finding was saved in
        file: PathBuf,
        /// The victim file that the timeline is of
        #[arg(long, value_name = "FILE")]
        victim: Option<PathBuf>,
        /// Let programs write this directory; what they write is thrown away after each trial
        #[arg(long, value_name = "DIR", value_parser = values::writable)]
        writable: Vec<PathBuf>,
        /// Run it this often, and say how many of the runs were identical
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000), default_value = "1", value_name = "N")]
        times: u32,
        /// Do not run it: print a shell script that shows the findings without linkbait
        #[arg(long, conflicts_with = "times")]
        script: bool,
        /// Write the script there instead of to stdout
        #[arg(long, value_name = "FILE", requires = "script")]
        output: Option<PathBuf>,
        #[command(flatten)]
        chance: Chance,
        #[arg(long, value_parser = values::seconds, default_value = "2s", value_name = "TIME", help = TIMEOUT)]
        timeout: Seconds,
    },
    /// Print the smallest schedule that still shows the findings of a timeline
    Minimize {
        /// A file that a finding was saved in
        file: PathBuf,
        /// The victim file that the timeline is of
        #[arg(long, value_name = "FILE")]
        victim: Option<PathBuf>,
        /// Let programs write this directory; what they write is thrown away after each trial
        #[arg(long, value_name = "DIR", value_parser = values::writable)]
        writable: Vec<PathBuf>,
        /// Write the timeline there instead of to stdout
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        chance: Chance,
        #[arg(long, value_parser = values::seconds, default_value = "2s", value_name = "TIME", help = TIMEOUT)]
        timeout: Seconds,
    },
    /// List rules, victims, moves, schemas or advisories
    List {
        /// What to list
        what: Listed,
        /// Form of the list; Markdown is of rules only, with all that is said of them
        #[arg(long, value_enum, default_value = "text")]
        format: ListFormat,
    },
    /// Say what a rule means, why, and what to do instead
    Explain {
        /// Rule id
        id: String,
    },
    /// Measure what linkbait costs on this machine, each figure beside its floor in the same rounds
    Bench {
        #[command(flatten)]
        measuring: Measuring,
    },
    /// Write files to start from: a config file, and a test in a cargo package or else a victim file; what is there stays
    Init,
    /// Print the JSON Schema of a format of linkbait's; `list schemas` names them
    Schema {
        /// What stands in a document as its schema, such as linkbait-report/1
        name: String,
    },
    /// Say what this machine allows, and what follows
    Doctor,
    /// Run the body of a built-in victim once, with nobody in control of it: for victims that are judged as programs
    #[command(hide = true)]
    Body { name: String, shared: PathBuf, outside: PathBuf, private: PathBuf },
    /// Run trials of a kind, and print how many: for `bench`, which counts their calls
    #[command(hide = true)]
    Trials { kind: String, times: u32 },
    /// Judge one victim that was built as a package of its own, and print the report as JSON: for the linkbait that built it
    #[command(hide = true)]
    Apart {
        /// What to judge, as JSON
        told: String,
        #[command(flatten)]
        judging: Judging,
    },
    /// Tell how cargo starts a test binary: cargo calls this in its place
    #[command(hide = true)]
    TellStart {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<String>,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

const TIMEOUT: &str = "Time without any call after which a victim counts as hung";

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Listed {
    Rules,
    Victims,
    Moves,
    Schemas,
    Advisories,
}

/// The options of `run`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Judging {
    /// Try these classes instead of each victim's own: none, other-user, dir-writer
    #[arg(long, value_delimiter = ',', value_parser = values::class, value_name = "CLASS")]
    pub(crate) attacker: Vec<Class>,
    /// Try these umasks, in octal
    #[arg(long, value_delimiter = ',', value_parser = values::octal, default_value = "022,000", value_name = "MASK")]
    pub(crate) umask: Vec<u32>,
    /// Apply these rules only
    #[arg(long, value_delimiter = ',', value_parser = values::rule_id, value_name = "ID")]
    pub(crate) rule: Vec<String>,
    /// Try all schedules of up to this many acts, 1 to 3; with --samples the acts in a sample, up to 8
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=8), default_value = "1", value_name = "N")]
    pub(crate) depth: u32,
    /// Beyond all schedules of one act, draw this many longer ones by chance, for each attacker and umask
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub(crate) samples: Option<u64>,
    /// Try at most this many schedules of each victim; of each test 2000 without, in 200000 calls
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub(crate) trials: Option<u64>,
    /// Also try schedules, of several acts or of two copies, that can show nothing which others do not show
    #[arg(long)]
    pub(crate) no_reduction: bool,
    /// Judge on each of these file systems: tmpfs, ext4, xfs, btrfs, overlay, no-excl (remote, without O_EXCL)
    #[arg(long, value_delimiter = ',', value_parser = values::file_system, value_name = "NAME")]
    pub(crate) fs: Vec<FileSystem>,
    /// Let programs write this directory; what they write is thrown away after each trial
    #[arg(long, value_name = "DIR", value_parser = values::writable)]
    pub(crate) writable: Vec<PathBuf>,
    /// Also let calls fail: every errno of their man pages, short writes, missing calls
    #[arg(long)]
    pub(crate) faults: bool,
    /// Also send signals at every call: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGKILL to programs, SIGKILL to victims in Rust
    #[arg(long)]
    pub(crate) signals: bool,
    /// With 2, also run two copies of each program at once, in every order of their calls that matters
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2), default_value = "1", value_name = "N")]
    pub(crate) instances: u8,
    /// Judge only the k-th of n shards of the victims, from 1, dealt evenly by cost; `merge` makes one report of all shards
    #[arg(long, value_parser = values::shard, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Take the costs of victims from this JSON report of an earlier run; all shards need the same
    #[arg(long, value_name = "FILE")]
    pub(crate) costs: Option<PathBuf>,
    /// Judge this many victims at once; by default one on each core
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..), value_name = "N")]
    pub(crate) jobs: Option<u16>,
    #[arg(long, value_parser = values::seconds, default_value = "2s", value_name = "TIME", help = TIMEOUT)]
    pub(crate) timeout: Seconds,
    #[command(flatten)]
    pub(crate) chance: Chance,
    /// Who reads: auditors also see suspicions
    #[arg(long, value_enum, default_value = "regular", value_name = "WHO")]
    pub(crate) persona: Persona,
    /// Judge all anew, also what an interrupted run has judged or what tests came out clean before, and keep nothing
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// Defaults of options, and findings to ignore; by default .config/linkbait.toml, if it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What that file says to ignore.
    #[arg(skip)]
    pub(crate) ignores: Vec<Ignore>,
    #[command(flatten)]
    pub(crate) printing: Printing,
}

/// Which of a package's tests are judged. Without names all are.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// Judge tests that have one of these in their names
    #[arg(value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
    /// Judge tests that are named exactly so, and skip only such
    #[arg(long)]
    pub(crate) exact: bool,
    /// Leave out tests that have this in their names; may be repeated
    #[arg(long, value_name = "FILTER")]
    pub(crate) skip: Vec<String>,
    /// Judge the tests marked #[ignore] only
    #[arg(long, conflicts_with = "include_ignored")]
    pub(crate) ignored: bool,
    /// Judge the tests marked #[ignore] too
    #[arg(long)]
    pub(crate) include_ignored: bool,
}

/// What becomes of a report.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Printing {
    /// Fail with 6 when anything could not be judged on this machine
    #[arg(long)]
    pub(crate) require: bool,
    /// Draw every finding, also of a run without names that has many
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ReportFormat,
    /// Write the report there instead of to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Compare with this JSON report of an earlier run: findings that it has do not fail this one
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
}

/// What is measured, and what becomes of the figures.
#[derive(Debug, clap::Args)]
pub(crate) struct Measuring {
    /// What to measure, as --list has it; `all` is all of it. Without names what takes a minute
    #[arg(value_name = "PART")]
    pub(crate) parts: Vec<String>,
    /// List the parts, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Let what is compared take turns in at most this many rounds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), value_name = "N")]
    pub(crate) rounds: Option<u32>,
    /// Look at the memory after this many trials
    #[arg(long, value_parser = clap::value_parser!(u64).range(2..), default_value = "100000", value_name = "N")]
    pub(crate) trials: u64,
    /// Fail with 100 when a promise is not kept, and with 6 when a part could not be measured on this machine
    #[arg(long)]
    pub(crate) require: bool,
    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// Form of the figures
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: BenchFormat,
    /// Write them there instead of to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What a command gets to read from and print to.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Streams {
    /// Let it read this file from its standard input, from the start in every trial; nothing without
    #[arg(long, value_name = "FILE", conflicts_with = "tty")]
    pub(crate) stdin: Option<PathBuf>,
    /// Give it a terminal of its own as standard input, output and error; nobody types on it
    #[arg(long)]
    pub(crate) tty: bool,
}

/// How much of a program's chance is fixed. What is not said is as the timeline has it, or as it is by default.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Chance {
    /// Fix nothing of a program's chance (0), its random bytes (1), also its clock, addresses and order of tasks (2)
    #[arg(long, value_parser = values::level, value_name = "LEVEL")]
    pub(crate) determinism: Option<Level>,
    /// What the fixed chance of a program, and the samples drawn, follow from
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

impl Chance {
    pub(crate) fn or(self, otherwise: Determinism) -> Determinism {
        let level = self.determinism.unwrap_or(otherwise.level);
        Determinism { level, seed: self.seed.unwrap_or(otherwise.seed) }
    }
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

/// Forms of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Markdown,
}

/// Forms of what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchFormat {
    Text,
    Json,
    /// A table between markers; with --output into a text that has them
    Markdown,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
    /// Every rule after every phase, with the trials behind it, as Markdown
    Phases,
    /// The scorecard in Markdown, between markers; with --output into a text that has them
    Markdown,
    /// All of it in one file for a browser
    Html,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML: a suite for each victim, a case for each rule
    Junit,
    /// Annotations for a workflow of GitHub's
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
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
