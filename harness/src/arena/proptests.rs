//! Whatever is done in an arena is undone exactly, and nothing is done beside it.
//!
//! What stands on disk is read here by the standard library's own calls, not by the tree that is being tested.

#![cfg(test)]

use crate::arena::{Arena, Reset, disk, tree::Tree};
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::file_system::FileSystem;
use crate::host::Host;
use crate::testing::{Scene, Thing, apart, class, is_root, kept, runner, some_move, target, things};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseResult, TestRunner};
use rustix::io::Errno;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One entry as it stands on disk.
#[derive(Debug, PartialEq, Eq)]
struct State {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    /// Content of a file, target of a link.
    content: Vec<u8>,
    /// What only an entry that was never remade still has. Times of directories tell of what came and went in them.
    same: Option<(u64, Option<SystemTime>, Option<SystemTime>)>,
}

type Snapshot = BTreeMap<PathBuf, State>;

fn state(path: &Path, found: &Metadata) -> io::Result<State> {
    let content = if found.is_symlink() {
        fs::read_link(path)?.into_os_string().into_encoded_bytes()
    } else if found.is_file() {
        fs::read(path)?
    } else {
        Vec::new()
    };
    let changed = if found.is_dir() { None } else { Some(found.modified()?) };
    let (mode, owner, links) = (found.mode(), (found.uid(), found.gid()), found.nlink());
    Ok(State { mode, owner, links, content, same: Some((found.ino(), found.created().ok(), changed)) })
}

/// Everything at and below `top`.
fn snapshot(top: &Path) -> io::Result<Snapshot> {
    let (mut all, mut left) = (Snapshot::new(), vec![top.to_owned()]);
    while let Some(path) = left.pop() {
        let found = path.symlink_metadata()?;
        if found.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        }
        all.insert(path.clone(), state(&path, &found)?);
    }
    Ok(all)
}

/// What may be said of an arena after its reset: all of it, or what a rebuild can give back.
fn comparable(mut snapshot: Snapshot, reset: Reset) -> Snapshot {
    if reset != Reset::Undone {
        snapshot.values_mut().for_each(|state| state.same = None);
    }
    snapshot
}

fn looks_like_stage(arena: &mut Arena) -> bool {
    let (mut stage, mut first, mut second) = (Tree::default(), Tree::default(), Tree::default());
    arena.look_at_stage(&mut stage);
    arena.look(&mut first);
    arena.look(&mut second);
    first.same_as(&stage) && second.same_as(&first)
}

/// A trial's worth of things and moves, then a reset.
fn undone(
    below: &Path,
    other_uid: bool,
    class: Class,
    things: &[Thing],
    moves: &[Move],
    ways: &Cell<[u32; 3]>,
) -> TestCaseResult {
    let place = tempfile::tempdir_in(below)?;
    let mut scene = Scene::new(place.path(), class, other_uid);
    let before = snapshot(scene.arena.path())?;
    things.iter().for_each(|thing| scene.put(thing));
    // Moves that fail, even half-way, must be undone as well.
    for act in moves {
        let _ = scene.act(act);
    }
    let reset = scene.arena.sweep().map_err(|e| TestCaseError::fail(e.to_string()))?;
    let mut counts = ways.get();
    counts[reset as usize] += 1;
    ways.set(counts);
    let after = snapshot(scene.arena.path())?;
    prop_assert_eq!(comparable(before, reset), comparable(after, reset));
    prop_assert!(looks_like_stage(&mut scene.arena));
    let again = scene.arena.sweep().map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(again, Reset::Undone, "a second reset found something left to do");
    Ok(())
}

fn any_sequence_is_undone(below: &Path, cases: u32, kept: Option<&'static str>, other_uid: bool) {
    let sequences = (class(), things(), proptest::collection::vec(some_move(target()), 0..=8));
    let ways = Cell::default();
    let result = runner(cases, kept)
        .run(&sequences, |(class, things, moves)| undone(below, other_uid, class, &things, &moves, &ways));
    result.unwrap_or_else(|e| panic!("{e}"));
    let [undone, restaged, rebuilt] = ways.get();
    eprintln!("other uid {other_uid}: of {cases} {undone} undone, {restaged} staged anew, {rebuilt} rebuilt");
    assert!(undone > cases / 10, "hardly anything was undone without a rebuild");
    assert!(cases < 100 || restaged > 0, "nothing of the stage alone was made anew");
}

