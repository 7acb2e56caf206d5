//! `uses-foreign`: the victim takes what the attacker, or another copy of it, made for its own.

use super::{Case, Group, Hit, Rule, copies};
use crate::arena::tree::{Maker, What};
use crate::world::Outcome;
use crate::world::calls::Op;
use rustix::fs::FileType;

pub(super) static RULE: Rule = Rule {
    id: "uses-foreign",
    group: Group::Foreign,
    title: "takes for its own a file, directory, socket or FIFO that the attacker or another copy of it made",
    cwe: &[377, 379],
    why: "The owner of the entry reads, changes or swaps what the victim believes to be private; two copies of a \
          program that share a name write into each other's file. \
          OpenStack guideline: use mkstemp and mkdtemp; CERT FIO21-C.",
    help: "create exclusively and give up, or take another name, when the name exists",
    bad: "OpenOptions::new().write(true).create(true).open(path)?;",
    good: "OpenOptions::new().write(true).create_new(true).open(path)?;",
    suspicion: false,
    counts: |case| case.is_attacked() || case.schedule.second,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for (step, call) in case.successes() {
        let Outcome::Descriptor(_, ident) = step.outcome else {
            continue;
        };
        // Opening a directory to list or remove it is not taking it for one's own; making something in it is.
        let theirs = case.evidence.maker_of(ident) == Some((Maker::Attacker, false));
        let opened = call.sys.op == Op::Open && call.flags & libc::O_PATH as u32 == 0;
        if opened && theirs && !case.left_alone(call, ident) {
            let how = if call.writes { "writing" } else { "reading" };
            let through = case.evidence.label(call);
            hits.push(
                case.hit_call(call, format!("{through}, which the attacker made, was opened for {how}")),
            );
        }
    }
    for call in copies::opened(case) {
        let through = case.evidence.label(call);
        hits.push(
            case.hit_call(call, format!("{through}, which another copy works on, was opened for writing")),
        );
    }
    for (call, change) in case.victim_changes() {
        let made = change.what == What::Appeared && change.is.is_some_and(|e| e.maker.is_victim());
        let plain = change.is.is_some_and(|e| e.kind != FileType::Symlink);
        if made && plain && change.ground == Maker::Attacker && call.sys.op != Op::Rename {
            let label = case.evidence.changed(change);
            hits.push(case.hit(change, format!("{label} was made in a directory of the attacker's")));
        }
    }
}
