//! What is judged and where: victims by name, tag and shard; the file system that arenas are put on.

use crate::args::{Judging, Usage};
use crate::output;
use crate::values;
use linkbait::{Host, Victim};
use std::path::PathBuf;

/// The victims of the roster that have one of the names or tags, all without any; of these the shard.
pub(crate) fn victims(names: &[String], asked: &Judging) -> anyhow::Result<Vec<Victim>> {
    let roster = linkbait_races::roster();
    let fits = |victim: &Victim, name: &String| victim.name() == name || victim.tag_list().contains(name);
    if let Some(name) = names.iter().find(|name| !roster.iter().any(|victim| fits(victim, name))) {
        return Err(no_victim(name, &roster).into());
    }
    let named = roster.into_iter().filter(|v| names.is_empty() || names.iter().any(|n| fits(v, n)));
    let in_shard = |at: usize| asked.shard.is_none_or(|shard| shard.has(at));
    Ok(named.enumerate().filter(|(at, _)| in_shard(*at)).map(|(_, victim)| victim).collect())
}

/// The answer to a name that no victim has.
pub(crate) fn no_victim(name: &str, roster: &[Victim]) -> Usage {
    let known: Vec<_> = roster.iter().map(Victim::name).collect();
    let hint = values::nearest(name, &known).unwrap_or_default();
    Usage(format!("no victim {}: {hint}`linkbait list victims` lists them", output::line(name)))
}

/// No directory that we could use is on the file system asked for.
#[derive(Debug)]
pub(crate) struct NoSuchPlace(String);

impl std::fmt::Display for NoSuchPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSuchPlace {}

/// This machine, with arenas on the file system asked for.
pub(crate) fn host(asked: &Judging) -> Result<Host, NoSuchPlace> {
    let host = Host::detect();
    let Some(wanted) = asked.fs.as_deref().filter(|name| *name != host.file_system()) else {
        return Ok(host);
    };
    let places = [std::env::temp_dir(), "/var/tmp".into(), "/dev/shm".into(), PathBuf::from(".")];
    let mut seen = vec![host.file_system()];
    for place in places.iter().filter_map(|p| p.canonicalize().ok()) {
        let there = host.clone().with_place(&place);
        if there.file_system() == wanted {
            return Ok(there);
        }
        seen.push(there.file_system());
    }
    seen.sort_unstable();
    seen.dedup();
    let wanted = output::line(wanted);
    Err(NoSuchPlace(format!(
        "unsupported here: no place on {wanted}; there are {}; set TMPDIR to a directory on {wanted}",
        seen.join(", ")
    )))
}
