//! `chmods-foreign`: the victim changes mode or owner of what it did not make.

use super::{Case, Group, Hit, Rule, copies, is_foreign};
use crate::arena::tree::What;
use crate::evidence::{CallStep, Change};
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "chmods-foreign",
    group: Group::Foreign,
    title: "changes mode, owner, times or attributes of what it did not make",
    cwe: &[59, 732],
    why: "chmod and chown by path follow links: between making a file and chmod another file can take its name, and \
          any file of the victim's can be opened to the world. CERT FIO01-C.",
    help: "give the mode when creating, or use fchmod on the open descriptor",
    bad: "fs::set_permissions(&path, Permissions::from_mode(0o600))?;",
    good: "OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;",
    suspicion: false,
    counts: |case| case.is_attacked() || case.schedule.second,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for (call, change) in case.victim_changes() {
        let (Some(was), Some(_)) = (change.was, change.is) else {
            continue;
        };
        let label = case.evidence.changed(change);
        if is_altered(call, change) && is_foreign(&was, change, label) {
            hits.push(case.hit_call(
                call,
                format!("{label}, which the victim did not make, was given another mode, owner or time"),
            ));
        }
    }
    for (call, change) in copies::changed(case).filter(|(call, change)| is_altered(call, change)) {
        let label = case.evidence.changed(change);
        let message = format!("{label}, which another copy works on, was given another mode, owner or time");
        hits.push(case.hit_call(call, message));
    }
}

fn is_altered(call: &CallStep, change: &Change) -> bool {
    matches!(change.what, What::Mode | What::Owner)
        || (matches!(change.what, What::Content | What::Attributes) && call.sys.op == Op::Alter)
}
