//! The model against the kernel: random calls of two users, made by both, must come to the same, errno for errno, and leave
//! the same tree.
//!
//! As root each user is a thread with a uid and a root directory of its own, on every file system that can be mounted here.
//! Otherwise there is one user, whose paths stay below a directory, on the file system of that.

#![cfg(test)]

use super::call::{Call, Fd, Place, Reply, Status};
use super::differences::{Difference, known};
use super::{Guards, Kernel, Kind, Model, Task};
use crate::arena::disk;
use crate::file_system::FileSystem;
use crate::host::Host;
use crate::model::Files;
use crate::testing::{apart, is_root, kept, runner};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::Union;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use rustix::fs::{FileType, OFlags, RenameFlags};
use rustix::io::Result;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::SeekFrom;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Neither is root, and neither owns the top of the tree.
const USERS: [u32; 2] = [65533, 65534];

/// Calls of one case.
const LONGEST: usize = 200;

/// Stands there at first: a directory of one user in which the other writes by the group.
const SHARED: &str = "a";
const SHARED_MODE: u32 = 0o1775;

/// Most descriptors of one user that calls are made with.
const DESCRIPTORS: u32 = 6;

/// Where this thread compares.
#[derive(Clone, Debug)]
struct Ground {
    file_system: Option<FileSystem>,
    place: PathBuf,
    guards: Guards,
    /// The users are other threads, which cannot leave their root directory.
    confined: bool,
}

