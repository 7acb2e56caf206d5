//! Any calls of one user, made by the model and by the kernel: both answer the same, errno for errno.
//!
//! The kernel makes them below a directory of its own, which no path here leads out of: none is absolute, none has a `..`. As
//! root the user is another one, as in the model nobody is root, with that directory as its root.

use arbitrary::{Arbitrary, Result, Unstructured};
use linkbait::Host;
use linkbait::model::{
    Call, Errno, Fd, FileType, Files, Guards, Kernel, Model, OFlags, Place, RenameFlags, Reply, Status,
};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The user that makes the calls in the place of root.
const USER: u32 = 65534;

const UMASK: u32 = 0o022;
const MODES: [u32; 9] = [0o777, 0o755, 0o700, 0o1777, 0o666, 0o600, 0o444, 0o333, 0o000];
const NAMES: [&str; 6] = ["a", "b", "c", "d", ".", ""];
const OWNERS: [Option<u32>; 3] = [None, Some(USER), Some(USER - 1)];
const RENAMES: [RenameFlags; 3] = [RenameFlags::empty(), RenameFlags::NOREPLACE, RenameFlags::EXCHANGE];

/// Descriptors that calls are made with.
const DESCRIPTORS: u32 = 6;

/// Most calls of one input.
const MOST_CALLS: usize = 200;

