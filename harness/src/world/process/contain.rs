//! Containment of a program: the arena over the machine's temporary directories, all else read-only, and where the
//! program finds its places.

use super::subordinate::Helper;
use super::surroundings::{ARENA, TEMPORARY, environment};
use super::writable::Writable;
use crate::arena::{Arena, Stage, disk};
use crate::class::Class;
use crate::error::Error;
use crate::file_system::FileSystem;
use crate::host::{self, Host};
use crate::sys::cell::Plan;
use crate::sys::mounts;
use crate::sys::streams::Streams;
use crate::victim::Program;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, SealFlags, memfd_create};
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags, mount_remount, move_mount, open_tree};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Enters a user namespace in which this user may mount, if it may not already, and has a second uid for the attacker
/// if one is lent to it.
pub(crate) fn prepare_to_contain() -> Result<(), Error> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if user == 0 {
        return Ok(());
    }
    let helper = Helper::start(user, group);
    mounts::own_user_namespace().map_err(|e| refusal("unshare(CLONE_NEWUSER)", e))?;
    if helper.is_some_and(Helper::write_maps) {
        return Ok(());
    }
    let files = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ];
    // A map can be written once; the helper may have come as far as one of the two.
    let is_empty = |file: &str| std::fs::read_to_string(file).is_ok_and(|text| text.trim().is_empty());
    let files = files.map(|(file, text)| (format!("/proc/self/{file}"), text));
    files.into_iter().filter(|(file, _)| file.ends_with("setgroups") || is_empty(file)).try_for_each(
        |(file, text)| std::fs::write(file, text).map_err(|e| refusal("write(\"/proc/self/uid_map\")", e)),
    )
}

/// Makes an arena, and gives the calling thread a mount namespace in which it lies over the temporary directories and
/// nothing else can be changed.
///
/// Where arenas are on tmpfs, or on a disk that was asked for, it gets one of its own, bounded, that goes with the
/// namespace. Elsewhere it is made before the namespace, so that what we hold of it stays writable.
pub(super) fn arena(
    host: &Host,
    attacker: Option<u32>,
    writable: &[PathBuf],
) -> Result<(Arena, Writable), Error> {
    host.disk().map_or(Ok(()), disk::check)?;
    let own_disk = host.disk().or(host.is_on_tmpfs().then_some(FileSystem::Tmpfs));
    let make = |place: &Path| -> Result<Arena, Error> {
        let mut arena = Arena::new(place, attacker, host.guards_group_writable())?;
        arena.build(Class::None, Stage::default())?;
        Ok(arena)
    };
    let enter = || {
        disk::own_namespace().map_err(|e| refusal("unshare(CLONE_NEWNS)", e))?;
        Writable::new(writable)
    };
    let (arena, writable) = if let Some(kind) = own_disk {
        let writable = enter()?;
        disk::put(kind)?;
        (make(ARENA.as_ref())?, writable)
    } else {
        (make(host.place())?, enter()?)
    };
    enclose(&arena, own_disk.is_some())?;
    Ok((arena, writable))
}

/// Puts the arena over the temporary directories and makes all else read-only.
fn enclose(arena: &Arena, own_disk: bool) -> Result<(), Error> {
    let wrong = |call: &'static str| move |e: rustix::io::Errno| refusal(call, e.into());
    let copy = |path: &Path| {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        open_tree(CWD, path, flags).map_err(wrong("open_tree"))
    };
    let whole = copy(arena.path())?;
    let shared: Vec<OwnedFd> =
        TEMPORARY.iter().map(|_| copy(&arena.path().join("shared"))).collect::<Result<_, _>>()?;
    super::devices::cover()?;
    mounts::make_all_read_only().map_err(|e| refusal("mount_setattr(MOUNT_ATTR_RDONLY)", e))?;
    if own_disk {
        let flags = MountFlags::BIND | MountFlags::NOSUID | MountFlags::NODEV;
        mount_remount(ARENA, flags, "").map_err(wrong("mount(MS_REMOUNT)"))?;
    }
    place(&whole, ARENA)?;
    TEMPORARY.iter().zip(&shared).try_for_each(|(target, tree)| place(tree, target))
}

/// Says where each plan starts: in the program's directory if it has one, otherwise in ours, which is to be entered by name
/// if it is one that is laid anew for each trial.
pub(super) fn start_in(plans: &mut [Plan], program: &Program, writable: &Writable) -> Result<(), Error> {
    let fresh = || rustix::process::getcwd(Vec::new()).ok().filter(|dir| writable.has(dir.to_bytes()));
    let cwd = match &program.cwd {
        Some(dir) => Some(named_directory(dir)?),
        None => fresh(),
    };
    plans.iter_mut().for_each(|plan| plan.cwd.clone_from(&cwd));
    Ok(())
}

