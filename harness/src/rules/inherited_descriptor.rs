//! `inherited-descriptor`: a program that the victim starts gets a temporary file of the victim's, opened.

use super::{Case, Group, Hit, Rule};
use crate::world::Outcome;

pub(super) static RULE: Rule = Rule {
    id: "inherited-descriptor",
    group: Group::CleanUp,
    title: "leaves a temporary file's descriptor open in a program that it starts",
    cwe: &[403],
    why: "Whoever inherits a descriptor reads and writes the file, whatever its mode, and keeps it after it was removed. \
          Seen at execve(2): no standard stream, no FD_CLOEXEC. What is passed on purpose is told by `passes`. \
          CERT FIO22-C.",
    help: "open with O_CLOEXEC (mkostemp, Rust and Python do); in a shell close it for the command: cmd 3>&-",
    bad: "int fd = mkstemp(path); system(\"sort data\");",
    good: "int fd = mkostemp(path, O_CLOEXEC); system(\"sort data\");",
    suspicion: false,
    counts: |case| !case.is_kept_from_closing(),
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    if case.is_kept_from_closing() {
        return;
    }
    for (at, call) in case.evidence.calls() {
        if matches!(case.evidence.steps[at].outcome, Outcome::Failed(_)) {
            continue;
        }
        for (ident, label, path) in case.evidence.inherited(call) {
            if case.is_own(ident) && path.starts_with(b"shared/") && !case.is_passed(path) {
                let program = case.evidence.label(call);
                let message = format!("{program} was started with a descriptor of {label}");
                hits.push(Hit { path: label.to_owned(), example: path.to_vec(), message, at: Some(at) });
            }
        }
    }
}
