//! The keeper: process 1 of a pid namespace. It starts programs, tells how they ended, and on demand kills and collects
//! everything that runs there. What a program's first process does until it is the program is told in `launch`.
//!
//! When linkbait dies the kernel kills the keeper, and with it every process of the namespace. Keeper and programs
//! begin as copies of a process with threads, so after the fork nothing allocates: all they need is in [`Plan`].

use super::cell::Plan;
use super::launch::{Ground, launch, leave_behind};
use libc::sock_filter;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, RawDir, SeekFrom, openat, seek};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsmount, fsopen, mount,
};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, WaitOptions};
use std::ffi::CStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// What the keeper is asked for; further programs follow the first.
pub(super) const CLEAR: u8 = 0;
pub(super) const SPARE: u8 = 1;
pub(super) const FOLLOW: u8 = 2;
pub(super) const AFTER: u8 = 3;
/// A second copy of the first program, beside the one that was started.
pub(super) const SECOND: u8 = 4;
pub(super) const START: u8 = 5;

/// Arrays for execve(2): arguments and environment.
pub(super) type Arguments = (Vec<*const libc::c_char>, Vec<*const libc::c_char>);

/// The plans as the forked processes use them.
pub(super) struct Start<'a> {
    pub(super) plans: &'a [Plan],
    pub(super) arguments: &'a [Arguments],
    pub(super) code: &'a [sock_filter],
    pub(super) socket: BorrowedFd<'a>,
    pub(super) ground: Ground,
}

/// Forks without what the C library does around it: its locks may be held by threads that the child does not have.
pub(super) fn fork(flags: libc::c_int) -> io::Result<libc::pid_t> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: shares nothing with the child, which calls nothing that could wait for a lock of another thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, 0usize) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid as libc::pid_t) }
}

pub(super) fn tell(socket: BorrowedFd<'_>, tag: u8, number: i32) {
    let [a, b, c, d] = number.to_ne_bytes();
    // With nobody to hear it there is nothing left to do either.
    let _ = rustix::net::send(socket, &[tag, a, b, c, d], SendFlags::NOSIGNAL);
}

