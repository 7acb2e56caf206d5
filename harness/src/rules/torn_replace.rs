//! `torn-replace`: what the victim replaces is neither old nor new at some step, or it replaces what it promised to leave.

use super::{Case, Group, Hit, Replaced, Rule};
use crate::arena::sight::Sight;
use crate::arena::tree::{Maker, What};
use crate::evidence::{CallStep, Change};
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "torn-replace",
    group: Group::Data,
    title: "shows neither old nor new content while it replaces, or clobbers where it promised not to",
    cwe: &[362],
    why: "Whoever reads a file while it is rewritten in place gets half of it, and after a crash half of it is all there is. \
          Read at every step at what the victim says it replaces (`replaces`), also after errors, signals and \
          SIGKILL. A look before a rename(2) keeps nobody from making the name in between (`noclobber`).",
    help: "write a new file in the same directory, sync it, rename it over the old one; persist_noclobber, link(2) or \
           RENAME_NOREPLACE where nothing may be replaced",
    bad: "fs::write(\"app.conf\", data)?;",
    good: "let mut f = NamedTempFile::new_in(dir)?; f.write_all(data)?; f.persist(dir.join(\"app.conf\"))?;",
    suspicion: false,
    counts: is_looked_at,
    check,
};

/// Moves are made at what it promised to leave; what it replaces is read where nobody interferes.
fn is_looked_at(case: &Case<'_>) -> bool {
    if case.schedule.moves().next().is_some() {
        return !case.victim.noclobber.is_empty();
    }
    !case.replaced.is_empty()
}

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    for reading in case.evidence.readings() {
        let Some(replaced) = case.replaced.get(reading.which) else { continue };
        if let Some(what) = torn(replaced, reading.sight) {
            let path = case.evidence.label_of(&replaced.path).unwrap_or("?").to_owned();
            let message = format!("{path} {what}");
            hits.push(Hit { path, example: replaced.path.clone(), message, at: reading.step });
        }
    }
    for (call, change) in case.victim_changes() {
        let theirs = change.was.is_some_and(|was| was.namer == Maker::Attacker);
        let gone = matches!(change.what, What::Vanished | What::Content);
        let promised = case.is_noclobber(case.evidence.changed_path(change));
        if theirs && gone && promised && !is_moved_away(case, call, change) {
            let label = case.evidence.changed(change);
            let message = format!("{label}, which another had made, was replaced in spite of the promise");
            let at = case.hit_call(call, String::new()).at;
            hits.push(Hit { at, ..case.hit(change, message) });
        }
    }
}

/// True when a rename took it from there, and put nothing in its place: that is no promise broken, whoever made it.
fn is_moved_away(case: &Case<'_>, call: &CallStep, change: &Change) -> bool {
    let path = |change| case.evidence.changed_path(change);
    let from = call.sys.op == Op::Rename && case.evidence.paths(call).next() == Some(path(change));
    let mut in_its_place = case.victim_changes().filter(|(other, _)| std::ptr::eq(*other, call));
    from && !in_its_place.any(|(_, other)| other.what == What::Appeared && path(other) == path(change))
}

/// What a reader can make nothing of.
fn torn(replaced: &Replaced, sight: Sight) -> Option<String> {
    let Replaced { old, new, varies, .. } = replaced;
    if sight == *old || sight == *new {
        return None;
    }
    match sight {
        Sight::Absent => Some("was not there".to_owned()),
        Sight::Content { .. } if sight.is_empty() => Some("was empty".to_owned()),
        Sight::Content { size, .. } if !varies => {
            Some(format!("had {size} bytes, neither the old content nor the new"))
        }
        Sight::Content { .. } | Sight::Unknown => None,
    }
}
