//! `leaked-descriptor`: the victim is done and keeps descriptors that it has opened.

use super::{Case, Group, Hit, Rule};
use crate::ending::Ending;
use crate::world::Outcome;

pub(super) static RULE: Rule = Rule {
    id: "leaked-descriptor",
    group: Group::CleanUp,
    title: "keeps descriptors after it is done",
    cwe: &[775],
    why: "A process that lives on runs out of descriptors, and what was removed keeps its space on the disk. Judged of \
          victims within this process: the kernel closes those of a program when it ends. Descriptors made by dup(2) \
          are not seen. CERT FIO42-C.",
    help: "let a guard (File, NamedTempFile) own the descriptor, and close what into_raw_fd or mem::forget released",
    bad: "let fd = file.into_raw_fd(); write(fd, data)?;",
    good: "let file = tempfile::tempfile()?; (&file).write_all(data)?;",
    suspicion: false,
    counts: is_looked_at,
    check,
};

/// A victim that was ended or killed could not close.
fn is_looked_at(case: &Case<'_>) -> bool {
    let ended = matches!(case.evidence.ending, Ending::Hung | Ending::Signal(_));
    !case.victim.is_program() && !ended && !case.is_kept_from_closing()
}

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    if !is_looked_at(case) {
        return;
    }
    for (at, call) in case.evidence.calls() {
        let Outcome::Descriptor(number, _) = case.evidence.steps[at].outcome else { continue };
        if case.evidence.kept_open.contains(&number) {
            let label = case.evidence.label(call);
            let message = format!("the descriptor of {label} was still open after {}", case.phase());
            hits.push(Hit { at: Some(at), ..case.hit_call(call, message) });
        }
    }
}
