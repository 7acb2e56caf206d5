//! Directories that a program may write although they are not in the arena: it sees each through an overlay whose upper
//! layer is new in every trial, so that every trial starts the same and the machine stays as it was.
//!
//! The layers lie in a *room*, a tmpfs at the place that the arena is mounted over afterwards: it is still in the
//! namespace, but only our descriptor leads there.

use super::bounds;
use super::contain::refusal;
use super::surroundings::{ARENA, TEMPORARY};
use crate::arena::disk;
use crate::error::Error;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, chmodat, chownat, mkdirat, utimensat};
use rustix::fs::{Gid, Uid};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_move, unmount};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// The directories of one program.
#[derive(Default)]
pub(super) struct Writable {
    dirs: Vec<Dir>,
    room: Option<OwnedFd>,
}

struct Dir {
    path: PathBuf,
    /// An overlay lies over it.
    covered: bool,
    /// What the setup wrote lies between the directory and what a trial writes.
    staged: bool,
}

impl Writable {
    /// Makes room for the layers. To be called in the program's namespace before anything is mounted or made read-only.
    pub(super) fn new(wanted: &[PathBuf]) -> Result<Writable, Error> {
        if wanted.is_empty() {
            return Ok(Writable::default());
        }
        let mut paths: Vec<PathBuf> = wanted.iter().map(|dir| check(dir)).collect::<Result<_, _>>()?;
        paths.sort();
        // Sorted, so that a directory comes before those in it, which it makes writable too.
        paths.dedup_by(|inner, outer| inner.starts_with(&*outer));
        mount("tmpfs", ARENA, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(disk::ROOM))
            .map_err(|e| refusal("mount(\"tmpfs\")", e.into()))?;
        let room = rustix::fs::open(ARENA, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(wrong)?;
        let mut dirs = Vec::new();
        for (number, path) in paths.into_iter().enumerate() {
            let names = [lower(number), stage(number), layers(number)];
            names.iter().try_for_each(|name| mkdirat(&room, name, Mode::RWXU)).map_err(wrong)?;
            // Bound, because the overlay will lie over its own name, and options have no way to write any name.
            mount_bind(&path, Path::new(ARENA).join(lower(number)))
                .map_err(|e| refusal("mount(MS_BIND)", e.into()))?;
            dirs.push(Dir { path, covered: false, staged: false });
        }
        Ok(Writable { dirs, room: Some(room) })
    }

    /// Throws away what was written and lays new layers. Nothing of a program may run meanwhile.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.each(Dir::renew)
    }

    /// Throws away what an earlier setup wrote too, for another.
    pub(super) fn begin_stage(&mut self) -> Result<(), Error> {
        self.each(Dir::forget_stage)?;
        self.renew()
    }

    /// Keeps what the setup wrote: trials find it.
    pub(super) fn end_stage(&mut self) -> Result<(), Error> {
        self.each(Dir::keep_as_stage)
    }

    /// What one of them can take was used up.
    pub(super) fn is_full(&self) -> bool {
        self.dirs.iter().any(|dir| bounds::is_full(&dir.path))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }

    /// Does something with each directory and its number, with the room as the working directory.
    fn each(&mut self, mut act: impl FnMut(&mut Dir, usize) -> Result<(), Error>) -> Result<(), Error> {
        let Some(room) = &self.room else { return Ok(()) };
        rustix::process::fchdir(room).map_err(wrong)?;
        self.dirs.iter_mut().enumerate().try_for_each(|(number, dir)| act(dir, number))
    }

    /// True for a path that the program may change.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let inside = |path: &Path| self.dirs.iter().any(|dir| path.starts_with(&dir.path));
        let real = || path.parent().and_then(|parent| parent.canonicalize().ok());
        !self.dirs.is_empty() && (inside(path) || real().is_some_and(|parent| inside(&parent)))
    }
}

