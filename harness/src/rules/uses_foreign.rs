//! `uses-foreign`: the victim takes what the attacker made for its own.

use super::{Case, Hit, Rule};
use crate::arena::tree::{Maker, What};
use crate::world::Outcome;
use crate::world::calls::Op;
use rustix::fs::FileType;

pub(super) static RULE: Rule = Rule {
    id: "uses-foreign",
    title: "takes a file, directory, socket or FIFO that the attacker made for its own",
    cwe: &[377, 379],
    why: "The owner of the entry reads, changes or swaps what the victim believes to be private. \
          OpenStack guideline: use mkstemp and mkdtemp; CERT FIO21-C.",
    help: "create exclusively and give up, or take another name, when the name exists",
    bad: "OpenOptions::new().write(true).create(true).open(path)?;",
    good: "OpenOptions::new().write(true).create_new(true).open(path)?;",
    suspicion: false,
    counts: |case| case.is_attacked(),
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for (step, call) in case.successes() {
        let Outcome::Descriptor(_, ident) = step.outcome else {
            continue;
        };
        // Opening a directory to list or remove it is not taking it for one's own; making something in it is.
        let theirs = case.evidence.maker_of(ident) == Some((Maker::Attacker, false));
        if call.sys.op == Op::Open && theirs && call.flags & libc::O_PATH as u32 == 0 {
            let how = if call.writes { "writing" } else { "reading" };
            let through = case.evidence.label(call);
            hits.push(
                case.hit_call(call, format!("{through}, which the attacker made, was opened for {how}")),
            );
        }
    }
    for (call, change) in case.victim_changes() {
        let made = change.what == What::Appeared && change.is.is_some_and(|e| e.maker == Maker::Victim);
        let plain = change.is.is_some_and(|e| e.kind != FileType::Symlink);
        if made && plain && change.ground == Maker::Attacker && call.sys.op != Op::Rename {
            let label = case.evidence.changed(change);
            hits.push(case.hit(change, format!("{label} was made in a directory of the attacker's")));
        }
    }
}
