//! What stood in the arena right before and right after the step that broke a rule, found out from the evidence: the
//! tree at the end, with the changes undone from the last one back.

use crate::arena::tree::{Entry, Maker};
use crate::evidence::{Change, Deed, Evidence, Step};
use crate::scene::{Kind, Owner, Scene, Thing};
use crate::schedule::Schedule;
use rustix::fs::FileType;
use std::collections::BTreeMap;

/// Entries that a scene tells of; more are counted.
const MOST: usize = 48;

/// Where the victim works.
const SHARED: &[u8] = b"shared";

type Entries<'e> = BTreeMap<&'e [u8], Entry>;

/// Before and after the step of this index; of the whole trial when only its end shows what was broken. `path` is told of
/// however many others there are.
pub(super) fn around(evidence: &Evidence, schedule: &Schedule, at: Option<usize>, path: &[u8]) -> [Scene; 2] {
    let (during, since) = evidence.changes_from(at);
    let last = &evidence.last;
    let mut after: Entries<'_> = last.entries().iter().map(|entry| (last.path(entry), *entry)).collect();
    since.iter().rev().for_each(|change| undo(evidence, change, &mut after));
    let mut before = after.clone();
    during.iter().rev().for_each(|change| undo(evidence, change, &mut before));
    let told = worth_telling(evidence, &before, &after, path);
    [&before, &after].map(|entries| scene(evidence, schedule, entries, &told))
}

/// Labels and paths that scenes tell of, sorted: what is not the same in both, and what stands in `shared/` and has
/// a label.
fn worth_telling<'e>(
    evidence: &Evidence,
    before: &Entries<'e>,
    after: &Entries<'e>,
    path: &[u8],
) -> BTreeMap<String, &'e [u8]> {
    let state = |entries: &Entries<'_>, path: &[u8]| {
        entries.get(path).map(|e| (e.ident, e.mode, e.uid, e.size, e.mtime))
    };
    let differs = |known: &[u8]| known == path || state(before, known) != state(after, known);
    let mut told = BTreeMap::new();
    for (known, entry) in before.iter().chain(after) {
        let steady = !differs(known);
        if !steady || known.starts_with(SHARED) {
            let name = name_of(evidence, known, entry.maker);
            told.extend(name.map(|label| ((steady, label), *known)));
        }
    }
    told.into_iter().take(MOST).map(|((_, label), path)| (label, path)).collect()
}

/// A name that means the same in every run.
fn name_of(evidence: &Evidence, path: &[u8], maker: Maker) -> Option<String> {
    let staged = || (maker == Maker::Stage).then(|| path.escape_ascii().to_string());
    evidence.label_of(path).map(str::to_owned).or_else(staged)
}

/// Puts back what a change has changed.
fn undo<'e>(evidence: &'e Evidence, change: &Change, entries: &mut Entries<'e>) {
    let path = evidence.changed_path(change);
    match change.was {
        Some(was) => drop(entries.insert(path, was)),
        None => drop(entries.remove(path)),
    }
}

fn scene(
    evidence: &Evidence,
    schedule: &Schedule,
    entries: &Entries<'_>,
    told: &BTreeMap<String, &[u8]>,
) -> Scene {
    let thing = |label: &str, entry: &Entry| Thing {
        path: label.to_owned(),
        kind: kind(entry.kind),
        mode: entry.mode,
        owner: owner(entry.maker),
        size: (entry.kind == FileType::RegularFile).then_some(entry.size),
        target: match entry.kind {
            FileType::Symlink if entry.maker == Maker::Attacker => symlink_target(evidence, schedule, entry),
            FileType::RegularFile if entry.namer != entry.maker => {
                other_name(evidence, entries, label, entry)
            }
            _ => None,
        },
    };
    let here = told.iter().filter_map(|(label, path)| Some(thing(label, entries.get(path)?)));
    let things: Vec<Thing> = here.collect();
    let untold = |path: &[u8]| path.starts_with(SHARED) && !told.values().any(|told| *told == path);
    let more = entries.iter().filter(|(path, entry)| untold(path) && !has_missed(evidence, path, entry));
    Scene { things, more: more.count() }
}

/// True for what was planted by prediction and missed: how many those are depends on how long the victim's runs took.
fn has_missed(evidence: &Evidence, path: &[u8], entry: &Entry) -> bool {
    entry.maker == Maker::Attacker && evidence.label_of(path).is_none()
}

fn kind(kind: FileType) -> Kind {
    match kind {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Dir,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        _ => Kind::Other,
    }
}

fn owner(maker: Maker) -> Owner {
    match maker {
        Maker::Stage => Owner::Stage,
        Maker::Victim => Owner::Victim,
        Maker::Second => Owner::Second,
        Maker::Attacker => Owner::Attacker,
    }
}

/// Where a link leads that a move has made; the schedule tells it in the same words in every run. What was planted by
/// prediction stands there before the first step, all of one bait.
fn symlink_target(evidence: &Evidence, schedule: &Schedule, link: &Entry) -> Option<String> {
    let is_it = |entry: Option<Entry>| entry.is_some_and(|entry| entry.ident == link.ident);
    let made = |step: &Step| evidence.changes(step).iter().any(|c| c.was.is_none() && is_it(c.is));
    let moves = evidence.steps.iter().filter_map(|step| match step.deed {
        Deed::Move(act) if made(step) => schedule.acts.get(act)?.as_move(),
        _ => None,
    });
    let (kind, leads) = moves.chain(schedule.moves()).next()?.bait.words();
    kind.ends_with("symlink").then(|| leads.to_owned())
}

/// The name that a hard link was made of.
fn other_name(evidence: &Evidence, entries: &Entries<'_>, label: &str, link: &Entry) -> Option<String> {
    let others = entries.iter().filter(|(_, entry)| entry.ident == link.ident);
    let mut names = others.filter_map(|(path, _)| name_of(evidence, path, link.maker));
    names.find(|name| name != label)
}