/// Tells a number and a descriptor.
pub(super) fn send(socket: BorrowedFd<'_>, tag: u8, number: i32, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let [a, b, c, d] = number.to_ne_bytes();
    sendmsg(socket, &[IoSlice::new(&[tag, a, b, c, d])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

pub(super) fn end(status: i32) -> ! {
    // SAFETY: ends this forked process without running anything of ours.
    unsafe { libc::_exit(status) }
}

/// Closes what others of this process have open: a terminal of another program is not hung up as long as anybody
/// holds it.
pub(super) fn close_all_but(kept: &[u32]) {
    let mut first = 3;
    for &fd in kept.iter().filter(|fd| **fd >= 3) {
        if fd > first {
            close_range(first, fd - 1);
        }
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

pub(super) fn close_range(first: u32, last: u32) {
    // SAFETY: only for a forked process that uses none of these numbers again.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0u32) };
}

/// The keeper's life.
pub(super) fn keep(start: &Start<'_>) -> ! {
    // Killed together with the thread that forked it.
    if rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        end(1);
    }
    leave_behind();
    let (namespace, children) = match fresh_proc().and_then(|proc| Ok((proc, children()?))) {
        Ok(ready) => ready,
        Err(e) => {
            tell(start.socket, b'f', e.raw_os_error());
            end(1);
        }
    };
    tell(start.socket, b'c', 0);
    let mut keeper = Keeper {
        start,
        namespace,
        children,
        followed: [0; 2],
        awaited: false,
        spared: 0,
        before_first: BEFORE_FIRST,
    };
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(start.socket, PollFlags::IN),
            PollFd::from_borrowed_fd(keeper.children.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => end(1),
        }
        // What is asked comes first: who is to be followed may have ended since.
        let [asked, ended] = fds.map(|fd| !fd.revents().is_empty());
        if asked {
            keeper.serve();
        } else if ended {
            keeper.collect();
        }
    }
}

struct Keeper<'a> {
    start: &'a Start<'a>,
    namespace: Namespace,
    /// Readable when a child has ended.
    children: OwnedFd,
    /// The pids whose ends are to be told, that of a second copy last; 0 once they were.
    followed: [u32; 2],
    /// It is to be told when nothing runs any more.
    awaited: bool,
    /// The pid that is not to be killed, if not 0.
    spared: u32,
    /// The pid before the one that a program's first process gets.
    before_first: u32,
}

impl Keeper<'_> {
    /// Does what is asked.
    fn serve(&mut self) {
        let mut message = [0u8; 5];
        match rustix::net::recv(self.start.socket, &mut message, RecvFlags::empty()) {
            Ok((5, _)) => {}
            Err(rustix::io::Errno::INTR) => return,
            _ => end(0),
        }
        let [what, number @ ..] = message;
        let number = u32::from_ne_bytes(number);
        match what {
            CLEAR => self.clear(),
            SPARE => {
                self.spared = number;
                self.namespace.rewind(BEFORE_COPIES);
                tell(self.start.socket, b'c', 0);
            }
            AFTER => {
                self.before_first = number;
                tell(self.start.socket, b'c', 0);
            }
            FOLLOW => {
                (self.followed, self.awaited) = ([number, 0], true);
                // The spared one has the first of the pids below, so its copy's children get those that its own would.
                self.namespace.rewind(BEFORE_FIRST + 1);
                tell(self.start.socket, b'c', 0);
            }
            SECOND => self.run_second(number),
            program => self.run(usize::from(program - START), number),
        }
    }

    /// Starts a program, with the same pid in every trial unless told otherwise.
    fn run(&mut self, program: usize, umask: u32) {
        // One that was spared until now keeps its pid until it is collected.
        collect_ended();
        self.namespace.rewind(self.before_first);
        match launch(self.start, program, umask, self.namespace.own.as_fd()) {
            Ok(pid) => (self.followed, self.awaited) = ([pid as u32, 0], true),
            Err(e) => tell(self.start.socket, b'f', e.raw_os_error().unwrap_or(libc::EAGAIN)),
        }
    }

    /// Starts a second copy of the first program, with the same pid in every trial as well.
    fn run_second(&mut self, umask: u32) {
        self.namespace.rewind(BEFORE_SECOND);
        match launch(self.start, 0, umask, self.namespace.own.as_fd()) {
            Ok(pid) => (self.followed[1], self.awaited) = (pid as u32, true),
            Err(e) => tell(self.start.socket, b'f', e.raw_os_error().unwrap_or(libc::EAGAIN)),
        }
    }

    /// Collects the children that have ended; tells how the one that is followed did, and when nothing runs any more.
    fn collect(&mut self) {
        // Signals of several children may be one; what matters is that it is taken off.
        let mut signal = [0u8; size_of::<libc::signalfd_siginfo>()];
        let _ = rustix::io::read(&self.children, &mut signal);
        let mut statuses = [None; 2];
        while let Some((pid, status)) = ended(WaitOptions::NOHANG) {
            if let Some(at) = self.followed.iter().position(|&followed| followed == pid) {
                self.followed[at] = 0;
                statuses[at] = Some(status);
            }
        }
        let empty = self.awaited && self.followed == [0; 2] && self.is_empty();
        match statuses {
            // In one message, as for nearly all: whoever hears it is woken once.
            [Some(status), None] if empty => tell(self.start.socket, b'd', status),
            _ => {
                for (tag, status) in [b'e', b's'].into_iter().zip(statuses) {
                    status.into_iter().for_each(|status| tell(self.start.socket, tag, status));
                }
                if empty {
                    tell(self.start.socket, b'n', 0);
                }
            }
        }
        if empty {
            self.awaited = false;
            self.namespace.rewind(BEFORE_COPIES);
        }
    }

    /// Kills and collects all but the keeper and the one that is spared.
    fn clear(&mut self) {
        /// After so many rounds of killing what was seen, something makes processes as fast.
        const ROUNDS: u32 = 1_000;
        (self.followed, self.awaited) = ([0; 2], false);
        if self.spared == 0 {
            // SAFETY: process 1 may signal all others of its namespace, and only those.
            unsafe { libc::kill(-1, libc::SIGKILL) };
            while ended(WaitOptions::empty()).is_some() {}
            return tell(self.start.socket, b'c', 0);
        }
        let kill = |pid| {
            // One that is gone meanwhile is as good as killed.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        };
        for _ in 0..ROUNDS {
            match self.others(kill) {
                Ok(0) => {
                    self.namespace.rewind(BEFORE_COPIES);
                    return tell(self.start.socket, b'c', 0);
                }
                // What was killed is a child of the keeper, or descends from one that was killed with it.
                Ok(_) => {
                    ended(WaitOptions::empty());
                    collect_ended();
                }
                Err(_) => break,
            }
        }
        tell(self.start.socket, b'x', 0);
    }

    /// True when there is no process but the keeper and the one that is spared. Whoever loses its parent becomes the
    /// keeper's child, and those of the spared one are too: so without a child there is nobody. The first two entries
    /// of the list cannot miss any: the spared one, which came first, stays, and those that end stay until they are
    /// collected.
    fn is_empty(&self) -> bool {
        let mut room = [0u8; 64];
        let listed = self.namespace.children.as_ref().map(|fd| rustix::io::pread(fd, &mut room, 0));
        let Some(Ok(count)) = listed else { return self.others(|_| ()) == Ok(0) };
        let mut pids = room[..count].split(|&b| b == b' ').filter(|pid| !pid.is_empty());
        pids.all(|pid| std::str::from_utf8(pid).is_ok_and(|pid| pid.parse() == Ok(self.spared)))
    }

    /// Does something with every process but the keeper and the one that is spared; returns how many those are.
    fn others(&self, mut act: impl FnMut(Pid)) -> rustix::io::Result<u32> {
        let mut room = [MaybeUninit::<u8>::uninit(); 2048];
        let mut count = 0;
        seek(&self.namespace.processes, SeekFrom::Start(0))?;
        let mut entries = RawDir::new(&self.namespace.processes, &mut room);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let number = entry.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok());
            let other = number.filter(|&pid| pid > 1 && pid != self.spared);
            if let Some(pid) = other.and_then(|pid| Pid::from_raw(pid as i32)) {
                act(pid);
                count += 1;
            }
        }
        Ok(count)
    }
}

