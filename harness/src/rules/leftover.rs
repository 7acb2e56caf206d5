//! `leftover`: the victim leaves entries behind.

use super::{Case, Group, Hit, Rule};
use crate::arena::tree::{Entry, Maker, is_below};
use crate::ending::Ending;
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "leftover",
    group: Group::CleanUp,
    title: "leaves entries behind",
    cwe: &[459],
    why: "What stays fills the disk and keeps secrets; error and panic paths are where clean-up is forgotten. \
          OpenStack guideline: clean up in the face of errors; CERT FIO03-J.",
    help: "let a guard (NamedTempFile, TempDir) own the name, so that every way out removes it",
    bad: "let f = File::create(&path)?; work(&f)?; fs::remove_file(&path)?;",
    good: "let f = NamedTempFile::new_in(dir)?; work(f.as_file())?;",
    suspicion: false,
    counts: |case| case.evidence.ending != Ending::Hung,
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    // After a hang we ended the victim ourselves, so it had no chance to clean up; after SIGKILL nobody has one.
    let killed = case.schedule.signal() == Some("SIGKILL");
    if case.evidence.ending == Ending::Hung || killed {
        return;
    }
    let tree = &case.evidence.last;
    for entry in tree.entries() {
        let path = tree.path(entry);
        let is_own = |entry: &Entry| entry.maker.is_victim() && entry.namer.is_victim();
        let own = is_own(entry);
        let top = !tree.parent(path).is_some_and(is_own);
        // In a directory of its own that was moved away the victim cannot find it any more.
        let moved = tree.dirs_above(path).any(|dir| dir.maker.is_victim() && dir.namer == Maker::Attacker);
        let excused = moved
            || disturbed(case, path)
            || kept_from_removing(case, path)
            || case.is_kept(path)
            || !path.starts_with(b"shared/");
        if own && top && !excused {
            // What stands there now changed once, so only evidence that was full has no label for it.
            let label = case.evidence.label_of(path).unwrap_or("?").to_owned();
            let message = format!("{label} was left behind after {}", case.phase());
            hits.push(Hit { path: label, example: path.to_vec(), message, at: None });
        }
    }
}

/// True when a move was made at this entry, above or below it: then its removal was not only the victim's affair.
fn disturbed(case: &Case<'_>, path: &[u8]) -> bool {
    let moves = case.evidence.steps.iter().filter(|s| matches!(s.deed, crate::evidence::Deed::Move(_)));
    moves
        .map(|step| case.evidence.target(step))
        .any(|target| is_below(path, target) || is_below(target, path))
}

/// True when a call that removes, or that those who remove make before it, was made to fail here.
fn kept_from_removing(case: &Case<'_>, path: &[u8]) -> bool {
    case.faulted().any(|call| {
        let removes = match call.sys.op {
            Op::Remove | Op::Rename | Op::List | Op::Look => true,
            Op::Open => call.flags & libc::O_DIRECTORY as u32 != 0,
            _ => false,
        };
        removes && case.evidence.paths(call).any(|named| is_below(named, path) || is_below(path, named))
    })
}