thread_local! {
    static GROUND: RefCell<Option<Ground>> = const { RefCell::new(None) };
    static CASES: Cell<u32> = const { Cell::new(0) };
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static EXPLAINED: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

fn ground() -> Ground {
    GROUND.with_borrow(|ground| ground.clone().expect("a thread that compares knows where"))
}

/// One call of one user.
#[derive(Clone, Debug)]
struct Step {
    user: usize,
    call: Call,
}

/// The model, and what the last step came to.
#[derive(Clone, Debug)]
struct State {
    model: Model,
    tasks: Vec<Task>,
    last: Option<Result<Reply>>,
}

fn beginning() -> State {
    let Ground { guards, confined, .. } = ground();
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mut model = Model::new(guards, uid, gid, if confined { 0o1777 } else { 0o755 });
    let users: &[(u32, u32)] = if confined { &USERS.map(|uid| (uid, uid)) } else { &[(uid, gid)] };
    let tasks: Vec<Task> = users.iter().map(|(uid, gid)| model.enter(*uid, *gid, 0o022)).collect();
    if confined {
        let at = || Place::at(SHARED);
        for call in [Call::Mkdir { at: at(), mode: 0o777 }, Call::Chmod { at: at(), mode: SHARED_MODE }] {
            model.perform(tasks[0], &call).expect("the top is open to all");
        }
        model.give(&format!("/{SHARED}"), None, USERS[1]);
    }
    State { model, tasks, last: None }
}

struct Reference;

impl ReferenceStateMachine for Reference {
    type State = State;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<State> {
        Just(beginning()).boxed()
    }

    fn transitions(state: &State) -> BoxedStrategy<Step> {
        let of_user = |(user, task): (usize, &Task)| {
            let known = Known::of(&state.model, *task);
            call(&known).prop_map(move |call| Step { user, call }).boxed()
        };
        Union::new(state.tasks.iter().enumerate().map(of_user)).boxed()
    }

    fn preconditions(state: &State, step: &Step) -> bool {
        let Some(task) = state.tasks.get(step.user) else { return false };
        match &step.call {
            // What goes through a FIFO is not in the model.
            Call::Read { file, .. } | Call::Write { file, .. } => {
                let status = state.model.clone().perform(*task, &Call::Fstat { file: *file });
                !matches!(status, Ok(Reply::Status(Status { kind: FileType::Fifo, .. })))
            }
            // In a removed directory ext4 says EPERM, where others make a file without a name.
            Call::Open { at, flags, .. } if flags.contains(OFlags::TMPFILE) => {
                let dir = state.model.clone().perform(*task, &Call::Stat { at: at.clone(), follow: true });
                !matches!(dir, Ok(Reply::Status(Status { links: 0, .. })))
            }
            _ => true,
        }
    }

    fn apply(mut state: State, step: &Step) -> State {
        state.last = Some(state.model.perform(state.tasks[step.user], &step.call));
        state
    }
}

const MODES: [u32; 12] =
    [0o777, 0o755, 0o700, 0o1777, 0o666, 0o600, 0o444, 0o333, 0o000, 0o1775, 0o770, 0o707];

const NAMES: [&str; 3] = ["a", "b", "c"];

const RENAMES: [RenameFlags; 3] = [RenameFlags::empty(), RenameFlags::NOREPLACE, RenameFlags::EXCHANGE];

/// What there is to make calls with: most calls with names and descriptors at random fail, and prove little.
#[derive(Clone)]
struct Known {
    /// Paths that lead to something, from the top.
    paths: Vec<Vec<u8>>,
    /// Descriptors that are open.
    open: Vec<Fd>,
    /// Those of directories.
    dirs: Vec<Fd>,
}

impl Known {
    fn of(model: &Model, task: Task) -> Known {
        let paths = model.all().into_iter().filter_map(|(path, _)| path.get(1..).map(<[u8]>::to_vec));
        let open = model.process(task).open.keys().copied();
        let is_dir = |fd: &Fd| model.behind(task, *fd).is_some_and(|ino| model.node(ino).is_dir());
        Known { paths: paths.collect(), dirs: open.clone().filter(is_dir).collect(), open: open.collect() }
    }
}

fn call(known: &Known) -> BoxedStrategy<Call> {
    let fd = || fd(&known.open);
    let place = || place(known);
    let target = || path(known);
    let mode = || select(&MODES[..]);
    let owner = || prop_oneof![3 => Just(None), 1 => select(&USERS[..]).prop_map(Some)];
    let rename = || select(&RENAMES[..]);
    prop_oneof![
        12 => (place(), flags(), mode()).prop_map(|(at, flags, mode)| Call::Open { at, flags, mode }),
        5 => (place(), mode()).prop_map(|(at, mode)| Call::Mkdir { at, mode }),
        1 => (place(), mode()).prop_map(|(at, mode)| Call::Mkfifo { at, mode }),
        1 => (place(), mode()).prop_map(|(at, mode)| Call::Mksocket { at, mode }),
        4 => (target(), place()).prop_map(|(target, at)| Call::Symlink { target, at }),
        4 => (place(), place(), any::<bool>())
            .prop_map(|(from, to, follow)| Call::Link { from, to, follow }),
        2 => (fd(), place()).prop_map(|(file, to)| Call::LinkOpen { file, to }),
        3 => place().prop_map(|at| Call::Unlink { at }),
        2 => place().prop_map(|at| Call::Rmdir { at }),
        6 => (place(), place(), rename()).prop_map(|(from, to, flags)| Call::Rename { from, to, flags }),
        4 => (place(), mode()).prop_map(|(at, mode)| Call::Chmod { at, mode }),
        1 => (fd(), mode()).prop_map(|(file, mode)| Call::Fchmod { file, mode }),
        1 => (place(), owner(), owner(), any::<bool>())
            .prop_map(|(at, uid, gid, follow)| Call::Chown { at, uid, gid, follow }),
        1 => (fd(), owner(), owner()).prop_map(|(file, uid, gid)| Call::Fchown { file, uid, gid }),
        2 => (place(), any::<bool>()).prop_map(|(at, follow)| Call::Stat { at, follow }),
        1 => fd().prop_map(|file| Call::Fstat { file }),
        1 => place().prop_map(|at| Call::Readlink { at }),
        1 => (fd(), 0..20_usize).prop_map(|(file, length)| Call::Read { file, length }),
        2 => (fd(), prop::collection::vec(any::<u8>(), 0..8))
            .prop_map(|(file, bytes)| Call::Write { file, bytes }),
        1 => (fd(), 0..20_usize).prop_map(|(file, length)| Call::Truncate { file, length }),
        1 => (fd(), to()).prop_map(|(file, to)| Call::Seek { file, to }),
        1 => fd().prop_map(|file| Call::List { file }),
        3 => fd().prop_map(|file| Call::Close { file }),
        1 => select(&[0o022, 0o077, 0o000, 0o777][..]).prop_map(|mask| Call::Umask { mask }),
    ]
    .boxed()
}

/// A descriptor; mostly one of these, if there are any.
fn fd(among: &[Fd]) -> BoxedStrategy<Fd> {
    let any = (0..DESCRIPTORS).prop_map(Fd::nth);
    if among.is_empty() { any.boxed() } else { prop_oneof![9 => select(among.to_vec()), 1 => any].boxed() }
}

fn place(known: &Known) -> BoxedStrategy<Place> {
    let from_top = path(known).prop_map(|path| Place { dir: None, path });
    let below = (fd(&known.dirs), made_up()).prop_map(|(dir, path)| Place { dir: Some(dir), path });
    if known.dirs.is_empty() {
        prop_oneof![19 => from_top, 1 => below].boxed()
    } else {
        prop_oneof![3 => from_top, 1 => below].boxed()
    }
}

/// A path from the top: of what stands there, of what does not stand in a directory or file there yet, or any.
fn path(known: &Known) -> BoxedStrategy<Vec<u8>> {
    if known.paths.is_empty() {
        return made_up();
    }
    let there = || select(known.paths.clone());
    let beside = (there(), select(&NAMES[..]))
        .prop_map(|(path, name)| [&path, b"/".as_slice(), name.as_bytes()].concat());
    prop_oneof![4 => there(), 2 => beside, 3 => made_up()].boxed()
}

/// A path of few names, so that calls meet. Without a root directory of its own a user must not be able to get out.
fn made_up() -> BoxedStrategy<Vec<u8>> {
    let plain = select(&NAMES[..]).prop_map(str::to_owned);
    let long = "n".repeat(256);
    let odd = if ground().confined {
        prop_oneof![3 => Just("..".to_owned()), 2 => Just(".".to_owned()), 1 => Just(long)].boxed()
    } else {
        prop_oneof![2 => Just(".".to_owned()), 1 => Just(long)].boxed()
    };
    let names = prop::collection::vec(prop_oneof![12 => plain, 1 => odd], 1..4);
    let before =
        if ground().confined { prop_oneof![9 => Just(""), 1 => Just("/")].boxed() } else { Just("").boxed() };
    let after = prop_oneof![9 => Just(""), 1 => Just("/")];
    let path = (before, names, after)
        .prop_map(|(before, names, after)| format!("{before}{}{after}", names.join("/")));
    let only = select(if ground().confined { &["", "/", "//", "."][..] } else { &["", "."][..] });
    prop_oneof![40 => path, 1 => only.prop_map(str::to_owned)].prop_map(String::into_bytes).boxed()
}

fn to() -> BoxedStrategy<SeekFrom> {
    let start = prop_oneof![9 => 0..20_u64, 1 => Just(u64::MAX)].prop_map(SeekFrom::Start);
    let by = || prop_oneof![9 => -10..10_i64, 1 => Just(i64::MIN)];
    prop_oneof![start, by().prop_map(SeekFrom::Current), by().prop_map(SeekFrom::End)].boxed()
}

fn flags() -> BoxedStrategy<OFlags> {
    let ways = select(&[OFlags::RDONLY, OFlags::WRONLY, OFlags::RDWR][..]);
    let one = [
        OFlags::CREATE,
        OFlags::CREATE,
        OFlags::EXCL,
        OFlags::TRUNC,
        OFlags::NOFOLLOW,
        OFlags::DIRECTORY,
        OFlags::APPEND,
        OFlags::PATH,
        OFlags::TMPFILE,
    ];
    let more = subsequence(one.to_vec(), 0..4);
    let all = (ways, more).prop_map(|(way, more)| {
        // Nobody waits at a FIFO.
        more.into_iter().fold(way | OFlags::NONBLOCK, |all, flag| all | flag)
    });
    all.boxed()
}

/// Calls of one user that chance hardly ever makes in a row.
fn rare() -> Vec<Vec<Call>> {
    let at = |path: &str| Place::at(path);
    let below = |before, path: &str| Place::below(Fd::nth(before), path);
    let mkdir = |path| Call::Mkdir { at: at(path), mode: 0o777 };
    let open = |path, flags| Call::Open { at: at(path), flags, mode: 0o666 };
    let stat = |at| Call::Stat { at, follow: true };
    let link = |target: &str, path: &str| Call::Symlink { target: target.into(), at: at(path) };
    let link_open = |before, path| Call::LinkOpen { file: Fd::nth(before), to: at(path) };
    let rename = |from, to, flags| Call::Rename { from: at(from), to: at(to), flags };
    let write = |before, text: &[u8]| Call::Write { file: Fd::nth(before), bytes: text.to_vec() };
    let dir = OFlags::RDONLY | OFlags::DIRECTORY;
    let new = OFlags::WRONLY | OFlags::CREATE;
    let unnamed = OFlags::WRONLY | OFlags::TMPFILE;
    let both = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
    let chain = (1..=41).map(|at| link(&format!("l{}", at - 1), &format!("l{at}")));
    vec![
        // 40 links are followed, and no more.
        [mkdir("l0")].into_iter().chain(chain).chain([stat(at("l40")), stat(at("l41"))]).collect(),
        // Below a descriptor, as a path from the top has the top's own before it where users have no root directory.
        vec![
            open(".", dir),
            stat(below(0, &format!("{}.", "./".repeat(2047)))),
            stat(below(0, &"./".repeat(2048))),
        ],
        vec![link(&"n".repeat(4096), "l"), stat(at("n\0n")), link("n\0n", "l")],
        vec![open(".", unnamed | OFlags::EXCL), link_open(0, "f")],
        vec![open(".", unnamed), link_open(0, "f"), Call::Unlink { at: at("f") }, link_open(0, "f")],
        vec![open("f", new), mkdir("d"), rename("d", "f/", RenameFlags::EXCHANGE), rename("f", "d", both)],
        vec![mkdir("d"), mkdir("d/e"), mkdir("f"), rename("f", "d", RenameFlags::empty())],
        // A read behind the end leaves the position where it is.
        vec![
            open("f", OFlags::RDWR | OFlags::CREATE),
            write(0, b"xyz"),
            Call::Truncate { file: Fd::nth(0), length: 0 },
            Call::Read { file: Fd::nth(0), length: 1 },
            write(0, b"x"),
            Call::Fstat { file: Fd::nth(0) },
        ],
        vec![
            mkdir("d"),
            mkdir("d/e"),
            mkdir("f"),
            Call::Chmod { at: at("f"), mode: 0o555 },
            rename("d/e", "f", RenameFlags::EXCHANGE),
        ],
        vec![
            open("f", new | OFlags::APPEND),
            open("f", new),
            write(1, b"abc"),
            write(0, b"d"),
            write(1, b"e"),
        ],
        vec![
            mkdir("d"),
            open("d", dir),
            Call::Rmdir { at: at("d") },
            Call::List { file: Fd::nth(0) },
            stat(below(0, &"n".repeat(256))),
        ],
        vec![
            mkdir("d"),
            mkdir("e"),
            open("d", dir),
            rename("d", "e/d", RenameFlags::empty()),
            Call::Mkdir { at: below(0, "../f"), mode: 0o777 },
        ],
    ]
}

/// A user: a thread that makes calls.
struct User {
    calls: Sender<Call>,
    answers: Receiver<Result<Reply>>,
}

impl User {
    fn start(top: &Path, uid: Option<u32>) -> User {
        let ((calls, to_make), (answer, answers)) = (channel::<Call>(), channel());
        let top = top.to_owned();
        std::thread::spawn(move || {
            apart(|| {
                crate::sys::thread::umask(0o022);
                let kernel = match uid {
                    Some(uid) => Kernel::confined(&top, uid).expect("root may become any user"),
                    None => Kernel::at(&top),
                };
                let _ = answer.send(Ok(Reply::Done));
                for call in to_make {
                    if answer.send(kernel.call(call)).is_err() {
                        break;
                    }
                }
            });
        });
        answers.recv().expect("the user is ready").expect("nothing was asked");
        User { calls, answers }
    }

    fn call(&self, call: &Call) -> Result<Reply> {
        self.calls.send(call.clone()).expect("the user is there");
        self.answers.recv().expect("the user answers")
    }
}

/// The kernel in the place of the model.
struct Compared {
    top: PathBuf,
    users: Vec<User>,
}

impl StateMachineTest for Compared {
    type SystemUnderTest = Compared;
    type Reference = Reference;

    fn init_test(state: &State) -> Compared {
        let Ground { place, confined, .. } = ground();
        let top = place.join(format!("case-{}", CASES.replace(CASES.get() + 1)));
        fs::create_dir(&top).expect("a directory can be made");
        let mode = if confined { 0o1777 } else { 0o755 };
        fs::set_permissions(&top, Permissions::from_mode(mode)).expect("it is ours");
        if confined {
            let shared = top.join(SHARED);
            fs::create_dir(&shared).expect("a directory can be made");
            chown(&shared, Some(USERS[0]), Some(USERS[1])).expect("root may");
            fs::set_permissions(&shared, Permissions::from_mode(SHARED_MODE)).expect("root may");
        }
        let start = |user: usize| User::start(&top, confined.then(|| USERS[user]));
        let users = (0..state.tasks.len()).map(start).collect();
        Compared { top, users }
    }

    fn apply(compared: Compared, state: &State, step: Step) -> Compared {
        CALLS.set(CALLS.get() + 1);
        let real = compared.users[step.user].call(&step.call);
        let model = state.last.clone().expect("a step was made");
        let (real, model) = (plain(real), plain(model));
        if real != model {
            let Ground { file_system, .. } = ground();
            let told = Difference { file_system, call: &step.call, model: &model, kernel: &real };
            let reason = known(&told);
            assert!(reason.is_some(), "{told:?}");
            EXPLAINED.with_borrow_mut(|all| all.extend(reason));
        }
        if ground().confined && real.is_ok() {
            assert_eq!(on_disk(&compared.top), in_model(&state.model), "after {step:?}");
        }
        compared
    }

    fn teardown(compared: Compared) {
        drop(compared.users);
        let _ = fs::remove_dir_all(&compared.top);
    }
}

/// An answer without the numbers that each side gives out as it likes.
fn plain(answer: Result<Reply>) -> Result<Reply> {
    answer.map(|reply| match reply {
        Reply::Status(status) => Reply::Status(Status { ino: 0, ..status }),
        reply => reply,
    })
}

/// An entry: its type, mode, owners and links, what is in it, and the first name of what it is another name of.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    status: Status,
    content: Vec<u8>,
    same_as: String,
}

