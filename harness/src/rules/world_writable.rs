//! `world-writable`: others can write what the victim made, at any step.

use super::{Case, Group, Hit, Rule};
use rustix::fs::FileType;

pub(super) static RULE: Rule = Rule {
    id: "world-writable",
    group: Group::Modes,
    title: "has a file or directory that others can write, at any step",
    cwe: &[276, 379, 732],
    why: "Whoever can write a directory chooses what its names mean; whoever can write a file chooses its content. \
          Modes that depend on the umask fail under umask 000. OpenStack guideline: mkdtemp.",
    help: "give the mode when creating: 0600 for files, 0700 for directories",
    bad: "fs::create_dir(path)?;",
    good: "DirBuilder::new().mode(0o700).create(path)?;",
    suspicion: false,
    counts: |_| true,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for change in case.all_changes() {
        let Some(is) =
            change.is.filter(|e| e.maker.is_victim() && e.namer.is_victim() && e.kind != FileType::Symlink)
        else {
            continue;
        };
        let label = case.evidence.changed(change);
        if !label.starts_with("shared/") {
            continue;
        }
        if is.mode & 0o002 != 0 && change.reachable {
            hits.push(case.hit(change, format!("others can write {label} (mode {:04o})", is.mode)));
        }
    }
}