/// Compares.
///
/// # Panics
/// When one of the two answers otherwise than the other.
pub fn model_kernel(bytes: &[u8]) {
    static HOST: LazyLock<Host> = LazyLock::new(Host::detect);
    let host: &Host = &HOST;
    let calls = calls(&mut Unstructured::new(bytes));
    let ground = Ground::new(host);
    let compare = || compare(&calls, &ground, Guards::of(host.protected()));
    // On a thread that has an own root directory for good, if it has one.
    std::thread::scope(|scope| {
        if let Err(panic) = scope.spawn(compare).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A directory of its own, and whose it is.
struct Ground {
    dir: PathBuf,
    user: (u32, u32),
    confined: bool,
}

impl Ground {
    fn new(host: &Host) -> Ground {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let dir = host.place().join(format!("linkbait-fuzz-{}-{number}", std::process::id()));
        DirBuilder::new().mode(0o755).create(&dir).unwrap_or_else(|e| panic!("mkdir({dir:?}): {e}"));
        let own = fs::metadata(&dir).expect("it was just made");
        let confined = host.is_root();
        let user = if confined { (USER, USER) } else { (own.uid(), own.gid()) };
        chown(&dir, Some(user.0), Some(user.1)).expect("our own, or we are root");
        Ground { dir, user, confined }
    }

    fn kernel(&self) -> Kernel {
        if !self.confined {
            return Kernel::at(&self.dir);
        }
        Kernel::confined(&self.dir, self.user.0).expect("root may become any user")
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What cannot be removed has a mode that keeps its owner out.
        let _ = open_up(&self.dir).and_then(|()| fs::remove_dir_all(&self.dir));
    }
}

/// Lets the owner into every directory.
fn open_up(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn compare(calls: &[Call], ground: &Ground, guards: Guards) {
    let (uid, gid) = ground.user;
    let mut model = Model::new(guards, uid, gid, 0o755);
    let task = model.enter(uid, gid, UMASK);
    let kernel = ground.kernel();
    let _ = kernel.call(Call::Umask { mask: UMASK });
    for (at, call) in calls.iter().enumerate() {
        // What goes through a FIFO is not in the model; the umask of an ordinary user here is that of the whole process.
        let left_out = match call {
            Call::Read { file, .. } | Call::Write { file, .. } => {
                let status = model.clone().perform(task, &Call::Fstat { file: *file });
                matches!(status, Ok(Reply::Status(Status { kind: FileType::Fifo, .. })))
            }
            Call::Umask { .. } => !ground.confined,
            _ => false,
        };
        if !left_out {
            let (told, real) = (plain(model.perform(task, call)), plain(kernel.call(call.clone())));
            assert_eq!(real, told, "the kernel left, the model right, of the last of {:?}", &calls[..=at]);
        }
    }
}

/// An answer without the number that each side gives files as it likes.
fn plain(answer: std::result::Result<Reply, Errno>) -> std::result::Result<Reply, Errno> {
    answer.map(|reply| match reply {
        Reply::Status(status) => Reply::Status(Status { ino: 0, ..status }),
        reply => reply,
    })
}

fn calls(bytes: &mut Unstructured<'_>) -> Vec<Call> {
    let mut calls = Vec::new();
    while !bytes.is_empty() && calls.len() < MOST_CALLS {
        calls.extend(call(bytes));
    }
    calls
}

fn call(from: &mut Unstructured<'_>) -> Result<Call> {
    Ok(match u8::arbitrary(from)? % 24 {
        0..=2 => Call::Open { at: place(from)?, flags: flags(from)?, mode: *from.choose(&MODES)? },
        3 => Call::Mkdir { at: place(from)?, mode: *from.choose(&MODES)? },
        4 => Call::Mkfifo { at: place(from)?, mode: *from.choose(&MODES)? },
        5 => Call::Mksocket { at: place(from)?, mode: *from.choose(&MODES)? },
        6 => Call::Symlink { target: path(from)?, at: place(from)? },
        7 => Call::Link { from: place(from)?, to: place(from)?, follow: from.arbitrary()? },
        8 => Call::LinkOpen { file: file(from)?, to: place(from)? },
        9 => Call::Unlink { at: place(from)? },
        10 => Call::Rmdir { at: place(from)? },
        11 => Call::Rename { from: place(from)?, to: place(from)?, flags: *from.choose(&RENAMES)? },
        12 => Call::Chmod { at: place(from)?, mode: *from.choose(&MODES)? },
        13 => Call::Fchmod { file: file(from)?, mode: *from.choose(&MODES)? },
        14 => Call::Chown {
            at: place(from)?,
            uid: *from.choose(&OWNERS)?,
            gid: *from.choose(&OWNERS)?,
            follow: from.arbitrary()?,
        },
        15 => Call::Fchown { file: file(from)?, uid: *from.choose(&OWNERS)?, gid: *from.choose(&OWNERS)? },
        16 => Call::Stat { at: place(from)?, follow: from.arbitrary()? },
        17 => Call::Fstat { file: file(from)? },
        18 => Call::Readlink { at: place(from)? },
        19 => Call::Read { file: file(from)?, length: from.int_in_range(0..=20)? },
        20 => Call::Write { file: file(from)?, bytes: vec![b'x'; from.int_in_range(0..=8)?] },
        21 => Call::Truncate { file: file(from)?, length: from.int_in_range(0..=20)? },
        22 => Call::List { file: file(from)? },
        _ if from.ratio(1, 8)? => Call::Umask { mask: *from.choose(&[0o022, 0o077, 0o000, 0o777])? },
        _ => Call::Close { file: file(from)? },
    })
}

fn file(from: &mut Unstructured<'_>) -> Result<Fd> {
    Ok(Fd::nth(from.int_in_range(0..=DESCRIPTORS - 1)?))
}

fn place(from: &mut Unstructured<'_>) -> Result<Place> {
    let dir = if from.ratio(1, 4)? { Some(file(from)?) } else { None };
    Ok(Place { dir, path: path(from)? })
}

/// A path of few names, so that calls meet.
fn path(from: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut names = vec![*from.choose(&NAMES)?];
    while names.len() < 4 && from.ratio(1, 3)? {
        names.push(*from.choose(&NAMES)?);
    }
    let long = "n".repeat(256);
    if from.ratio(1, 32)? {
        names.push(&long);
    }
    // No slash in front: nothing here is looked up from the root.
    Ok(names.join("/").trim_start_matches('/').as_bytes().to_vec())
}

fn flags(from: &mut Unstructured<'_>) -> Result<OFlags> {
    let more = [
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
    // Nobody waits at a FIFO.
    let mut flags = *from.choose(&[OFlags::RDONLY, OFlags::WRONLY, OFlags::RDWR])? | OFlags::NONBLOCK;
    for _ in 0..from.int_in_range(0..=3)? {
        flags |= *from.choose(&more)?;
    }
    Ok(flags)
}
