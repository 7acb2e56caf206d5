//! `linkbait crate`: victims from crates and calls on the command line. The name of such a victim holds all that was said of it,
//! so that a timeline of it can be replayed.

use super::{Body, Edition, Package, Runtime};
use crate::args::{Args, Command, Usage};
use crate::select::Chosen;
use clap::Parser;
use linkbait::Victim;
use std::path::PathBuf;

/// What the names of these victims begin with.
pub(crate) const PREFIX: &str = "crate: ";

/// The options of `crate`, beside those of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Crates {
    /// Crates, each judged by itself: NAME for the newest version, NAME@1.2.3 for exactly this one
    #[arg(required = true, value_name = "NAME[@VERSION]")]
    pub(crate) names: Vec<String>,
    /// What to run, as the body of a function with `dir`, `outside` and `private`: &Path, `secret`: &[u8], and `?`; may be repeated
    #[arg(long, required = true, value_name = "RUST")]
    pub(crate) call: Vec<String>,
    /// Features of the crates
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    pub(crate) features: Vec<String>,
    /// Without the default features of the crates
    #[arg(long)]
    pub(crate) no_default_features: bool,
    /// The crate is in this git repository
    #[arg(long, value_name = "URL")]
    pub(crate) git: Option<String>,
    /// Of that repository this commit, tag or branch
    #[arg(long, value_name = "REV", requires = "git")]
    pub(crate) rev: Option<String>,
    /// The crate is in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    pub(crate) path: Option<PathBuf>,
    /// A file that stands in `dir` at the start; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) stage: Vec<String>,
    /// A pattern of entries that the calls are meant to leave in `dir`; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) keeps: Vec<String>,
    /// The calls may await; this runs them
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) runtime: Option<Runtime>,
}

impl Crates {
    /// Every call on every crate.
    pub(crate) fn victims(&self) -> Result<Vec<Chosen>, Usage> {
        let pairs = self.names.iter().flat_map(|name| self.call.iter().map(move |call| (name, call)));
        pairs.map(|(name, call)| self.victim(name, call)).collect()
    }

    fn victim(&self, spec: &str, call: &str) -> Result<Chosen, Usage> {
        let (name, version) =
            spec.split_once('@').map_or((spec, None), |(name, version)| (name, Some(version)));
        let mut wanted = toml::Table::new();
        let mut say = |key: &str, value: toml::Value| drop(wanted.insert(key.to_owned(), value));
        match (&self.git, &self.path) {
            (Some(url), _) => say("git", url.as_str().into()),
            (None, Some(dir)) => say("path", real(dir)?.into()),
            (None, None) => say("version", version.unwrap_or("*").into()),
        }
        if let Some(version) = version {
            say("version", requirement(version).into());
        }
        if let Some(rev) = &self.rev {
            say("rev", rev.as_str().into());
        }
        if !self.features.is_empty() {
            say("features", self.features.clone().into());
        }
        if self.no_default_features {
            say("default-features", false.into());
        }
        let dependencies = toml::Table::from_iter([(name.to_owned(), wanted.into())]);
        let title = self.name(spec, call)?;
        let body = Body { text: call.to_owned(), line: 2, column: 1, shown: "--call".to_owned() };
        let (edition, runtime) = (Edition::default(), self.runtime);
        let package =
            Package { name: title.clone(), dependencies, body, edition, runtime, process: None, file: None };
        let victim =
            self.stage.iter().fold(unbuilt(&title), |victim, file| victim.stage(file, 0o600, "staged\n"));
        let victim = self.keeps.iter().fold(victim, |victim, pattern| victim.keeps(pattern));
        Ok(Chosen { package: Some(package), ..Chosen::from(victim.tags(&["crate"])) })
    }

