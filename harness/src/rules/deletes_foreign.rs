//! `deletes-foreign`: the victim removes or moves away what it did not make.

use super::{Case, Hit, Rule, is_foreign};
use crate::arena::tree::What;
use crate::class::Class;
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "deletes-foreign",
    title: "removes or moves away what it did not make",
    cwe: &[59, 367],
    why: "A path that is removed may mean another file than the one that was made under it; with a swapped directory \
          the victim deletes files of others. CERT FIO03-J, CWE-367.",
    help: "remove relative to a directory that is held open (unlinkat, openat with O_NOFOLLOW), as remove_dir_all does",
    bad: "for e in fs::read_dir(path)? { fs::remove_file(e?.path())? }",
    good: "fs::remove_dir_all(path)?;",
    suspicion: false,
    counts: |case| case.is_attacked(),
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
        let removal =
            call.sys.op == Op::Remove || (call.sys.op == Op::Rename && case.evidence.label(call) == label);
        if counts && removal && is_foreign(&was, change, label) {
            hits.push(case.hit_call(call, format!("{label}, which the victim did not make, was removed")));
        }
    }
}