/// A directory by its name, which must mean the same to the program as to us.
fn named_directory(dir: &Path) -> Result<CString, Error> {
    let refused = |why: &str| Err(Error::victim(&dir.display().to_string(), why));
    if TEMPORARY.iter().any(|top| dir.starts_with(top)) {
        return refused("the arena lies over it, so the program cannot start there");
    }
    match dir.canonicalize() {
        Err(e) => refused(&format!("{e}; the program was to start there")),
        Ok(real) => {
            CString::new(real.into_os_string().as_bytes()).or_else(|_| refused("has a NUL byte in it"))
        }
    }
}

/// Goes to the program's home if the working directory is not to be seen any more; true then.
pub(super) fn start_elsewhere() -> Result<bool, Error> {
    let covered = |dir: &Path| TEMPORARY.iter().any(|top| dir.starts_with(top));
    let gone = rustix::process::getcwd(Vec::new())
        .is_ok_and(|dir| covered(Path::new(OsStr::from_bytes(dir.to_bytes()))));
    if gone {
        let home = format!("{ARENA}/private");
        rustix::process::chdir(&home).map_err(|e| Error::ours("chdir", e))?;
    }
    Ok(gone)
}

/// Puts a copy of a directory over another. A directory that this machine does not have needs no cover.
fn place(tree: &OwnedFd, target: &str) -> Result<(), Error> {
    let from_fd = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    match move_mount(tree.as_fd(), "", CWD, target, from_fd) {
        Err(rustix::io::Errno::NOENT) if target != ARENA => Ok(()),
        moved => moved.map_err(|e| refusal("move_mount", e.into())),
    }
}

pub(super) fn refusal(call: &str, e: std::io::Error) -> Error {
    let advice = "programs need namespaces to be contained: run as root, or let users make them \
                  (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone; in a container allow unshare and mount)";
    match e.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS | libc::ENOSPC | libc::EINVAL | libc::EUSERS) => {
            Error::unsupported(call, format!("{e}; {advice}"))
        }
        _ => Error::ours(call, e),
    }
}

/// The program that runs a line of shell with the same environment.
pub(super) fn shell(program: &Program, text: &str) -> Program {
    let argv = ["sh", "-c", text].map(str::to_owned).to_vec();
    Program { argv, env: program.env.clone(), ..Program::default() }
}

/// Makes all that a program's start needs.
pub(super) fn plan(program: &Program, output: &OwnedFd, watched: bool) -> Result<Plan, Error> {
    let argv: Vec<String> = program.argv.iter().map(|text| program.filled(text)).collect();
    let name = argv.first().ok_or_else(|| Error::input("start the program", "no command was given"))?;
    let path = find(name)?;
    let text = |text: &str| CString::new(text).map_err(|_| Error::input(text, "has a NUL byte in it"));
    let output = output.try_clone().map_err(|e| Error::ours("fcntl(F_DUPFD)", e))?;
    Ok(Plan {
        path: text(&path.to_string_lossy())?,
        argv: argv.iter().map(|arg| text(arg)).collect::<Result<_, _>>()?,
        envp: environment(program)
            .iter()
            .map(|(key, value)| text(&format!("{key}={value}")))
            .collect::<Result<_, _>>()?,
        streams: Streams { stdin: stdin(program)?, output, terminal: program.tty },
        cwd: None,
        most_bytes: disk::ROOM_BYTES,
        watched,
    })
}

/// What a program reads: a copy in memory, sealed, so that every trial reads the same and nothing leads from there to
/// a file of this machine.
fn stdin(program: &Program) -> Result<OwnedFd, Error> {
    let Some(text) = &program.stdin else {
        let opened = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        return opened.map_err(|e| Error::ours("open(\"/dev/null\")", e));
    };
    if program.tty {
        return Err(Error::input(
            "stdin",
            "a program with a terminal reads from that; leave out one of the two",
        ));
    }
    let failed = |e: std::io::Error| Error::ours("memfd_create", e);
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut copy = File::from(memfd_create(c"stdin", flags).map_err(|e| failed(e.into()))?);
    copy.write_all(text).map_err(failed)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&copy, seals).map_err(|e| failed(e.into()))?;
    Ok(copy.into())
}

/// The file that a command's name means.
fn find(name: &str) -> Result<PathBuf, Error> {
    let found = host::find_program(name).and_then(|path| std::path::absolute(path).ok());
    found.ok_or_else(|| Error::victim(name, "there is no such program, or it cannot be executed"))
}
