//! Which victims in Rust are also judged as programs of their own: only those can be sent other signals than SIGKILL, or exit.
//!
//! Owns what ends the whole process, which no victim within linkbait may do.

use std::io::{self, Write};

use linkbait::{Class, Dirs, Victim};
use tempfile::NamedTempFile;

use crate::parts::SECRET;

/// Those of the roster that stand for a way of making temporary files, good and bad.
const NAMES: [&str; 11] = [
    "tempfile",
    "named-new-in",
    "tempdir-private",
    "persist",
    "persist-noclobber",
    "mkstemp",
    "create-fixed",
    "error-path-leaves",
    "rename-no-excl",
    "rename-excl",
    "rewrite-in-place",
];

/// `process::exit` runs no destructors: the guard is as if it were not there.
fn named_then_exit(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    std::process::exit(3)
}

/// The good twin: what is to be removed is dropped before.
fn drop_then_exit(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.close()?;
    std::process::exit(3)
}

/// Victims to be run by [`Victim::run`] in a process of their own.
pub fn programs() -> Vec<Victim> {
    let of_roster = crate::roster().into_iter().filter(|victim| NAMES.contains(&victim.name()));
    let exits = [
        Victim::new("named-then-exit", named_then_exit)
            .summary("NamedTempFile::new_in(dir); process::exit(3)")
            .tags(&["bad", "phases"])
            .expect("leftover", Class::None),
        Victim::new("drop-then-exit", drop_then_exit)
            .summary("NamedTempFile::new_in(dir)?.close(); process::exit(3)")
            .tags(&["safe", "phases"]),
    ];
    of_roster.chain(exits).collect()
}