#[test]
fn any_sequence_of_moves_with_our_own_uid_is_undone_exactly() {
    let below = std::env::temp_dir();
    apart(|| any_sequence_is_undone(&below, 150, kept!("undone-own-uid.txt"), false));
}

#[test]
fn any_sequence_of_moves_with_another_uid_is_undone_exactly() {
    if is_root() {
        let below = std::env::temp_dir();
        apart(|| any_sequence_is_undone(&below, 150, kept!("undone-other-uid.txt"), true));
    } else {
        eprintln!("not checked: undoing what another uid did; that takes root");
    }
}

#[test]
fn any_sequence_of_moves_is_undone_exactly_on_every_file_system() {
    use FileSystem::{Btrfs, Ext4, Overlay, Tmpfs, Xfs};
    for name in [Tmpfs, Ext4, Xfs, Btrfs, Overlay] {
        apart(|| match disk::place(&Host::detect().with_disk(name)) {
            Ok(place) => any_sequence_is_undone(&place, 40, kept!("undone-other-uid.txt"), is_root()),
            Err(error) => eprintln!("not checked: {error}"),
        });
    }
}

#[test]
fn a_full_disk_says_so_and_its_arena_can_still_be_put_back() {
    use FileSystem::{Btrfs, Ext4, Overlay, Tmpfs, Xfs};
    for name in [Tmpfs, Ext4, Xfs, Btrfs, Overlay] {
        apart(|| match disk::place(&Host::detect().with_disk(name)) {
            Ok(place) => {
                let mut scene = Scene::new(&place, Class::OtherUser, false);
                let mut big = fs::File::create(scene.arena.path().join("shared/big")).unwrap();
                let full = (0..400).find_map(|_| io::Write::write_all(&mut big, &vec![1; 1 << 20]).err());
                assert_eq!(full.map(|e| e.kind()), Some(io::ErrorKind::StorageFull), "{name}");
                drop(big);
                scene.arena.sweep().unwrap_or_else(|e| panic!("{name}: {e}"));
                assert!(looks_like_stage(&mut scene.arena), "{name}");
            }
            Err(error) => eprintln!("not checked: {error}"),
        });
    }
}

#[test]
fn a_disk_is_seen_by_its_thread_alone() {
    let mounts = || {
        let all = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        all.lines().filter(|line| line.contains(" /mnt ")).count()
    };
    let before = mounts();
    apart(|| match disk::place(&Host::detect().with_disk(FileSystem::Ext4)) {
        Ok(place) => {
            fs::write(place.join("seen"), "x").unwrap();
            assert!(mounts() > before && !Path::new("/proc/self/root/mnt/seen").exists());
        }
        Err(error) => eprintln!("not checked: {error}"),
    });
    assert_eq!(mounts(), before);
}

#[test]
fn an_arena_that_differs_in_one_bit_is_told_from_its_stage() {
    let place = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(place.path(), Class::OtherUser, false);
    let before = snapshot(scene.arena.path()).unwrap();
    let top = scene.arena.path().join("shared/top");
    assert!(looks_like_stage(&mut scene.arena));
    fs::set_permissions(top, Permissions::from_mode(0o664)).unwrap();
    assert!(!looks_like_stage(&mut scene.arena));
    let after = snapshot(scene.arena.path()).unwrap();
    assert_ne!(comparable(before, Reset::Rebuilt), comparable(after, Reset::Rebuilt));
}

/// Sentinels that the attacker could change in every way, if it ever came there: all is its own, or open to all.
fn sentinels(place: &Path) -> io::Result<PathBuf> {
    let beside = place.join("beside");
    fs::create_dir_all(beside.join("dir"))?;
    for name in ["canary", "n", "dir/n", "dir/keep"] {
        fs::write(beside.join(name), name)?;
        fs::set_permissions(beside.join(name), Permissions::from_mode(0o666))?;
    }
    symlink("canary", beside.join("link"))?;
    fs::hard_link(beside.join("n"), beside.join("same"))?;
    for dir in [place, &beside, &beside.join("dir")] {
        fs::set_permissions(dir, Permissions::from_mode(0o777))?;
    }
    if is_root() {
        let owner = Some(crate::host::ATTACKER_UID);
        ["canary", "dir/keep", "dir"].iter().try_for_each(|name| chown(beside.join(name), owner, owner))?;
    }
    Ok(beside)
}

