//! A tree of any shape is deleted while an attacker acts at any call: nothing else goes, and undisturbed all of it does.
//!
//! The first byte chooses the attacker, the second which entries have names that few expect, the next ones a tree, one entry
//! each; each five that follow plan an act. There are no devices.

use crate::ready::{Ready, clean, expect, split};
use linkbait::rules::{Rule, rule};
use linkbait::{Class, Dirs, Judge, Victim};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const ENTRIES: usize = 8;

/// Bytes before the plans.
pub const REMOVE_TREE_HEAD: usize = 2 + ENTRIES;

/// Most victims that are kept ready at once.
const MOST_READY: usize = 32;

/// Entries of a directory that has many, and directories of a long way down.
const MANY: usize = 12;
const DEEP: usize = 6;

/// With nobody about there is nothing to plan; an input without plans is that.
const CLASSES: [Class; 2] = [Class::DirWriter, Class::OtherUser];

/// Those that deleting can break. Modes are those of the tree.
const RULES: [&str; 8] = [
    "follows-link",
    "uses-foreign",
    "deletes-foreign",
    "chmods-foreign",
    "leftover",
    "hangs",
    "crashes",
    "leaked-descriptor",
];

/// Names that code is not made for.
const HOSTILE: [&[u8]; 8] = [b"~", b"a\nb", b"\xff\xfe", b"-rf", b"...", b" ", b"*", b"\\x41\"'$(id)"];

/// Who deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleter {
    /// `std::fs::remove_dir_all`.
    Std,
    /// By hand, which looks the whole path up at every step.
    ByPath,
}

/// What the bytes in front come to.
type Choice = ([u8; REMOVE_TREE_HEAD], Deleter);

/// Deletes a tree.
///
/// # Panics
/// When that breaks a rule.
pub fn remove_tree(bytes: &[u8]) {
    let by_path = cfg!(feature = "fault-deletes-by-path");
    expect(remove_tree_with(bytes, if by_path { Deleter::ByPath } else { Deleter::Std }));
}

/// The same, by this deleter.
///
/// # Errors
/// What [`remove_tree`] panics with.
pub fn remove_tree_with(bytes: &[u8], deleter: Deleter) -> Result<(), String> {
    thread_local! {
        static READY: RefCell<Ready<Choice>> = RefCell::new(Ready::with_room(MOST_READY));
    }
    let (head, plans) = split(bytes);
    let tried = READY.with_borrow_mut(|ready| ready.try_plans((head, deleter), &plans, start));
    tried.iter().try_for_each(clean)
}

fn start(judge: Judge, (head, deleter): &Choice) -> (Judge, Victim, Class, u32) {
    let (head, deleter) = (*head, *deleter);
    let rules: Vec<&'static Rule> = RULES.iter().filter_map(|id| rule(id)).collect();
    let victim = Victim::new("remove-tree", move |dirs| {
        let tree = build(dirs, head)?;
        match deleter {
            Deleter::Std => fs::remove_dir_all(tree),
            Deleter::ByPath => by_path(&tree),
        }
    });
    // Who may not look into its own directory is right to say so and to leave it.
    let kept_out =
        head[2..].iter().any(|byte| Kind::of(*byte) == Kind::Closed) && !rustix::process::geteuid().is_root();
    let victim = if kept_out { victim.keeps("work*") } else { victim };
    (judge.rules(&rules), victim, CLASSES[usize::from(head[0]) % CLASSES.len()], 0o022)
}

/// What an entry of the tree is, and to what the ones behind it are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Dir,
    /// Others may write to it.
    Open,
    /// Its owner may not look into it.
    Closed,
    LinkInside,
    LinkOutside,
    HardLink,
    Fifo,
    Long,
    Many,
    Deep,
    Nothing,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::File,
        Kind::Dir,
        Kind::Open,
        Kind::Closed,
        Kind::LinkInside,
        Kind::LinkOutside,
        Kind::HardLink,
        Kind::Fifo,
        Kind::Long,
        Kind::Many,
        Kind::Deep,
        Kind::Nothing,
    ];

    fn of(byte: u8) -> Kind {
        Kind::ALL[usize::from(byte) % Kind::ALL.len()]
    }
}

