//! What the property tests of this crate share: the runner, and arenas in which random things stand and random
//! moves are made.

#![cfg(test)]

use crate::arena::tree::{Maker, Tree};
use crate::arena::{Arena, Stage, Staged};
use crate::attacker::hands::Hands;
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::host::ATTACKER_UID;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Uid, chmodat, chownat, mkdirat, mknodat, openat, symlinkat,
};
use rustix::io::Errno;
use std::path::Path;

/// The file in which failures of a property are kept, to be tried first the next time.
macro_rules! kept {
    ($file:literal) => {
        Some(concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/regressions/", $file))
    };
}
pub(crate) use kept;

/// A runner of so many cases. Tests that are meant to find a failure have nothing to keep.
pub(crate) fn runner(cases: u32, kept: Option<&'static str>) -> TestRunner {
    let file = kept.map_or(FileFailurePersistence::Off, FileFailurePersistence::Direct);
    TestRunner::new(Config { cases, failure_persistence: Some(Box::new(file)), ..Config::default() })
}

/// Runs on a thread with a umask of its own: hands without a worker set it, and other tests run at the same time.
pub(crate) fn apart(work: impl FnOnce() + Send) {
    let own = || {
        crate::sys::thread::own_file_context().expect("a thread may have its own umask");
        work();
    };
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(own).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Something that came to stand in `shared/` after the stage was built.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    path: &'static str,
    by: Maker,
    kind: FileType,
    mode: u32,
}

/// Where things stand. Parents come first; below what turned out to be no directory nothing can be put.
const PLACES: [&str; 8] = ["a", "b", "d", "d/a", "d/e", "d/e/a", "s/a", "s/d"];

/// Where moves are made, below `shared/`: at things, at the stage's own files, at free names, through what may be no
/// directory, at names too long.
const TARGETS: [&str; 17] = [
    "a", "b", "d", "d/a", "d/e", "d/e/a", "s", "s/f", "s/a", "s/d", "top", "n", "d/n", "d/e/n", "s/n", "a/n",
    "b/n",
];

/// Modes that matter: with and without the sticky bit, each right of others alone, none at all.
const MODES: [u32; 12] =
    [0o777, 0o1777, 0o755, 0o700, 0o711, 0o733, 0o1733, 0o772, 0o776, 0o1771, 0o077, 0o000];

fn thing(path: &'static str) -> impl Strategy<Value = Option<Thing>> {
    let dirs = ["d", "d/e", "s/d"].contains(&path);
    let kind = prop_oneof![
        if dirs { 12 } else { 2 } => Just(FileType::Directory),
        4 => Just(FileType::RegularFile),
        1 => Just(FileType::Symlink),
        1 => Just(FileType::Fifo),
    ];
    let mode = prop_oneof![3 => select(&MODES), 1 => 0..=0o1777u32];
    let by = prop_oneof![Just(Maker::Victim), Just(Maker::Attacker)];
    let made = (by, kind, mode).prop_map(move |(by, kind, mode)| Thing { path, by, kind, mode });
    proptest::option::weighted(if dirs { 0.9 } else { 0.7 }, made)
}

/// Random things, parents first.
pub(crate) fn things() -> impl Strategy<Value = Vec<Thing>> {
    PLACES.map(thing).prop_map(|things| things.into_iter().flatten().collect())
}

/// A random move at one of `targets`.
pub(crate) fn some_move(target: impl Strategy<Value = String>) -> impl Strategy<Value = Move> {
    (select(&Verb::ALL), select(&Bait::ALL), target).prop_map(|(verb, bait, target)| {
        let bait = if verb.needs_bait() { bait } else { Bait::Link };
        Move { verb, bait, target }
    })
}

/// A target below `shared/`.
pub(crate) fn target() -> impl Strategy<Value = String> {
    let long = (254..=256usize).prop_map(|length| format!("shared/{}", "x".repeat(length)));
    prop_oneof![40 => select(&TARGETS).prop_map(|name| format!("shared/{name}")), 1 => long]
}

/// The two classes that make moves.
pub(crate) fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::OtherUser), Just(Class::DirWriter)]
}

/// An arena, the attacker's hands in it, and what stands there as far as it was seen.
pub(crate) struct Scene {
    pub(crate) arena: Arena,
    pub(crate) now: Tree,
    hands: Hands,
    next: Tree,
    uid: Option<u32>,
}

impl Scene {
    /// An arena below `place` with a small stage. With `other_uid`, which takes root, the attacker is nobody.
    pub(crate) fn new(place: &Path, class: Class, other_uid: bool) -> Scene {
        let uid = other_uid.then_some(ATTACKER_UID);
        let mut arena = Arena::new(place, uid, false).expect("an arena can be made");
        let file = |path: &str, mode| Staged {
            path: path.to_owned(),
            mode,
            content: format!("content of {path}"),
            foreign: false,
        };
        let decoys = vec![("a".to_owned(), false), ("d".to_owned(), true)];
        let stage = Stage { files: vec![file("s/f", 0o600), file("top", 0o666)], decoys };
        arena.build(class, stage).expect("an arena can be built");
        let mut hands = Hands::new(arena.path(), uid).expect("an attacker can be made");
        hands.know(["a", "f", "n"].into_iter().map(str::to_owned));
        let (mut now, next) = (Tree::default(), Tree::default());
        arena.look_at_stage(&mut now);
        Scene { arena, now, hands, next, uid }
    }

    /// Puts a thing, where its parents let it stand.
    pub(crate) fn put(&mut self, thing: &Thing) {
        // What cannot stand there does not: under a file, or twice.
        let _ = self.try_put(thing);
        self.look(thing.by);
    }

    fn try_put(&self, thing: &Thing) -> rustix::io::Result<()> {
        let (root, path) = (self.arena.root(), format!("shared/{}", thing.path));
        let private = Mode::RUSR | Mode::WUSR;
        match thing.kind {
            FileType::Directory => mkdirat(root, &path, Mode::RWXU)?,
            FileType::Symlink => symlinkat("../outside/dir", root, &path)?,
            FileType::Fifo => mknodat(root, &path, FileType::Fifo, private, 0)?,
            _ => drop(openat(root, &path, OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC, private)?),
        }
        if let Some(uid) = self.uid.filter(|_| thing.by == Maker::Attacker) {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)));
            chownat(root, &path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if thing.kind != FileType::Symlink {
            chmodat(root, &path, Mode::from_bits_retain(thing.mode), AtFlags::empty())?;
        }
        Ok(())
    }

    /// Makes a move and looks at what it did, also when it failed half-way.
    pub(crate) fn act(&mut self, act: &Move) -> Result<(), Errno> {
        let done = self.hands.act(self.arena.root(), act, act.target.as_bytes());
        self.look(Maker::Attacker);
        done
    }

    fn look(&mut self, actor: Maker) {
        self.arena.look(&mut self.next);
        self.next.succeed(&self.now, actor, |_| {});
        std::mem::swap(&mut self.now, &mut self.next);
    }
}
