//! `deletes-foreign`: the victim removes or moves away what it did not make.

use super::{Case, Group, Hit, Rule, copies, is_foreign};
use crate::arena::tree::What;
use crate::class::Class;
use crate::evidence::CallStep;
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "deletes-foreign",
    group: Group::Foreign,
    title: "removes or moves away what it did not make",
    cwe: &[59, 367],
    why: "A path that is removed may mean another file than the one that was made under it; with a swapped directory \
          the victim deletes files of others. CERT FIO01-C.",
    help: "remove relative to a directory that is held open (unlinkat, openat with O_NOFOLLOW), as remove_dir_all does",
    bad: "for e in fs::read_dir(path)? { fs::remove_file(e?.path())? }",
    good: "fs::remove_dir_all(path)?;",
    suspicion: false,
    counts: |case| case.is_attacked() || case.schedule.second,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for (call, change) in case.victim_changes() {
        let (Some(was), What::Vanished) = (change.was, change.what) else {
            continue;
        };
        let label = case.evidence.changed(change);
        let canary = label.starts_with("outside/");
        // A dir-writer can remove its own entries, and the victim's, without anyone's help: only canaries count.
        let counts = canary || case.class != Class::DirWriter;
        if counts && is_removal(case, call, label) && is_foreign(&was, change, label) {
            hits.push(case.hit_call(call, format!("{label}, which the victim did not make, was removed")));
        }
    }
    for (call, change) in copies::changed(case).filter(|(_, change)| change.what == What::Vanished) {
        let label = case.evidence.changed(change);
        if is_removal(case, call, label) {
            hits.push(case.hit_call(call, format!("{label}, which another copy works on, was removed")));
        }
    }
}

/// True for a call that removes this entry or moves it away; not for one that only replaces it.
fn is_removal(case: &Case<'_>, call: &CallStep, label: &str) -> bool {
    call.sys.op == Op::Remove || (call.sys.op == Op::Rename && case.evidence.label(call) == label)
}
