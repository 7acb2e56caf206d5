//! The built-in victims: those written in Rust, some of them as programs too, and the victim files of `corpus/victims`, which the command carries.

use crate::Exit;
use crate::args::Usage;
use crate::victim_file;
use include_dir::{Dir, DirEntry, include_dir};
use linkbait::{Dirs, Ending, Program, Victim};

/// The tag of victims that a run without names leaves out: a trial of theirs takes tenths of a second.
pub(crate) const SLOW: &str = "slow";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../corpus/victims");

/// Every built-in victim, in a fixed order.
pub(crate) fn roster() -> Vec<Victim> {
    let mut victims = linkbait_races::roster();
    victims.extend(programs());
    below(&FILES, &mut victims);
    victims
}

/// Victims in Rust, each run by a program of its own, which is this one.
fn programs() -> Vec<Victim> {
    let own = std::env::current_exe().map(|path| path.to_string_lossy().into_owned());
    let own = own.unwrap_or_else(|_| "linkbait".to_owned());
    let program = |victim: Victim| {
        let name = victim.name().to_owned();
        let argv = [own.as_str(), "body", name.as_str(), "{shared}", "{outside}", "{private}"];
        let argv = argv.map(str::to_owned).to_vec();
        let tags: Vec<String> = victim.tag_list().to_vec();
        let group = tags.iter().map(String::as_str).filter(|tag| ["safe", "bad", "phases"].contains(tag));
        let tags: Vec<&str> = group.chain([SLOW, "program"]).collect();
        victim.as_program(&format!("{name}-program"), Program { argv, ..Program::default() }).tags(&tags)
    };
    linkbait_races::programs().into_iter().map(program).collect()
}

/// Runs one of them, as the program.
pub(crate) fn run_body(name: &str, dirs: &Dirs) -> anyhow::Result<Exit> {
    let named = linkbait_races::programs().into_iter().find(|victim| victim.name() == name);
    match named.and_then(|victim| victim.run(dirs)) {
        Some(Ending::Success) => Ok(Exit::Clean),
        Some(ending) => Err(anyhow::anyhow!("{name}: {ending:?}")),
        None => Err(Usage(format!("no victim in Rust is named {name:?}")).into()),
    }
}

/// As [`victim_file::read`] does for a directory on disk.
fn below(dir: &Dir<'_>, victims: &mut Vec<Victim>) {
    let mut entries: Vec<&DirEntry<'_>> = dir.entries().iter().collect();
    entries.sort_by_key(|entry| entry.path());
    for entry in entries {
        match entry {
            DirEntry::Dir(dir) => below(dir, victims),
            DirEntry::File(file) => {
                let text = file.contents_utf8().unwrap_or_default();
                let parsed = victim_file::parse(text, "");
                victims.push(parsed.expect("a test reads every file that is built in").victim);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_built_in_file_is_a_victim_with_a_name_of_its_own_and_needs_no_other_file() {
        let victims = roster();
        let names: BTreeSet<&str> = victims.iter().map(Victim::name).collect();
        assert_eq!(names.len(), victims.len());
        for file in FILES.find("**/*").expect("a pattern").filter_map(DirEntry::as_file) {
            let text = file.contents_utf8().unwrap_or_default();
            assert!(text.contains("argv") && !text.contains("{here}"), "{:?}", file.path());
        }
    }
}
