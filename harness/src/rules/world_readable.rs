//! `world-readable`: others can read what the victim writes, at any step.

use super::{Case, Group, Hit, Rule};
use rustix::fs::FileType;

pub(super) static RULE: Rule = Rule {
    id: "world-readable",
    group: Group::Modes,
    title: "has content that others can read, at any step",
    cwe: &[276, 732],
    why: "A file that is private only after a later chmod can be opened before it, and the open descriptor reads \
          everything written afterwards. OpenStack guideline: mode 0600 from the start.",
    help: "create with mode 0600, or in a directory of mode 0700",
    bad: "let f = File::create(path)?; fs::set_permissions(path, Permissions::from_mode(0o600))?;",
    good: "OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;",
    suspicion: false,
    counts: |_| true,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for change in case.all_changes() {
        let Some(is) = change
            .is
            .filter(|e| e.maker.is_victim() && e.namer.is_victim() && e.kind == FileType::RegularFile)
        else {
            continue;
        };
        let label = case.evidence.changed(change);
        if !label.starts_with("shared/") {
            continue;
        }
        if is.exposed && is.size > 0 && !case.is_public(label.as_bytes()) {
            let message = format!("others can read the content of {label} (mode {:04o})", is.mode);
            hits.push(case.hit(change, message));
        }
    }
}
