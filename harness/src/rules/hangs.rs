//! `hangs`: a planted entry stops the victim for ever.

use super::{Case, Group, Hit, Rule};
use crate::ending::Ending;
use crate::world::Outcome;

pub(super) static RULE: Rule = Rule {
    id: "hangs",
    group: Group::Robust,
    title: "blocks or loops for ever because of a planted entry",
    cwe: &[400, 835],
    why: "Opening a FIFO waits for its other end; a loop that retries while a name is taken never ends. Any local user \
          can stop the program for good.",
    help: "create exclusively (never opens what exists) and give up after a number of tries",
    bad: "while let Err(_) = File::create_new(&path) {}",
    good: "tempfile::NamedTempFile::new_in(dir)?;",
    suspicion: false,
    counts: |case| !case.schedule.acts.is_empty() || case.schedule.second,
    check,
};

/// Calls after which going on with the same names is no way to give up. One that tries many names may yet do so.
const TRIES: usize = 100;

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    if case.schedule.acts.is_empty() && !case.schedule.second {
        return;
    }
    let blocked = case.evidence.calls().find(|(at, _)| case.evidence.steps[*at].outcome == Outcome::Blocks);
    if let Some((_, call)) = blocked {
        let label = case.evidence.label(call);
        hits.push(case.hit_call(call, format!("opening {label} waits for ever for the other end of a FIFO")));
    } else if case.evidence.ending == Ending::Hung
        // One that goes on for as long with nobody about shows nothing by going on.
        && *case.alone != Ending::Hung
        && (!case.evidence.endless || case.evidence.goes_round(TRIES))
        && let Some((_, call)) = case.evidence.calls().last()
    {
        let label = case.evidence.label(call);
        hits.push(case.hit_call(call, format!("made no progress at {label} any more")));
    }
}
