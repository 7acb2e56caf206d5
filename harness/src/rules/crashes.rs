//! `crashes`: a move makes clean-up panic.

use super::{Case, Group, Hit, Rule};
use crate::ending::Ending;

pub(super) static RULE: Rule = Rule {
    id: "crashes",
    group: Group::Robust,
    title: "dies or panics in clean-up because of a move or a fault",
    cwe: &[248, 754],
    why: "A destructor that panics when its file is gone takes the program down, and aborts it while another panic \
          unwinds.",
    help: "ignore or report errors of clean-up, do not unwrap them",
    bad: "impl Drop for Temp { fn drop(&mut self) { fs::remove_file(&self.0).unwrap() } }",
    good: "impl Drop for Temp { fn drop(&mut self) { let _ = fs::remove_file(&self.0); } }",
    suspicion: false,
    counts: |case| !case.schedule.acts.is_empty() || case.schedule.second,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    let how = match &case.evidence.ending {
        Ending::Panic { message, in_drop: true } => {
            format!("a destructor panicked: {}", message.escape_debug())
        }
        Ending::Signal(number) if is_a_fault_of_its_own(*number) => {
            format!("it was killed by signal {number}")
        }
        _ => return,
    };
    // Of two copies the one that ended so.
    let ended = case.evidence.ends.iter().find(|end| end.ending == case.evidence.ending);
    let second = ended.is_some_and(|end| end.second);
    let disturbed = !case.schedule.acts.is_empty() || case.schedule.second;
    let last = case.evidence.calls().rfind(|(_, call)| call.second == second);
    if let Some((_, call)) = last.filter(|_| disturbed) {
        hits.push(case.hit_call(call, how));
    }
}

/// Signals that a program brings upon itself; we send none of them.
fn is_a_fault_of_its_own(signal: i32) -> bool {
    [libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGSEGV, libc::SIGTRAP].contains(&signal)
}