/// The pid before the one that a program's first process gets if nothing else was asked for.
pub(crate) const BEFORE_FIRST: u32 = 100;

/// The pid before the one of a second copy's first process.
const BEFORE_SECOND: u32 = 1000;

/// The pid before those of copies: apart, so that their children get the same as an original's would.
const BEFORE_COPIES: u32 = 4000;

/// Readable when a child has ended.
fn children() -> rustix::io::Result<OwnedFd> {
    let mut set = no_signals();
    // SAFETY: `set` is live and the number is a signal's.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGCHLD) };
    block(&set);
    // SAFETY: `set` is a live, valid set.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
    if fd < 0 {
        return Err(
            rustix::io::Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(rustix::io::Errno::IO)
        );
    }
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn no_signals() -> libc::sigset_t {
    // SAFETY: an all-zero set is a valid, empty one.
    unsafe { std::mem::zeroed() }
}

/// Blocks these signals, and no others.
pub(super) fn block(set: &libc::sigset_t) {
    // SAFETY: `set` is a live, valid set; the old one is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, set, std::ptr::null_mut()) };
}

/// A child that has ended, and its status.
fn ended(how: WaitOptions) -> Option<(u32, i32)> {
    loop {
        match rustix::process::wait(how) {
            Ok(ended) => return ended.map(|(pid, s)| (pid.as_raw_nonzero().get() as u32, s.as_raw())),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Collects the children that have ended, however they did.
fn collect_ended() {
    while ended(WaitOptions::NOHANG).is_some() {}
}

/// What the keeper holds of its namespace's `/proc`.
struct Namespace {
    processes: OwnedFd,
    /// The keeper's own descriptors.
    own: OwnedFd,
    /// The keeper's own children, where the kernel lists them (`CONFIG_PROC_CHILDREN`).
    children: Option<OwnedFd>,
    /// The file that says which pid comes next, if there is one.
    last_pid: Option<OwnedFd>,
}

impl Namespace {
    /// Makes the next process get the pid after this one, where the kernel lets us.
    fn rewind(&self, pid: u32) {
        // Leading zeros would make it octal.
        let mut text = [b' '; 10];
        let mut left = pid;
        for digit in text.iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        let _ = self.last_pid.as_ref().map(|fd| rustix::io::pwrite(fd, &text, 0));
    }
}

/// Mounts the `/proc` of this namespace, read-only.
fn fresh_proc() -> rustix::io::Result<Namespace> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(c"proc", c"/proc", c"proc", flags | MountFlags::RDONLY, None)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let processes = rustix::fs::open(c"/proc", flags, Mode::empty())?;
    let own = openat(&processes, c"self/fd", flags, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let children = openat(&processes, c"1/task/1/children", flags, Mode::empty()).ok();
    let Ok(hidden) = hidden_proc() else {
        return Ok(Namespace { processes, own, children, last_pid: None });
    };
    let open = |name: &CStr| openat(&hidden, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
    // When memory runs out the kernel ends a program first. Where that cannot be set, it chooses.
    let _ = open(c"self/oom_score_adj").map(|fd| rustix::io::write(fd, b"1000"));
    Ok(Namespace { processes, own, children, last_pid: open(c"sys/kernel/ns_last_pid").ok() })
}

/// A second `/proc` that stands nowhere and may be written to.
fn hidden_proc() -> rustix::io::Result<OwnedFd> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}
