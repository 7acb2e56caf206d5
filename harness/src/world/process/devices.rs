//! The devices that a contained program sees: those that every program may need and that lead nowhere, in a `/dev` of
//! its own. Not those of the machine: as root it could write to a disk, or type on somebody's terminal.

use super::contain::refusal;
use crate::error::Error;
use rustix::fs::{CWD, FileType, Mode};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount, move_mount, open_tree};
use std::os::fd::{AsFd, OwnedFd};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Covers `/dev` in the mount namespace of the calling thread. It can be changed until all mounts are made read-only.
pub(super) fn cover() -> Result<(), Error> {
    make().map_err(|(call, e)| refusal(call, e.into()))
}

fn make() -> Result<(), (&'static str, Errno)> {
    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    // One that this machine does not have is not missed.
    let kept: Vec<(String, OwnedFd)> = DEVICES
        .iter()
        .map(|name| format!("/dev/{name}"))
        .filter_map(|path| open_tree(CWD, &path, clone).ok().map(|tree| (path, tree)))
        .collect();
    let (mode, flags) = (Mode::from_bits_retain(0o755), MountFlags::NOSUID | MountFlags::NOEXEC);
    mount("tmpfs", "/dev", "tmpfs", flags, Some(c"size=64k,mode=0755"))
        .map_err(|e| ("mount(\"/dev\")", e))?;
    for (path, tree) in &kept {
        rustix::fs::mknodat(CWD, path, FileType::RegularFile, Mode::RUSR, 0)
            .map_err(|e| ("mknod(\"/dev\")", e))?;
        move_mount(tree.as_fd(), "", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|e| ("move_mount(\"/dev\")", e))?;
    }
    for dir in ["/dev/pts", "/dev/shm"] {
        rustix::fs::mkdir(dir, mode).map_err(|e| ("mkdir(\"/dev\")", e))?;
    }
    let terminals = c"newinstance,ptmxmode=0666,mode=0620";
    mount("devpts", "/dev/pts", "devpts", flags, Some(terminals)).map_err(|e| ("mount(\"devpts\")", e))?;
    LINKS.iter().try_for_each(|(to, at)| rustix::fs::symlink(*to, *at).map_err(|e| ("symlink(\"/dev\")", e)))
}