    /// The arguments that make one victim.
    fn name(&self, spec: &str, call: &str) -> Result<String, Usage> {
        let features = self.features.join(",");
        let path = self.path.as_ref().map(|path| path.to_string_lossy());
        let runtime = self.runtime.and_then(|runtime| clap::ValueEnum::to_possible_value(&runtime));
        let options = [
            ("--features", Some(features.as_str()).filter(|features| !features.is_empty())),
            ("--git", self.git.as_deref()),
            ("--rev", self.rev.as_deref()),
            ("--path", path.as_deref()),
            ("--runtime", runtime.as_ref().map(clap::builder::PossibleValue::get_name)),
        ];
        let mut words = vec![spec];
        words.extend(self.no_default_features.then_some("--no-default-features"));
        words.extend(options.iter().filter_map(|(name, value)| Some([*name, (*value)?])).flatten());
        words.extend(self.stage.iter().flat_map(|file| ["--stage", file]));
        words.extend(self.keeps.iter().flat_map(|pattern| ["--keeps", pattern]));
        words.extend(["--call", call]);
        let line =
            shlex::try_join(words).map_err(|_| Usage("an argument has a NUL byte in it".to_owned()))?;
        Ok(format!("{PREFIX}{line}"))
    }
}

/// The victim that has this name.
pub(crate) fn named(name: &str) -> Option<Result<Chosen, Usage>> {
    let words = shlex::split(name.strip_prefix(PREFIX)?)?;
    let args = ["linkbait", "crate"].into_iter().chain(words.iter().map(String::as_str));
    match Args::try_parse_from(args).ok()?.command {
        Some(Command::Crate { crates, .. }) => crates.victims().map(|mut victims| victims.pop()).transpose(),
        _ => None,
    }
}

/// A victim whose body is still to be built.
pub(crate) fn unbuilt(name: &str) -> Victim {
    Victim::new(name, |_: &linkbait::Dirs| Err::<(), _>("it was not built"))
}

/// A version with all its numbers is meant as it stands; cargo would also take a later one.
fn requirement(version: &str) -> String {
    let numbers = version.split(['-', '+']).next().unwrap_or_default().split('.');
    let is_exact = numbers.clone().count() == 3
        && numbers.clone().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if is_exact { format!("={version}") } else { version.to_owned() }
}

fn real(dir: &std::path::Path) -> Result<String, Usage> {
    let real = dir.canonicalize().map_err(|e| Usage(format!("--path {dir:?}: {e}")))?;
    real.into_os_string().into_string().map_err(|dir| Usage(format!("--path {dir:?} is not text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(args: &[&str]) -> Vec<Chosen> {
        let args = ["linkbait", "crate"].iter().chain(args);
        match Args::try_parse_from(args).expect("arguments").command {
            Some(Command::Crate { crates, .. }) => crates.victims().expect("victims"),
            _ => panic!("another command"),
        }
    }

    #[test]
    fn the_name_of_a_victim_makes_the_same_victim_again() {
        for args in [
            &["a@1.2.3", "--call", "a::b(dir)?"][..],
            &["a", "--call", "let x = \"it's\";\nx", "--features", "p,q", "--no-default-features"],
            &[
                "a@0.7",
                "--git",
                "https://example.org/a b",
                "--rev",
                "v1",
                "--call",
                "a()",
                "--runtime",
                "async-std",
            ],
            &["a", "--path", ".", "--stage", "t/a b", "--stage", "c", "--keeps", "*.x", "--call", "a::b"],
        ] {
            let [one] = crates(args).try_into().unwrap_or_else(|_| panic!("{args:?}: one victim"));
            let again = named(one.victim.name()).expect("a crate").expect("a victim");
            assert_eq!((again.victim.name(), again.package), (one.victim.name(), one.package));
        }
    }

    #[test]
    fn every_call_is_made_on_every_version() {
        let all = crates(&["a@1.0.0", "a@1.0.1", "--call", "a::b()", "--call", "a::c()"]);
        let names: Vec<&str> = all.iter().map(|chosen| chosen.victim.name()).collect();
        assert_eq!(names[1], "crate: a@1.0.0 --call 'a::c()'");
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn a_whole_version_is_exact_and_a_part_of_one_is_not() {
        assert_eq!(
            ["1.2.3", "1.2.3-rc.1", "1.2", "^1.2.3", "*"].map(requirement),
            ["=1.2.3", "=1.2.3-rc.1", "1.2", "^1.2.3", "*"]
        );
    }
}
