//! `predictable-name`: the victim uses what was planted at a name that was predicted.
//!
//! A name that can be predicted does little harm where it is made exclusively, so that what was planted there is not
//! used: the victim takes another name or gives up.

use super::{Case, Group, Hit, Rule};
use crate::world::calls::Op;

pub(super) static RULE: Rule = Rule {
    id: "predictable-name",
    group: Group::Names,
    title: "uses a name that we could predict: proved by predicting the names of fresh runs",
    cwe: &[340, 377],
    why: "Whoever knows the next name plants there before the program begins, without any race. Pids, clocks, \
          counters, constants and what is computed of them can be known: in each of five fresh runs the name was among \
          at most 1024 candidates that were there before it. OpenStack guideline: never open a predictable name in a \
          shared directory; CERT FIO21-C.",
    help: "let mkstemp, mkdtemp or NamedTempFile draw the name, and create it exclusively",
    bad: "File::create(dir.join(format!(\"app.{}\", process::id())))?;",
    good: "tempfile::Builder::new().prefix(\"app.\").tempfile_in(dir)?;",
    suspicion: false,
    counts: |case| case.evidence.foretold.is_some(),
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    let evidence = case.evidence;
    let Some(told) = &evidence.foretold else { return };
    let used = case.successes().map(|(_, call)| call).find(|call| {
        let uses = matches!(call.sys.op, Op::Open | Op::Resize | Op::Alter);
        let only_a_handle = call.flags & libc::O_PATH as u32 != 0;
        uses && !only_a_handle && !call.by_descriptor && evidence.paths(call).any(|path| path == told.path)
    });
    // A fixed name that it is meant to leave is one that others are meant to know.
    let meant = told.constant && case.is_kept(&told.path);
    if let Some(call) = used.filter(|_| !meant) {
        let label = evidence.label_of(&told.path).unwrap_or("?");
        let scheme = &told.scheme;
        let message = format!("{label} was predicted as {scheme}, and what was planted there was used");
        hits.push(Hit { path: label.to_owned(), example: told.path.clone(), ..case.hit_call(call, message) });
    }
}