/// Everything beside the arena, and the names next to it.
fn surroundings(place: &Path) -> io::Result<(Snapshot, Vec<PathBuf>)> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(place)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<_>>()?;
    names.sort();
    Ok((snapshot(&place.join("beside"))?, names))
}

/// Targets that lead out of `shared/`; `{beside}` stands for the absolute path of the sentinels.
const WAYS_OUT: [&str; 14] = [
    "",
    ".",
    "shared",
    "shared/..",
    "shared/.",
    "shared//d",
    "shared/../../beside/canary",
    "shared/d/../../../beside/n",
    "shared/../../beside",
    "../beside/canary",
    "../beside/new",
    "{beside}/dir/n",
    "shared/out/canary",
    "shared/out/new",
];

/// Moves at all targets while a link of the victim's leads from `shared/` to the sentinels.
fn stays_inside(other_uid: bool, class: Class, things: &[Thing], moves: &[Move]) -> TestCaseResult {
    let place = tempfile::tempdir()?;
    let beside = sentinels(place.path())?;
    let mut scene = Scene::new(place.path(), class, other_uid);
    symlink("../../beside", scene.arena.path().join("shared/out"))?;
    let before = surroundings(place.path())?;
    things.iter().for_each(|thing| scene.put(thing));
    for act in moves {
        let target = act.target.replace("{beside}", &beside.to_string_lossy());
        let _ = scene.act(&Move { target, ..act.clone() });
    }
    prop_assert_eq!(&before, &surroundings(place.path())?);
    scene.arena.sweep().map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(&before, &surroundings(place.path())?);
    drop(scene);
    prop_assert_eq!(before.0, surroundings(place.path())?.0);
    Ok(())
}

fn nothing_outside_changes(mut runner: TestRunner, other_uid: bool) {
    let target = prop_oneof![1 => target(), 2 => select(&WAYS_OUT).prop_map(str::to_owned)];
    let cases = (class(), things(), proptest::collection::vec(some_move(target), 1..=8));
    let result = runner.run(&cases, |(class, things, moves)| stays_inside(other_uid, class, &things, &moves));
    result.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn no_move_with_our_own_uid_changes_anything_outside_the_arena() {
    apart(|| nothing_outside_changes(runner(150, kept!("outside-own-uid.txt")), false));
}

#[test]
fn no_move_with_another_uid_changes_anything_outside_the_arena() {
    if is_root() {
        apart(|| nothing_outside_changes(runner(150, kept!("outside-other-uid.txt")), true));
    } else {
        eprintln!("not checked: where another uid may go; that takes root");
    }
}

#[test]
fn a_link_made_to_a_sentinel_is_seen_beside_the_arena() {
    let place = tempfile::tempdir().unwrap();
    let beside = sentinels(place.path()).unwrap();
    let before = surroundings(place.path()).unwrap();
    fs::hard_link(beside.join("canary"), place.path().join("another-name")).unwrap();
    assert_ne!(before.0, surroundings(place.path()).unwrap().0);
    assert_ne!(before.1, surroundings(place.path()).unwrap().1);
}

#[test]
fn moves_out_of_shared_or_through_a_link_are_refused() {
    apart(|| {
        let place = tempfile::tempdir().unwrap();
        let mut scene = Scene::new(place.path(), Class::DirWriter, false);
        symlink("../outside", scene.arena.path().join("shared/out")).unwrap();
        let act = |verb, bait, target: &str| Move { verb, bait, target: target.to_owned() };
        let out = [
            (act(Verb::Unlink, Bait::Link, "shared/../outside/canary"), Errno::XDEV),
            (act(Verb::Plant, Bait::HardLink, "shared/out/n"), Errno::NOTDIR),
            (act(Verb::Chmod, Bait::Link, "shared/out"), Errno::PERM),
        ];
        for (act, error) in out {
            assert_eq!(scene.act(&act), Err(error), "{act}");
        }
    });
}
