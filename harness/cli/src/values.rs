//! How the values of options are read, and what a wrong one is answered.

use linkbait::{Class, FileSystem, Level};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The k-th of n parts of the victims.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Shard {
    /// From 1.
    pub(crate) k: usize,
    pub(crate) n: usize,
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.k, self.n)
    }
}

/// A span of time as it is written: `30s`, `500ms`, `1m`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(Duration);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Duration {
        seconds.0
    }
}

pub(crate) fn class(text: &str) -> Result<Class, String> {
    let names: Vec<_> = Class::ALL.iter().map(|c| c.name()).collect();
    Class::named(text).ok_or_else(|| unknown(text, &names))
}

pub(crate) fn file_system(text: &str) -> Result<FileSystem, String> {
    FileSystem::named(text).ok_or_else(|| unknown(text, &FileSystem::ALL.map(FileSystem::name)))
}

pub(crate) fn writable(text: &str) -> Result<PathBuf, String> {
    linkbait::check_writable(Path::new(text)).map_err(|e| e.kind().to_string())
}

pub(crate) fn rule_id(text: &str) -> Result<String, String> {
    let ids: Vec<_> = linkbait::RULES.iter().map(|r| r.id).collect();
    if ids.contains(&text) { Ok(text.to_owned()) } else { Err(unknown(text, &ids)) }
}

pub(crate) fn octal(text: &str) -> Result<u32, String> {
    let mask = u32::from_str_radix(text, 8).ok().filter(|m| *m <= 0o777 && !text.starts_with('+'));
    mask.ok_or_else(|| "an octal number from 000 to 777 was expected".to_owned())
}

pub(crate) fn level(text: &str) -> Result<Level, String> {
    let level = text.parse().ok().and_then(Level::of);
    level.ok_or_else(|| "0, 1 or 2 was expected".to_owned())
}

pub(crate) fn seconds(text: &str) -> Result<Seconds, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("every victim would count as hung at once; try 2s".to_owned()),
        Ok(time) => Ok(Seconds(time)),
        Err(e) => Err(format!("{e}; a time such as 30s, 500ms or 1m was expected")),
    }
}

/// More shards than a run has victims help nobody.
const MOST_SHARDS: usize = 10_000;

pub(crate) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((0, n)) => Err(format!("shards are counted from 1: the first is 1/{n}")),
        Some((_, MOST_SHARDS..)) => Err(format!("fewer than {MOST_SHARDS} shards were expected")),
        Some((k, n)) if k <= n => Ok(Shard { k, n }),
        Some((_, n)) => Err(format!("there are {n} shards; the last is {n}/{n}")),
        None => Err("K/N was expected, such as 1/4".to_owned()),
    }
}

/// What to answer to a name that does not exist: the nearest one that does, and all of them.
pub(crate) fn unknown(asked: &str, known: &[&str]) -> String {
    format!("{}there are {}", nearest(asked, known).unwrap_or_default(), known.join(", "))
}

/// `did you mean …? ` with the known name that is most like the one asked for, if any is.
pub(crate) fn nearest(asked: &str, known: &[&str]) -> Option<String> {
    let likeness = |name: &str| strsim::jaro_winkler(asked, name);
    let close = known.iter().filter(|name| likeness(name) > 0.8);
    let nearest = close.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    nearest.map(|name| format!("did you mean {name}? "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_nearly_right_is_suggested() {
        assert!(unknown("folows-link", &["hangs", "follows-link"]).starts_with("did you mean follows-link?"));
        assert!(unknown("zzz", &["hangs", "follows-link"]).starts_with("there are"));
    }
}
