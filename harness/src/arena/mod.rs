//! The private place of one run: `shared/`, where victim and attacker meet; `outside/`, full of canaries that
//! nothing may touch; `private/`, the victim's own home.
//!
//! Owns building, looking and removing. Putting back is `reset`.

mod access_times;
mod canary;
pub(crate) mod disk;
mod proptests;
mod reset;
pub(crate) mod sight;
mod stale;
pub(crate) mod tree;
mod wipe;

use crate::class::Class;
use crate::error::Error;
use canary::{Canary, backdate};
use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, mkdirat, openat};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use tree::Tree;

pub(crate) use reset::Reset;

/// The directories a victim is told about.
#[derive(Clone, Debug)]
pub struct Dirs {
    /// Where the victim works and the attacker may act; the temporary directory, seen from the victim.
    pub shared: PathBuf,
    /// Canaries: nothing may touch them.
    pub outside: PathBuf,
    /// The victim's own home (0700).
    pub private: PathBuf,
}

/// A file that stands in `shared/` before the victim starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Path below `shared/`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub content: String,
    /// It is the attacker's, who made it before the victim came; otherwise the victim's.
    pub foreign: bool,
}

impl Staged {
    fn below_arena(&self) -> String {
        format!("shared/{}", self.path)
    }
}

/// What is in an arena before the victim starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stage {
    pub(crate) files: Vec<Staged>,
    /// Names the victim is known to use, with true for directories: the decoy has entries of the same names.
    pub(crate) decoys: Vec<(String, bool)>,
}

/// An arena on disk. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Arena {
    root: OwnedFd,
    above: OwnedFd,
    name: CString,
    path: PathBuf,
    attacker: Option<u32>,
    guarded: bool,
    stage: Stage,
    class: Class,
    /// Nothing stands on the stage but what was put there by us.
    as_built: bool,
    baseline: Tree,
    scratch: Tree,
    canaries: Vec<Canary>,
    /// The victim's home, watched in the same way.
    home: Option<Canary>,
    /// Whether the canaries are as they were put there, by the last look.
    untouched: bool,
    shows_reads: bool,
}

/// What the names of arenas begin with.
const PREFIX: &str = "linkbait-";

/// What links are made to, and what is in it.
const CANARY: (&str, &[u8]) = ("outside/canary", b"canary: nothing may touch this\n");

const ALL_TOPS: [&CStr; 3] = [c"shared", c"outside", c"private"];

impl Arena {
    /// Makes an arena below `place`. `attacker` is the attacker's uid, if another than ours; `guarded` says that the
    /// kernel's `fs.protected_*` settings reach into group-writable directories.
    pub(crate) fn new(place: &Path, attacker: Option<u32>, guarded: bool) -> Result<Arena, Error> {
        let wrong =
            |call: &str, e: rustix::io::Errno| Error::arena(format!("{call}({})", place.display()), e);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let above = rustix::fs::open(place, flags, Mode::empty()).map_err(|e| wrong("open", e))?;
        let name = loop {
            let name = CString::new(format!("{PREFIX}{}-{:016x}", std::process::id(), random()?))
                .map_err(|_| Error::limit("arena name"))?;
            match mkdirat(&above, &name, Mode::RWXU) {
                Ok(()) => break name,
                Err(rustix::io::Errno::EXIST) => {}
                Err(e) => return Err(wrong("mkdirat", e)),
            }
        };
        let root = take(above.as_fd(), &name, attacker).map_err(|(call, e)| {
            // The error is what must be told.
            let _ = rustix::fs::unlinkat(&above, &name, AtFlags::REMOVEDIR);
            wrong(call, e)
        })?;
        let shows_reads = access_times::are_kept(root.as_fd());
        stale::sweep(above.as_fd(), root.as_fd());
        let canonical = place.canonicalize().unwrap_or_else(|_| place.to_path_buf());
        let path = canonical.join(name.to_string_lossy().as_ref());
        let (stage, class, canaries) = (Stage::default(), Class::None, Vec::new());
        let (baseline, scratch) = (Tree::default(), Tree::default());
        Ok(Arena {
            root,
            above,
            name,
            path,
            attacker,
            guarded,
            stage,
            class,
            as_built: false,
            baseline,
            scratch,
            canaries,
            home: None,
            untouched: false,
            shows_reads,
        })
    }