type Entries = BTreeMap<String, Entry>;

fn add(
    entries: &mut Entries,
    first: &mut BTreeMap<u64, String>,
    path: String,
    status: Status,
    content: Vec<u8>,
) {
    let same_as = first.entry(status.ino).or_insert_with(|| path.clone()).clone();
    entries.insert(path, Entry { status: Status { ino: 0, ..status }, content, same_as });
}

fn on_disk(top: &Path) -> Entries {
    let (mut entries, mut first) = (Entries::new(), BTreeMap::new());
    let mut left = vec![(String::new(), top.to_owned())];
    while let Some((name, path)) = left.pop() {
        let found = path.symlink_metadata().expect("it stands there");
        let kind = FileType::from_raw_mode(found.mode());
        let (is_dir, mode) = (found.is_dir(), found.mode() & 0o1777);
        let content = match kind {
            FileType::Symlink => fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes(),
            FileType::RegularFile => fs::read(&path).expect("a file"),
            _ => Vec::new(),
        };
        let (links, size) = if is_dir { (1, 0) } else { (found.nlink() as u32, found.size()) };
        let (ino, uid, gid) = (found.ino(), found.uid(), found.gid());
        add(
            &mut entries,
            &mut first,
            name.clone(),
            Status { ino, kind, mode, uid, gid, links, size },
            content,
        );
        if is_dir {
            let mut below: Vec<_> =
                fs::read_dir(&path).expect("a directory").map(|e| e.expect("an entry")).collect();
            below.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
            left.extend(below.iter().map(|e| (format!("{name}/{}", e.file_name().display()), e.path())));
        }
    }
    entries
}

