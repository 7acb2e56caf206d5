//! `lost-write`: the victim reports success although its data is not there.

use super::{Case, Group, Hit, Rule};
use crate::arena::tree::{Maker, is_below};
use crate::ending::Ending;
use crate::evidence::CallStep;
use crate::fault::Fault;
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "lost-write",
    group: Group::Data,
    title: "reports success although a write, sync, rename or close failed",
    cwe: &[252, 391],
    why: "A full disk, a quota or a network file system shows only in the result of the call. Whoever does not look at it \
          tells others that the data is safe. close(2) and fsync(2), NOTES.",
    help: "check the result of every write, and of fsync and rename; sync_all before a File is dropped",
    bad: "let mut f = BufWriter::new(f); f.write_all(data)?; drop(f); Ok(())",
    good: "f.write_all(data)?; f.sync_all()?; fs::rename(&new, &path)?; Ok(())",
    suspicion: false,
    counts: |case| {
        case.evidence.ending == Ending::Success && case.faults().any(|(_, _, fault)| is_hard(fault))
    },
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    if case.evidence.ending != Ending::Success {
        return;
    }
    for (at, call, fault) in case.faults() {
        if is_hard(fault) && is_lost(case, at, call) {
            let label = case.evidence.label(call);
            let message = format!("{}(\"{label}\") failed, and the victim reports success", call.sys.name);
            hits.push(Hit { at: Some(at), ..case.hit_call(call, message) });
        }
    }
}

/// An error after which the data is not where it should be. Others are to be tried again, or say what is missing.
fn is_hard(fault: Fault) -> bool {
    matches!(fault, Fault::Short | Fault::Fails(libc::ENOSPC | libc::EDQUOT | libc::EIO))
}

/// True when the call was to bring data to a file that is there at the end, and nothing made up for it.
fn is_lost(case: &Case<'_>, at: usize, call: &CallStep) -> bool {
    let path = case.evidence.paths(call).next().unwrap_or_default();
    let later = || case.evidence.calls().filter(move |(step, _)| *step > at);
    let made_up_for = later().any(|(_, other)| {
        let same_work =
            other.sys.op == call.sys.op || (call.sys.op == Op::Write && other.sys.op == Op::Write);
        same_work && case.evidence.paths(other).any(|p| p == path)
    });
    let to_go = case.faulted().any(|other| {
        other.sys.op == Op::Remove && case.evidence.paths(other).any(|gone| is_below(path, gone))
    });
    // What the attacker has put there does not hold the victim's data, and what stays because its removal was made to fail was
    // not to be kept.
    let stays = case.evidence.last.get(path).is_some_and(|entry| entry.maker != Maker::Attacker) && !to_go;
    let kept = stays || renamed(case, at, path);
    match call.sys.op {
        Op::Write | Op::Sync => kept && !made_up_for,
        Op::Close => kept && was_written(case, at, path) && !was_synced(case, at, path),
        Op::Rename | Op::Link => !made_up_for && !later().any(|(_, other)| writes_to(case, other, call)),
        _ => false,
    }
}

fn renamed(case: &Case<'_>, at: usize, path: &[u8]) -> bool {
    let later = case.evidence.calls().filter(|(step, call)| *step > at && call.sys.op == Op::Rename);
    later
        .into_iter()
        .any(|(_, call)| case.evidence.paths(call).next().is_some_and(|from| is_below(path, from)))
}

fn was_written(case: &Case<'_>, at: usize, path: &[u8]) -> bool {
    before(case, at, path, Op::Write)
}

fn was_synced(case: &Case<'_>, at: usize, path: &[u8]) -> bool {
    before(case, at, path, Op::Sync)
}

fn before(case: &Case<'_>, at: usize, path: &[u8], op: Op) -> bool {
    let earlier = case.evidence.calls().filter(|(step, call)| *step < at && call.sys.op == op);
    earlier.into_iter().any(|(_, call)| case.evidence.paths(call).any(|p| p == path))
}

/// True for a call that brings the content to the name by other means, as mv(1) does when rename fails with EXDEV.
fn writes_to(case: &Case<'_>, other: &CallStep, failed: &CallStep) -> bool {
    let to = case.evidence.paths(failed).nth(1).unwrap_or_default();
    (other.creates || other.writes) && case.evidence.paths(other).any(|p| p == to)
}
