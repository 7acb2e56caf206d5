//! The built-in victims: those written in Rust, and the victim files of `corpus/victims`, which the command carries.

use crate::victim_file;
use include_dir::{Dir, DirEntry, include_dir};
use linkbait::Victim;

/// The tag of victims that a run without names leaves out: a trial of theirs takes tenths of a second.
pub(crate) const SLOW: &str = "slow";

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../corpus/victims");

/// Every built-in victim, in a fixed order.
pub(crate) fn roster() -> Vec<Victim> {
    let mut victims = linkbait_races::roster();
    below(&FILES, &mut victims);
    victims
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
                victims.push(victim_file::parse(text, "").expect("a test reads every file that is built in"));
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
