//! `follows-link`: the victim works through a symbolic or hard link that was planted for it.

use super::{Case, Group, Hit, Rule};
use crate::arena::tree::{Maker, What};
use crate::evidence::CallStep;
use crate::world::Outcome;
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "follows-link",
    group: Group::Links,
    title: "creates, truncates, writes or reads through a planted symbolic or hard link",
    cwe: &[59, 61, 62],
    why: "Whoever can make a name in the directory chooses which file is opened with the victim's rights. \
          OpenStack guideline: never open a predictable name in a shared directory; CERT FIO21-C.",
    help: "create with O_CREAT|O_EXCL (create_new, mkstemp), open with O_NOFOLLOW: neither follows a link",
    bad: "File::create(dir.join(\"app.log\"))?;",
    good: "tempfile::NamedTempFile::new_in(dir)?;",
    suspicion: false,
    counts: |case| case.is_attacked(),
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    let named_in_shared = |label: &str| label.starts_with("shared");
    for (call, change) in case.victim_changes() {
        let label = case.evidence.changed(change);
        let did = match change.what {
            What::Appeared => "was created",
            What::Content => "was changed",
            _ => continue,
        };
        // What a call makes is at the last of its paths.
        let through = case.evidence.labels(call).last().unwrap_or_default();
        let through = through_a_handle(case, call, label).unwrap_or(through);
        if label.starts_with("outside/") && named_in_shared(through) {
            hits.push(case.hit_call(call, format!("{label} {did} through {through}")));
        }
    }
    for (step, call) in case.successes() {
        let Outcome::Descriptor(_, ident) = step.outcome else {
            continue;
        };
        let through = case.evidence.label(call);
        let only_a_handle = call.flags & libc::O_PATH as u32 != 0;
        let foreign = case.evidence.last.by_ident(ident).is_some_and(|e| e.maker == Maker::Stage)
            && outside(case, ident);
        if call.sys.op == Op::Open
            && foreign
            && named_in_shared(through)
            && !only_a_handle
            && !call.by_descriptor
            && !case.left_unchanged(call, ident)
        {
            let how = if call.writes { "writing" } else { "reading" };
            hits.push(case.hit_call(call, format!("a canary was opened for {how} through {through}")));
        }
    }
}

/// The name in `shared/` at which the victim had opened, as a place only, what `changed` is or lies below. The call has the
/// descriptor, so it names nothing in `shared/`.
fn through_a_handle<'a>(case: &Case<'a>, call: &CallStep, changed: &str) -> Option<&'a str> {
    let tree = &case.evidence.last;
    let mut before = case.successes().take_while(|(_, earlier)| !std::ptr::eq(*earlier, call));
    before.find_map(|(step, earlier)| {
        let Outcome::Descriptor(_, ident) = step.outcome else { return None };
        let (name, place) = (case.evidence.label(earlier), tree.by_ident(ident)?);
        let below = changed.as_bytes().strip_prefix(tree.path(place))?;
        let only_a_handle = earlier.flags & libc::O_PATH as u32 != 0;
        let leads_there = below.first().is_none_or(|byte| *byte == b'/');
        (only_a_handle && leads_there && name.starts_with("shared")).then_some(name)
    })
}

fn outside(case: &Case<'_>, ident: crate::arena::tree::Ident) -> bool {
    let tree = &case.evidence.last;
    tree.entries().iter().any(|e| e.ident == ident && tree.path(e).starts_with(b"outside/"))
}
