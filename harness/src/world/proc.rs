//! Reads `/proc` about a victim's tasks, through a descriptor: programs get a `/proc` of their own, in which their
//! task numbers are others than those that the kernel tells us. What is asked about a victim of our own process does not
//! allocate.

use rustix::fs::{CWD, Dir, DirEntry, Mode, OFlags, RawDir, openat, readlinkat_raw};
use std::ffi::CStr;
use std::fmt::Arguments;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Longest path that the kernel takes or gives.
pub(super) const PATH_MAX: usize = 4096;

/// `/proc` as it was when this was made.
#[derive(Debug)]
pub(super) struct Proc {
    top: OwnedFd,
    /// `/proc/self/fd`, held open: half of what asking for a descriptor's path costs is the way there.
    own: Option<OwnedFd>,
}

impl Proc {
    pub(super) fn open() -> rustix::io::Result<Proc> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = openat(CWD, c"/proc", flags, Mode::empty())?;
        // In the `/proc` of a namespace that we are not in there is no `self`.
        let own = openat(&top, c"self/fd", flags, Mode::empty()).ok();
        Ok(Proc { top, own })
    }

    /// The tasks of all processes but the first, which is the keeper of its namespace, and one that is `spared`.
    pub(super) fn tasks(&self, spared: Option<u32>) -> Vec<u32> {
        let processes = self.numbers(format_args!("."));
        let others = processes.into_iter().filter(|pid| *pid > 1 && Some(*pid) != spared);
        others.flat_map(|pid| self.numbers(format_args!("{pid}/task"))).collect()
    }

    /// The entries of a directory that are numbers; none of one that is gone.
    pub(super) fn numbers(&self, name: Arguments<'_>) -> Vec<u32> {
        let listing = self.open_at(name, OFlags::RDONLY | OFlags::DIRECTORY).and_then(Dir::new);
        let number = |entry: DirEntry| entry.file_name().to_str().ok()?.parse().ok();
        listing.map(|dir| dir.flatten().filter_map(number).collect()).unwrap_or_default()
    }

    /// The state of a task as proc_pid_stat(5) has it: `R` for one that runs or wants to, `T` stopped, `Z` dead.
    pub(super) fn state(&self, tid: u32) -> Option<u8> {
        let mut buffer = [0; 2048];
        // The name before it, in parentheses, can hold anything.
        let text = self.text(format_args!("{tid}/stat"), &mut buffer);
        text.rsplit_once(") ")?.1.bytes().next()
    }

    /// How often a task was given a core so far (Documentation/scheduler/sched-stats.rst).
    pub(super) fn turns(&self, tid: u32) -> u64 {
        let mut buffer = [0; 2048];
        let text = self.text(format_args!("{tid}/schedstat"), &mut buffer);
        text.split_ascii_whitespace().nth(2).and_then(|turns| turns.parse().ok()).unwrap_or(0)
    }

    /// Appends what a link says; nothing when it cannot be read.
    pub(super) fn link(&self, name: Arguments<'_>, into: &mut Vec<u8>) {
        link(self.top.as_fd(), name, into);
    }

    /// Appends the path behind a descriptor of this process.
    pub(super) fn own_descriptor(&self, fd: i32, into: &mut Vec<u8>) {
        if let Some(own) = &self.own {
            link(own.as_fd(), format_args!("{fd}"), into);
        }
    }

    /// Shows each descriptor of a task: its directory in `/proc`, its name there, its number.
    pub(super) fn each_descriptor(&self, tid: u32, mut each: impl FnMut(BorrowedFd<'_>, &CStr, i32)) {
        let Ok(dir) = self.open_at(format_args!("{tid}/fd"), OFlags::RDONLY | OFlags::DIRECTORY) else {
            return;
        };
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        let mut listing = RawDir::new(&dir, &mut buffer);
        while let Some(Ok(entry)) = listing.next() {
            let number = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
            number.into_iter().for_each(|number| each(dir.as_fd(), entry.file_name(), number));
        }
    }

    /// True when a descriptor does not outlive execve(2); see proc_pid_fdinfo(5).
    pub(super) fn closes_on_exec(&self, tid: u32, number: i32) -> bool {
        let mut buffer = [0; 2048];
        let text = self.text(format_args!("{tid}/fdinfo/{number}"), &mut buffer);
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
        flags.is_none_or(|flags| flags & libc::O_CLOEXEC != 0)
    }

    /// The beginning of a file, as text; empty when it cannot be read.
    pub(super) fn text<'b>(&self, name: Arguments<'_>, buffer: &'b mut [u8; 2048]) -> &'b str {
        let opened = self.open_at(name, OFlags::RDONLY);
        let count = opened.and_then(|fd| rustix::io::read(&fd, &mut buffer[..])).unwrap_or(0);
        std::str::from_utf8(&buffer[..count]).unwrap_or_default()
    }

    /// A field of a task's `status`, by its name with the colon; see proc_pid_status(5).
    pub(super) fn field(&self, tid: u32, name: &str) -> Option<String> {
        let mut buffer = [0; 2048];
        field(self.status(tid, &mut buffer), name).map(str::to_owned)
    }

    /// A task's `status`, for those who look for several fields: the kernel takes as long for one as for all.
    pub(super) fn status<'b>(&self, tid: u32, buffer: &'b mut [u8; 2048]) -> &'b str {
        self.text(format_args!("{tid}/status"), buffer)
    }

    /// The pid of a task's process and its own tid, in the innermost namespace.
    pub(super) fn own_numbers(&self, tid: u32) -> impl Iterator<Item = u32> {
        let mut buffer = [0; 2048];
        let status = self.status(tid, &mut buffer);
        ["NStgid:", "NSpid:"].map(|name| innermost(status, name)).into_iter().flatten()
    }

    /// The tid of a task in the innermost namespace.
    pub(super) fn own_tid(&self, tid: u32) -> Option<u32> {
        innermost(self.status(tid, &mut [0; 2048]), "NSpid:")
    }

    /// All of a file; empty when it cannot be read. Allocates.
    pub(super) fn whole(&self, name: Arguments<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let opened = self.open_at(name, OFlags::RDONLY).map(std::fs::File::from);
        match opened.map(|mut file| file.read_to_end(&mut bytes)) {
            Ok(Ok(_)) => bytes,
            _ => Vec::new(),
        }
    }

    /// Opens what a name leads to, links followed: a task's working directory, a descriptor of it.
    pub(super) fn open_at(&self, name: Arguments<'_>, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut room = [0; 64];
        let name = path(name, &mut room).ok_or(rustix::io::Errno::NAMETOOLONG)?;
        openat(&self.top, name, flags | OFlags::CLOEXEC, Mode::empty())
    }
}

/// A field of a text like `status`.
pub(super) fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn innermost(status: &str, name: &str) -> Option<u32> {
    field(status, name)?.split('\t').next_back()?.parse().ok()
}

fn link(dir: BorrowedFd<'_>, name: Arguments<'_>, into: &mut Vec<u8>) {
    let mut room = [0; 64];
    let mut buffer = [MaybeUninit::<u8>::uninit(); PATH_MAX];
    let target = path(name, &mut room).and_then(|name| readlinkat_raw(dir, name, &mut buffer).ok());
    if let Some((target, _)) = target {
        into.extend_from_slice(target);
    }
}

fn path<'b>(name: Arguments<'_>, room: &'b mut [u8; 64]) -> Option<&'b CStr> {
    let mut rest = &mut room[..63];
    rest.write_fmt(name).ok()?;
    CStr::from_bytes_until_nul(room).ok()
}
