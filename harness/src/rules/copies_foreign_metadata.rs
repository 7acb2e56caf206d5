//! `copies-foreign-metadata`: the victim gives its own file what a planted entry had.

use super::{Case, Group, Hit, Rule};
use crate::arena::tree::{Maker, What};

pub(super) static RULE: Rule = Rule {
    id: "copies-foreign-metadata",
    group: Group::Foreign,
    title: "gives its own file a mode or owner taken from a planted entry",
    cwe: &[281, 732],
    why: "Code that preserves mode and owner of the file it replaces hands its secret to whoever planted that file: its \
          mode can open the new one to everyone.",
    help: "keep the mode and owner of your own file, or check with fstat on the open old file that it is yours",
    bad: "fs::set_permissions(&temp, fs::metadata(&target)?.permissions())?;",
    good: "tempfile::NamedTempFile::new_in(dir)?.persist(&target)?;",
    suspicion: false,
    counts: |case| case.is_attacked(),
    check,
};

fn check(case: &Case<'_>, hits: &mut Vec<Hit>) {
    let planted = |mode: u32, uid: u32, clean: (u32, u32)| {
        let mut entries = case.all_changes().filter_map(|c| c.is).filter(|e| e.maker == Maker::Attacker);
        entries.any(|e| (e.mode == mode && mode != clean.0) || (e.uid == uid && uid != clean.1))
    };
    let altered = case.victim_changes().filter(|(_, c)| matches!(c.what, What::Mode | What::Owner));
    for (_, change) in altered {
        let Some(is) = change.is.filter(|e| e.maker.is_victim() && !e.is_dir()) else {
            continue;
        };
        let label = case.evidence.changed(change);
        let Some((_, mode, uid)) = case.clean.iter().find(|(known, ..)| known == label) else {
            continue;
        };
        let differs = is.mode != *mode || is.uid != *uid;
        if differs && is.kind == rustix::fs::FileType::RegularFile && planted(is.mode, is.uid, (*mode, *uid))
        {
            let message = format!("{label} got mode {:04o} and owner {} of a planted entry", is.mode, is.uid);
            hits.push(case.hit(change, message));
        }
    }
}
