//! `non-exclusive-create`: an open that would take whatever stands at the name.

use super::{Case, Group, Hit, Rule};

pub(super) static RULE: Rule = Rule {
    id: "non-exclusive-create",
    group: Group::Names,
    title: "creates without O_EXCL or an equal",
    cwe: &[377],
    why: "Without O_EXCL the open takes whatever stands at the name, so all depends on nobody guessing it. \
          OpenStack guideline; CERT FIO21-C.",
    help: "add O_EXCL (create_new)",
    bad: "File::create(path)?;",
    good: "File::create_new(path)?;",
    suspicion: true,
    counts: |_| true,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for (_, call) in case.successes() {
        let exclusive = call.flags & (libc::O_EXCL | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32 != 0;
        if call.creates && !exclusive && case.evidence.label(call).starts_with("shared/") {
            let label = case.evidence.label(call);
            hits.push(case.hit_call(call, format!("{label} was created without O_EXCL")));
        }
    }
}