fn in_model(model: &Model) -> Entries {
    let (mut entries, mut first) = (Entries::new(), BTreeMap::new());
    for (path, ino) in model.all() {
        let content = match model.kind(ino) {
            Kind::File { content, .. } => content.clone(),
            Kind::Symlink(target) => target.clone(),
            _ => Vec::new(),
        };
        add(&mut entries, &mut first, path.escape_ascii().to_string(), model.status(ino), content);
    }
    entries
}

/// Compares on one file system, on a thread of its own; what kept it from that, if it could not.
fn compare(file_system: Option<FileSystem>, cases: u32) -> std::result::Result<u32, String> {
    let compare = move || {
        let host = Host::detect();
        let place = match file_system {
            Some(kind) => {
                disk::own_namespace().map_err(|e| format!("unshare(CLONE_NEWNS): {e}"))?;
                disk::put(kind).map_err(|e| e.to_string())?;
                PathBuf::from(disk::MOUNT_POINT)
            }
            None => host.place().join(format!("linkbait-model-{}", std::process::id())),
        };
        let _ = fs::create_dir(&place);
        let guards = Guards::of(host.protected());
        let confined = file_system.is_some();
        GROUND.set(Some(Ground { file_system, place: place.clone(), guards, confined }));
        let strategy = Reference::sequential_strategy(1..LONGEST);
        let run = runner(cases, kept!("model.txt")).run(&strategy, |(state, steps, seen)| {
            Compared::test_sequential(ProptestConfig::default(), state, steps, seen);
            Ok(())
        });
        for calls in rare() {
            let steps = calls.into_iter().map(|call| Step { user: 0, call }).collect();
            Compared::test_sequential(ProptestConfig::default(), beginning(), steps, None);
        }
        if !confined {
            let _ = fs::remove_dir_all(&place);
        }
        run.map_err(|e| e.to_string()).unwrap_or_else(|e| panic!("{file_system:?}: {e}"));
        EXPLAINED.take().into_iter().for_each(|reason| println!("known: {reason}"));
        Ok(CALLS.get())
    };
    match std::thread::spawn(compare).join() {
        Ok(compared) => compared,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Cases of one file system, so that all make so many calls in all.
fn compare_all(calls: u32) {
    const MOUNTED: [FileSystem; 5] =
        [FileSystem::Tmpfs, FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs, FileSystem::Overlay];
    let all: Vec<Option<FileSystem>> = if is_root() { MOUNTED.map(Some).to_vec() } else { vec![None] };
    let average = LONGEST as u32 / 2;
    let mut made = 0;
    for file_system in &all {
        let name = file_system.map_or("the arena's own file system, one user", FileSystem::name);
        match compare(*file_system, calls / all.len() as u32 / average) {
            Ok(calls) => {
                made += calls;
                println!("{name}: {calls} calls, all as in the model");
            }
            Err(why) => println!("not checked on {name}: {why}"),
        }
    }
    assert!(made > 0, "nothing was compared");
}

#[test]
fn the_kernel_does_what_the_model_says() {
    compare_all(20_000);
}

#[test]
#[ignore = "takes minutes; run every night"]
fn the_kernel_does_what_the_model_says_in_a_million_calls() {
    compare_all(1_000_000);
}