/// Relative names are those of the room, which is the working directory.
impl Dir {
    fn renew(&mut self, number: usize) -> Result<(), Error> {
        let layers = layers(number);
        if std::mem::take(&mut self.covered) {
            unmount(&self.path, UnmountFlags::DETACH).map_err(wrong)?;
            unmount(&layers, UnmountFlags::DETACH).map_err(wrong)?;
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", &layers, "tmpfs", flags, Some(disk::ROOM)).map_err(wrong)?;
        let (upper, work) = (format!("{layers}/upper"), format!("{layers}/work"));
        mkdirat(CWD, &upper, Mode::RWXU).and_then(|()| mkdirat(CWD, &work, Mode::RWXU)).map_err(wrong)?;
        let (staged, lower) = (format!("{}/upper", stage(number)), lower(number));
        dress(&upper, if self.staged { &staged } else { &lower }).map_err(wrong)?;
        let below = if self.staged { format!("{staged}:{lower}") } else { lower };
        let all = format!("lowerdir={below},upperdir={upper},workdir={work}");
        disk::lay_over(&self.path, &all).map_err(|e| {
            let advice = "writable directories need overlays: as an ordinary user Linux 5.11, or run as root";
            Error::unsupported("mount(\"overlay\")", format!("{e}; {advice}"))
        })?;
        self.covered = true;
        Ok(())
    }

    fn keep_as_stage(&mut self, number: usize) -> Result<(), Error> {
        if std::mem::take(&mut self.covered) {
            unmount(&self.path, UnmountFlags::DETACH).map_err(wrong)?;
            mount_move(layers(number), stage(number)).map_err(wrong)?;
            self.staged = true;
        }
        Ok(())
    }

    fn forget_stage(&mut self, number: usize) -> Result<(), Error> {
        if std::mem::take(&mut self.staged) {
            unmount(stage(number), UnmountFlags::DETACH).map_err(wrong)?;
        }
        Ok(())
    }
}

/// Gives the upper layer the looks of the one below, because it is the upper one that shows.
fn dress(upper: &str, below: &str) -> rustix::io::Result<()> {
    let looks = rustix::fs::stat(below)?;
    let (uid, gid) = (Uid::from_raw(looks.st_uid), Gid::from_raw(looks.st_gid));
    let owner = chownat(CWD, upper, Some(uid), Some(gid), AtFlags::empty());
    if rustix::process::geteuid().is_root() {
        owner?;
    }
    chmodat(CWD, upper, Mode::from_raw_mode(looks.st_mode), AtFlags::empty())?;
    // How rustix tells nanoseconds depends on how it makes its calls, which under Miri is by the C library.
    let times = Timestamps {
        last_access: Timespec { tv_sec: looks.st_atime, tv_nsec: looks.st_atime_nsec as i64 },
        last_modification: Timespec { tv_sec: looks.st_mtime, tv_nsec: looks.st_mtime_nsec as i64 },
    };
    utimensat(CWD, upper, &times, AtFlags::empty())
}

fn wrong(e: rustix::io::Errno) -> Error {
    Error::ours("lay out writable directories", e)
}

fn stage(number: usize) -> String {
    format!("stage{number}")
}

fn lower(number: usize) -> String {
    format!("lower{number}")
}

fn layers(number: usize) -> String {
    format!("layers{number}")
}

/// The real path of a directory that can be made writable.
pub(crate) fn check(dir: &Path) -> Result<PathBuf, Error> {
    let refused = |why: String| Error::input(format!("writable directory {}", dir.display()), why);
    let path = dir.canonicalize().map_err(|e| refused(e.to_string()))?;
    if !path.is_dir() {
        return Err(refused("it is no directory".to_owned()));
    }
    let kernel = ["/proc", "/sys", "/dev"];
    if path.components().all(|part| part == Component::RootDir)
        || kernel.iter().any(|top| path.starts_with(top))
    {
        return Err(refused(
            "an overlay makes no sense there; name the directory that is written to".to_owned(),
        ));
    }
    let arena = || TEMPORARY.into_iter().chain([ARENA]);
    if let Some(top) = arena().find(|top| path.starts_with(top)) {
        return Err(refused(format!(
            "the arena lies over {top}, so programs write there anyway, and do not see this"
        )));
    }
    if let Some(top) = arena().find(|top| Path::new(top).starts_with(&path)) {
        return Err(refused(format!("the arena lies over {top} in it; name a directory beside that")));
    }
    if let Some(inner) = mounted_below(&path) {
        return Err(refused(format!(
            "{inner} is another file system, which an overlay would hide; name a directory without"
        )));
    }
    let root = rustix::process::geteuid().is_root();
    if !root && rustix::fs::access(&path, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ACCESS) {
        return Err(refused("you may not write there yourself, so no program of yours would".to_owned()));
    }
    Ok(path)
}

/// The first mount below a directory, as `/proc` writes it.
fn mounted_below(path: &Path) -> Option<String> {
    let mut prefix = path.to_string_lossy().replace('\\', "\\134");
    for (plain, escaped) in [(" ", "\\040"), ("\t", "\\011"), ("\n", "\\012")] {
        prefix = prefix.replace(plain, escaped);
    }
    prefix.push('/');
    let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").ok()?;
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.into_iter().find(|point| point.starts_with(&prefix)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn directories_that_no_overlay_can_stand_for_are_refused_as_input() {
        let cases = [
            "/",
            "/proc",
            "/proc/self",
            "/sys",
            "/dev",
            "/tmp",
            "/var",
            "/mnt",
            "/no/such/place",
            "/etc/passwd",
        ];
        for dir in cases {
            let refused = check(dir.as_ref());
            let input = refused.as_ref().is_err_and(|e| matches!(e.kind(), ErrorKind::Input(_)));
            assert!(input, "{dir}: {refused:?}");
        }
        assert!(mounted_below("/".as_ref()).is_none() && mounted_below("/proc/nothing".as_ref()).is_none());
        let parent = Path::new("/dev/shm").parent().expect("it has one");
        assert_eq!(mounted_below(parent).is_some(), Path::new("/dev/pts/ptmx").exists());
    }
}
