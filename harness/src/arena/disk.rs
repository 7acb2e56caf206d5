//! A file system of an arena's own: bounded, mounted where nobody else on the machine sees it, gone with the thread that
//! asked for it, however that ends.
//!
//! Images are files in memory without a name (memfd_create(2)). `mkfs` formats them and `mount -o loop` attaches them to
//! loop devices that the kernel frees with the last mount.

use crate::error::Error;
use crate::file_system::FileSystem;
use crate::host::{Host, find_program};
use crate::sys::mounts;
use rustix::fs::{MemfdFlags, Mode, ftruncate, memfd_create};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a disk is mounted, and where a program sees its arena.
pub(crate) const MOUNT_POINT: &str = "/mnt";

/// What can be filled before the victim is told that the disk is full.
pub(crate) const ROOM: &CStr = c"size=256m,nr_inodes=65536,mode=0755";
pub(crate) const ROOM_BYTES: u64 = 256 << 20;

/// Bytes of an image; XFS takes no less than 300 MiB. Only what was written takes memory.
const IMAGE_BYTES: u64 = 320 << 20;

const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// The directory that the calling thread, and the threads it will start, can make an arena in. Where the host asks for
/// a disk, the thread gets a mount namespace of its own and the disk in it.
pub(crate) fn place(host: &Host) -> Result<PathBuf, Error> {
    let Some(kind) = host.disk() else { return Ok(host.place().to_path_buf()) };
    if let Some(hidden) = host.own_places().find(|path| path.starts_with(MOUNT_POINT)) {
        let advice = format!("the disk would hide {}; run from elsewhere", hidden.display());
        return Err(Error::unsupported(&format!("mount({MOUNT_POINT:?})"), advice));
    }
    check(kind)?;
    own_namespace().map_err(|e| refusal(kind, "unshare(CLONE_NEWNS)", &e))?;
    put(kind)?;
    Ok(MOUNT_POINT.into())
}

/// Whether we may have that disk at all.
pub(crate) fn check(kind: FileSystem) -> Result<(), Error> {
    let image = matches!(kind, FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs);
    if image && !rustix::process::geteuid().is_root() {
        let advice = format!("images are for root; run as root, or set TMPDIR to a directory on {kind}");
        return Err(Error::unsupported(&format!("mkfs.{kind}"), advice));
    }
    Ok(())
}

/// Gives the calling thread a mount namespace of its own, from which no mount gets out.
pub(crate) fn own_namespace() -> io::Result<()> {
    mounts::own_mount_namespace()?;
    Ok(mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?)
}

/// Mounts a new disk at the mount point; the calling thread must be in a mount namespace of its own.
pub(crate) fn put(kind: FileSystem) -> Result<(), Error> {
    match kind {
        FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs => image(kind),
        FileSystem::Overlay => overlay(),
        FileSystem::Tmpfs | FileSystem::NoExcl => tmpfs(),
    }
}

fn tmpfs() -> Result<(), Error> {
    mount("tmpfs", MOUNT_POINT, "tmpfs", FLAGS, Some(ROOM))
        .map_err(|e| refusal(FileSystem::Tmpfs, "mount(\"tmpfs\")", &e.into()))
}

fn overlay() -> Result<(), Error> {
    tmpfs()?;
    let top = Path::new(MOUNT_POINT);
    for layer in ["lower", "upper", "work"] {
        rustix::fs::mkdir(top.join(layer), Mode::from_bits_retain(0o755))
            .map_err(|e| Error::arena(format!("mkdir({MOUNT_POINT}/{layer})"), e))?;
    }
    let layers =
        format!("lowerdir={MOUNT_POINT}/lower,upperdir={MOUNT_POINT}/upper,workdir={MOUNT_POINT}/work");
    lay_over(MOUNT_POINT, &layers).map_err(|e| refusal(FileSystem::Overlay, "mount(\"overlay\")", &e))
}

/// Mounts an overlay of these layers at a directory.
pub(crate) fn lay_over(at: impl rustix::path::Arg, layers: &str) -> io::Result<()> {
    // What an overlay notes in attributes of its own takes root's; users have others (Linux 5.11).
    let own = if rustix::process::geteuid().is_root() { "" } else { ",userxattr" };
    let layers = CString::new(format!("{layers}{own}"))?;
    Ok(mount("overlay", at, "overlay", FLAGS, Some(layers.as_c_str()))?)
}

fn image(kind: FileSystem) -> Result<(), Error> {
    let name = format!("mkfs.{kind}");
    let find = |tool: &str| {
        let advice = format!("no {tool} here; install it to judge on {kind}");
        find_program(tool).ok_or_else(|| Error::unsupported(tool, advice))
    };
    let (mkfs, mount) = (find(&name)?, find("mount")?);
    let failed = |call: &str, why: &str| {
        let advice =
            "images need real root, loop devices (/dev/loop-control) and a kernel that knows the file system";
        Error::unsupported(call, format!("{why}; {advice}"))
    };
    let (image, path) = empty_image().map_err(|e| failed("memfd_create", &e.to_string()))?;
    let force = if kind == FileSystem::Ext4 { "-F" } else { "-f" };
    run(Command::new(mkfs).args(["-q", force]).arg(&path), &path).map_err(|why| failed(&name, &why))?;
    // Without -c it would look for the file by a name that it does not have, without -n write of it in /run.
    let how = ["-n", "-c", "-t", kind.name(), "-o", "loop,nosuid,nodev"];
    let mounted = run(Command::new(mount).args(how).args([&path, MOUNT_POINT]), &path);
    drop(image);
    mounted.map_err(|why| failed(&format!("mount({:?})", kind.name()), &why))
}

/// An image without a name, and a path by which other programs can open it.
fn empty_image() -> io::Result<(OwnedFd, String)> {
    let own = std::process::id();
    let image = memfd_create(format!("linkbait-{own}"), MemfdFlags::CLOEXEC)?;
    ftruncate(&image, IMAGE_BYTES)?;
    let path = format!("/proc/{own}/fd/{}", image.as_raw_fd());
    Ok((image, path))
}

/// Runs a tool on an image; what it complains of if it fails.
fn run(tool: &mut Command, image: &str) -> Result<(), String> {
    let output = tool.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said
        .lines()
        .find(|line| !line.is_empty())
        .unwrap_or("it failed and says nothing")
        .replace(image, "the image"))
}

fn refusal(kind: FileSystem, call: &str, e: &io::Error) -> Error {
    let advice =
        "it takes root or a user namespace (Linux 5.11 for overlay); in a container allow unshare and mount";
    Error::unsupported(call, format!("{e}; no {kind} can be mounted here: {advice}"))
}