/// Inputs of no plans, with their names: trees that have all kinds of entries.
pub(crate) fn trees() -> [(&'static str, [u8; REMOVE_TREE_HEAD]); 6] {
    use Kind::{Closed, Deep, Dir, Fifo, File, HardLink, LinkInside, LinkOutside, Long, Many, Nothing, Open};
    [
        ("links-and-fifo", tree(0, [Dir, LinkInside, LinkOutside, HardLink, Fifo, File, Nothing, Nothing])),
        ("hostile-names", tree(u8::MAX, [Dir, Dir, File, LinkOutside, Fifo, HardLink, Long, File])),
        ("many", tree(0, [Dir, Many, Nothing, Nothing, Nothing, Nothing, Nothing, Nothing])),
        ("deep", tree(0, [Deep, File, Nothing, Nothing, Nothing, Nothing, Nothing, Nothing])),
        ("closed", tree(0, [Closed, File, Dir, Nothing, Nothing, Nothing, Nothing, Nothing])),
        ("open-to-others", tree(0, [Open, Open, File, LinkOutside, Nothing, Nothing, Nothing, Nothing])),
    ]
}

/// The bytes of these entries, all in the first one, which is a directory.
fn tree(hostile: u8, kinds: [Kind; ENTRIES]) -> [u8; REMOVE_TREE_HEAD] {
    let mut head = [0; REMOVE_TREE_HEAD];
    head[1] = hostile;
    for (at, kind) in kinds.into_iter().enumerate() {
        let number = Kind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
        head[2 + at] = (number + if at == 0 { 0 } else { Kind::ALL.len() }) as u8;
    }
    head
}

/// Builds the tree in private and moves it: built in shared by path, the building itself could be raced.
fn build(dirs: &Dirs, head: [u8; REMOVE_TREE_HEAD]) -> io::Result<PathBuf> {
    let (built, work) = (dirs.private.join("work"), dirs.shared.join("work"));
    make_dir(&built, 0o755)?;
    make_file(&built.join("keep"))?;
    let (mut parents, mut closed) = (vec![built.clone()], Vec::new());
    for (at, byte) in head[2..].iter().enumerate() {
        let parent = &parents[usize::from(byte / Kind::ALL.len() as u8) % parents.len()];
        let (kind, path) = (Kind::of(*byte), parent.join(name(at, head[1])));
        // What cannot stand there, by the length of its path, does not.
        if let Ok(Some(dir)) = add(kind, path, &built, &dirs.outside) {
            closed.extend((kind == Kind::Closed).then(|| dir.clone()));
            parents.push(dir);
        }
    }
    closed.iter().try_for_each(|dir| fs::set_permissions(dir, Permissions::from_mode(0o000)))?;
    fs::rename(&built, &work)?;
    Ok(work)
}

/// Adds an entry; returns it if others can be added to it.
fn add(kind: Kind, path: PathBuf, tree: &Path, outside: &Path) -> io::Result<Option<PathBuf>> {
    match kind {
        Kind::Dir | Kind::Closed => return make_dir(&path, 0o755).map(|()| Some(path)),
        Kind::Open => return make_dir(&path, 0o777).map(|()| Some(path)),
        Kind::Deep => return deep(path).map(Some),
        Kind::File => make_file(&path)?,
        Kind::Long => make_file(&path.with_file_name("a".repeat(255)))?,
        Kind::Many => (0..MANY).try_for_each(|n| make_file(&path.with_extension(n.to_string())))?,
        Kind::LinkInside => symlink("keep", path)?,
        Kind::LinkOutside => symlink(outside.join("dir"), path)?,
        Kind::HardLink => fs::hard_link(tree.join("keep"), path)?,
        Kind::Fifo => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0)?,
        Kind::Nothing => {}
    }
    Ok(None)
}

fn name(at: usize, hostile: u8) -> PathBuf {
    let plain = format!("e{at}");
    let name = if hostile >> (at % 8) & 1 == 0 { plain.as_bytes() } else { HOSTILE[at % HOSTILE.len()] };
    PathBuf::from(OsStr::from_bytes(name))
}

/// One directory in the other; the deepest.
fn deep(top: PathBuf) -> io::Result<PathBuf> {
    make_dir(&top, 0o755)?;
    (0..DEEP).try_fold(top, |dir, _| {
        let next = dir.join("d");
        make_dir(&next, 0o755).map(|()| next)
    })
}

/// A FIFO that has the name already is not opened.
fn make_file(path: &Path) -> io::Result<()> {
    File::create_new(path).map(drop)
}

fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    // The umask takes from the mode.
    if mode == 0o777 { fs::set_permissions(path, Permissions::from_mode(mode)) } else { Ok(()) }
}

fn by_path(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let inner = path.join(entry.file_name());
        if entry.file_type()?.is_dir() { by_path(&inner)? } else { fs::remove_file(&inner)? }
    }
    fs::remove_dir(path)
}