    /// True where it shows in its access time that a file was read.
    pub(crate) fn shows_reads(&self) -> bool {
        self.shows_reads
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn dirs(&self) -> Dirs {
        let below = |name| self.path.join(name);
        Dirs { shared: below("shared"), outside: below("outside"), private: below("private") }
    }

    /// Builds everything anew for an attacker class and a stage.
    pub(crate) fn build(&mut self, class: Class, stage: Stage) -> Result<(), Error> {
        (self.class, self.stage) = (class, stage);
        self.rebuild()
    }

    fn rebuild(&mut self) -> Result<(), Error> {
        self.canaries.clear();
        for top in ALL_TOPS {
            // The directories themselves stay, because other mounts may show them.
            wipe::empty(self.root(), top).map_err(|e| self.wrong("empty", e))?;
        }
        self.build_canaries().and_then(|()| self.build_shared()).map_err(|e| self.wrong("build", e))?;
        self.adopt()?;
        self.as_built = true;
        Ok(())
    }

    /// Takes everything that stands here for the stage.
    pub(crate) fn adopt(&mut self) -> Result<(), Error> {
        self.as_built = false;
        self.canaries.clear();
        let mut baseline = std::mem::take(&mut self.baseline);
        baseline.clear();
        ALL_TOPS.iter().for_each(|top| baseline.add(self.root(), top));
        baseline.finish();
        baseline.settle();
        for staged in self.stage.files.iter().filter(|staged| staged.foreign) {
            baseline.give_to_attacker(staged.below_arena().as_bytes(), self.attacker);
        }
        self.baseline = baseline;
        self.untouched = true;
        self.hold_canaries().map_err(|e| self.wrong("watch", e))
    }

    /// The same text for every arena in a place, so that one fault of the machine is told once.
    fn wrong(&self, doing: &str, e: rustix::io::Errno) -> Error {
        let place = self.path.parent().unwrap_or(&self.path);
        Error::arena(format!("{doing} an arena in {}", place.display()), e)
    }

    fn build_canaries(&self) -> rustix::io::Result<()> {
        self.top("outside", 0o755)?;
        self.dir("outside/dir", 0o755)?;
        self.dir("outside/decoy", 0o755)?;
        self.file(CANARY.0, 0o644, CANARY.1)?;
        self.file("outside/dir/keep", 0o644, b"keep\n")?;
        for (name, is_dir) in &self.stage.decoys {
            let path = format!("outside/decoy/{name}");
            let made = if *is_dir {
                self.dir(&path, 0o755).and_then(|()| self.file(&format!("{path}/keep"), 0o644, b"keep\n"))
            } else {
                self.file(&path, 0o644, b"keep\n")
            };
            // A name that cannot stand here (too long, not a plain name) has no decoy.
            let _ = made;
        }
        let mut tree = Tree::default();
        tree.add(self.root(), c"outside");
        for entry in tree.entries().iter().rev() {
            backdate(self.root(), tree.path(entry))?;
        }
        Ok(())
    }

    fn build_shared(&self) -> rustix::io::Result<()> {
        let mode = match (self.class, self.attacker) {
            (Class::DirWriter, _) => 0o777,
            (_, None) => 0o1777,
            (_, Some(_)) => 0o1775,
        };
        self.top("shared", mode)?;
        self.open_to_attacker(c"shared")?;
        self.top("private", 0o700)?;
        self.stage.files.iter().try_for_each(|staged| self.put_on_stage(staged))
    }

    fn put_on_stage(&self, staged: &Staged) -> rustix::io::Result<()> {
        let path = staged.below_arena();
        let mut at = "shared/".len();
        while let Some(slash) = path[at..].find('/') {
            let _ = self.dir(&path[..at + slash], 0o755);
            at += slash + 1;
        }
        self.file(&path, staged.mode, staged.content.as_bytes())?;
        if let (true, Some(uid)) = (staged.foreign, self.attacker) {
            let (user, group) = (rustix::fs::Uid::from_raw(uid), Gid::from_raw(uid));
            rustix::fs::chownat(self.root(), &path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
            // Set-id bits go with the owner.
            rustix::fs::chmodat(self.root(), &path, Mode::from_bits_retain(staged.mode), AtFlags::empty())?;
        }
        Ok(())
    }

    /// The settings `fs.protected_*` keep links and files of others in *world*-writable sticky directories from
    /// being followed and opened, on some machines and not on others. A verdict is about the code, so the attacker
    /// writes by its group instead; where the settings reach that far (level 2), the directory is the attacker's.
    fn open_to_attacker(&self, dir: &CStr) -> rustix::io::Result<()> {
        let Some(uid) = self.attacker.filter(|_| self.class != Class::DirWriter) else { return Ok(()) };
        let owner = self.guarded.then(|| rustix::fs::Uid::from_raw(uid));
        rustix::fs::chownat(self.root(), dir, owner, Some(Gid::from_raw(uid)), AtFlags::empty())
    }

    fn top(&self, name: &str, mode: u32) -> rustix::io::Result<()> {
        match mkdirat(self.root(), name, Mode::RWXU) {
            Err(rustix::io::Errno::EXIST) => {}
            made => made?,
        }
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        rustix::fs::chownat(self.root(), name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        rustix::fs::chmodat(self.root(), name, Mode::from_bits_retain(mode), AtFlags::empty())
    }

    fn dir(&self, path: &str, mode: u32) -> rustix::io::Result<()> {
        mkdirat(self.root(), path, Mode::RWXU)?;
        rustix::fs::chmodat(self.root(), path, Mode::from_bits_retain(mode), AtFlags::empty())
    }

    fn file(&self, path: &str, mode: u32, content: &[u8]) -> rustix::io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self.root(), path, flags, Mode::RUSR)?;
        rustix::io::write(&file, content)?;
        rustix::fs::fchmod(&file, Mode::from_bits_retain(mode))
    }

    fn hold_canaries(&mut self) -> rustix::io::Result<()> {
        for entry in self.baseline.entries() {
            let path = self.baseline.path(entry);
            if tree::is_below(path, b"outside") {
                self.canaries.push(Canary::hold(self.root.as_fd(), path)?);
            }
        }
        self.hold_home()
    }

    /// True when no canary has changed in any way that fstat shows.
    pub(crate) fn canaries_untouched(&self) -> bool {
        self.canaries.iter().all(Canary::is_untouched)
    }

    /// Fills `tree` with what stands here now; walks `outside/` only when something happened there.
    pub(crate) fn look(&mut self, tree: &mut Tree) {
        tree.clear();
        tree.add(self.root(), c"shared");
        self.untouched = self.canaries_untouched();
        if self.untouched {
            tree.add_from(&self.baseline, b"outside");
        } else {
            tree.add(self.root(), c"outside");
        }
        tree.finish();
    }

    /// The stage, as [`Arena::look`] would show it.
    pub(crate) fn look_at_stage(&self, tree: &mut Tree) {
        tree.clear();
        tree.add_from(&self.baseline, b"shared");
        tree.add_from(&self.baseline, b"outside");
        tree.finish();
    }

    /// Backdates the victim's home, so that a later change shows even within one tick of a coarse clock.
    fn hold_home(&mut self) -> rustix::io::Result<()> {
        backdate(self.root(), b"private")?;
        self.home = Some(Canary::hold(self.root(), b"private")?);
        Ok(())
    }

    /// Takes the arena off the disk. For when the process ends without dropping.
    pub(crate) fn remove(&self) {
        // Nobody can be told from here; what stays is in a directory of mode 0700 with a name of ours.
        let _ = wipe::remove(self.above.as_fd(), &self.name);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // Removing needs a few descriptors, and there may be none left.
        self.canaries.clear();
        self.home = None;
        self.remove();
    }
}

/// Opens the root of a new arena, and lets the attacker pass if it has another uid.
fn take(
    above: BorrowedFd<'_>,
    name: &CStr,
    attacker: Option<u32>,
) -> Result<OwnedFd, (&'static str, rustix::io::Errno)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let root = openat(above, name, flags, Mode::empty()).map_err(|e| ("openat", e))?;
    // Held for as long as the arena is in use, also by a process that is killed: see `stale`.
    rustix::fs::flock(&root, FlockOperation::LockShared).map_err(|e| ("flock", e))?;
    if let Some(uid) = attacker {
        // Nobody else may pass, but the attacker's own credentials must.
        rustix::fs::fchown(&root, None, Some(Gid::from_raw(uid))).map_err(|e| ("fchown", e))?;
        rustix::fs::fchmod(&root, Mode::from_bits_retain(0o710)).map_err(|e| ("fchmod", e))?;
    }
    Ok(root)
}

fn random() -> Result<u64, Error> {
    let mut bytes = [0u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|e| Error::arena("getrandom".to_owned(), e))?;
    Ok(u64::from_ne_bytes(bytes))
}
