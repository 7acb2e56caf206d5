//! What one of two copies of a victim does to entries of the other: shared by the rules on what is not one's own.
//!
//! An entry is the other's while the copy that made it has not ended. What a copy has left is there to be taken over, as a
//! lock or a log is, and what the victim is meant to leave (`keeps`) belongs to all of its copies. To read what the other
//! has made is no fault either: a lock may say who has it.

use super::Case;
use crate::arena::tree::Maker;
use crate::evidence::{CallStep, Change};
use crate::world::Outcome;
use crate::world::calls::Op;

/// Calls that open for writing what the other copy has made.
pub(super) fn opened<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a CallStep> {
    let evidence = case.evidence;
    evidence.calls().filter_map(|(at, call)| {
        let Outcome::Descriptor(_, ident) = evidence.steps[at].outcome else { return None };
        let (maker, is_dir) = evidence.maker_of(ident)?;
        let path = evidence.paths(call).next()?;
        let writes = call.sys.op == Op::Open && call.writes && !is_dir;
        (writes && is_the_others(case, maker, path, at, call)).then_some(call)
    })
}

/// Changes that a copy made to what the other has made.
pub(super) fn changed<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a CallStep, &'a Change)> {
    let evidence = case.evidence;
    let changes = evidence.calls().flat_map(move |(at, call)| {
        evidence.changes(&evidence.steps[at]).iter().map(move |change| (at, call, change))
    });
    changes.filter_map(|(at, call, change)| {
        let was = change.was?;
        let path = evidence.changed_path(change);
        is_the_others(case, was.maker, path, at, call).then_some((call, change))
    })
}

fn is_the_others(case: &Case<'_>, maker: Maker, path: &[u8], at: usize, call: &CallStep) -> bool {
    let own = if call.second { Maker::Second } else { Maker::Victim };
    maker.is_victim()
        && maker != own
        && !case.evidence.other_had_ended(call.second, at)
        && !case.is_kept(path)
}
