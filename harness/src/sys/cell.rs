//! Starts programs in a pid namespace of their own, under a filter, and ends all that they leave running.
//!
//! A *keeper* is forked once: process 1 of the namespace. For each trial it forks the program's first process, tells
//! how that ended, and on demand kills and collects everything else. When linkbait dies the kernel kills the keeper,
//! and with it every process of the namespace. Both are copies of a process with threads, so after the fork nothing
//! allocates: all they need is in [`Plan`].

use super::bpf::{self, Fate};
use super::notify::{self, Listener};
use super::streams::Streams;
use libc::sock_filter;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, fsconfig_create, fsmount, fsopen, mount,
};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use std::ffi::{CStr, CString};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null;

/// All that a program's start needs.
pub(crate) struct Plan {
    pub(crate) path: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
    pub(crate) streams: Streams,
    /// Bytes that a single file may have.
    pub(crate) most_bytes: u64,
    /// It is held at its calls.
    pub(crate) watched: bool,
}

/// What the keeper or the program's first process tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// The program is about to start; its calls arrive at this listener.
    Started(Listener),
    /// It has a terminal of its own, whose other side this is.
    Terminal(OwnedFd),
    /// The first process ended with this status, as wait(2) has it.
    Ended(i32),
    /// Nothing of the trial runs any more.
    Cleared,
    /// The program could not be started: the step and its errno.
    Failed(i32),
    /// The keeper is gone.
    Lost,
}

/// A keeper, from our side.
pub(crate) struct Cell {
    socket: OwnedFd,
    keeper: Pid,
}

/// What the keeper is asked for; further programs follow the first.
const CLEAR: u8 = 0;
const START: u8 = 1;

/// Arrays for execve(2): arguments and environment.
type Arguments = (Vec<*const libc::c_char>, Vec<*const libc::c_char>);

impl Cell {
    /// Forks the keeper of a new pid namespace. The calling thread must be in a mount namespace of its own, whose
    /// `/proc` the keeper replaces by that of the new namespace.
    pub(crate) fn start(plans: &[Plan], refused: &[u32], watched: &[u32]) -> io::Result<Cell> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let arguments: Vec<Arguments> =
            plans.iter().map(|plan| (pointers(&plan.argv), pointers(&plan.envp))).collect();
        let code = bpf::program(&[(Fate::Refused, refused), (Fate::Watched, watched)]);
        let streams = plans.iter().flat_map(|plan| [&plan.streams.stdin, &plan.streams.output]);
        let mut kept: Vec<u32> = streams.chain([&theirs]).map(|fd| fd.as_raw_fd() as u32).collect();
        kept.sort_unstable();
        let pid = fork(libc::CLONE_NEWPID | libc::CLONE_NEWIPC)?;
        if pid == 0 {
            close_all_but(&kept);
            keep(&Start { plans, arguments: &arguments, code: &code, socket: theirs.as_fd() });
        }
        let keeper = Pid::from_raw(pid).ok_or(io::ErrorKind::Other)?;
        Ok(Cell { socket: ours, keeper })
    }

    /// Asks for a program to be started, by its place among the plans.
    pub(crate) fn begin(&self, program: u8, umask: u32) -> io::Result<()> {
        self.ask(START + program, umask)
    }

    /// Asks for everything that still runs to be killed.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.ask(CLEAR, 0)
    }

    fn ask(&self, what: u8, number: u32) -> io::Result<()> {
        let [a, b, c, d] = number.to_ne_bytes();
        rustix::net::send(&self.socket, &[what, a, b, c, d], SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Takes one message; waits for it.
    pub(crate) fn hear(&self) -> io::Result<Told> {
        let mut bytes = [0u8; 5];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let got = recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC);
        let sent = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let number = i32::from_ne_bytes(std::array::from_fn(|at| bytes[at + 1]));
        Ok(match (got.map(|m| m.bytes), bytes[0], sent) {
            (Ok(0) | Err(rustix::io::Errno::CONNRESET), ..) => Told::Lost,
            (Err(e), ..) => return Err(e.into()),
            (_, b'l', Some(fd)) => Told::Started(notify::adopt(fd)),
            (_, b't', Some(fd)) => Told::Terminal(fd),
            (_, b'e', _) => Told::Ended(number),
            (_, b'c', _) => Told::Cleared,
            (_, _, _) => Told::Failed(number),
        })
    }
}

impl AsFd for Cell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // It is our child and not yet collected, so the number is still its own.
        let _ = rustix::process::kill_process(self.keeper, Signal::KILL);
        let _ = rustix::process::waitpid(Some(self.keeper), WaitOptions::empty());
    }
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([null()]).collect()
}

/// The plans as the forked processes use them.
struct Start<'a> {
    plans: &'a [Plan],
    arguments: &'a [Arguments],
    code: &'a [sock_filter],
    socket: BorrowedFd<'a>,
}

/// Forks without what the C library does around it: its locks may be held by threads that the child does not have.
fn fork(flags: libc::c_int) -> io::Result<libc::pid_t> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: shares nothing with the child, which calls nothing that could wait for a lock of another thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, 0usize) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid as libc::pid_t) }
}

fn tell(socket: BorrowedFd<'_>, tag: u8, number: i32) {
    let [a, b, c, d] = number.to_ne_bytes();
    // With nobody to hear it there is nothing left to do either.
    let _ = rustix::net::send(socket, &[tag, a, b, c, d], SendFlags::NOSIGNAL);
}

/// Tells a descriptor.
pub(super) fn send(socket: BorrowedFd<'_>, tag: u8, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(socket, &[IoSlice::new(&[tag, 0, 0, 0, 0])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn end(status: i32) -> ! {
    // SAFETY: ends this forked process without running anything of ours.
    unsafe { libc::_exit(status) }
}

/// Closes what others of this process have open: a terminal of another program is not hung up as long as anybody
/// holds it.
fn close_all_but(kept: &[u32]) {
    let mut first = 3;
    for &fd in kept.iter().filter(|fd| **fd >= 3) {
        if fd > first {
            close_range(first, fd - 1);
        }
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    // SAFETY: only for a forked process that uses none of these numbers again.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0u32) };
}

/// The keeper's life.
fn keep(start: &Start<'_>) -> ! {
    // Killed together with the thread that forked it.
    if rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        end(1);
    }
    let last_pid = match fresh_proc() {
        Ok(last_pid) => last_pid,
        Err(e) => {
            tell(start.socket, b'f', e.raw_os_error());
            end(1);
        }
    };
    tell(start.socket, b'c', 0);
    let mut message = [0u8; 5];
    loop {
        match rustix::net::recv(start.socket, &mut message, RecvFlags::empty()) {
            Ok((5, _)) => {}
            Err(rustix::io::Errno::INTR) => continue,
            _ => end(0),
        }
        let [what, mask @ ..] = message;
        match what.checked_sub(START) {
            Some(program) => {
                let last_pid = last_pid.as_ref().map(AsFd::as_fd);
                run(start, usize::from(program), u32::from_ne_bytes(mask), last_pid);
            }
            None => clear(start.socket),
        }
    }
}

/// Mounts the `/proc` of this namespace, read-only; returns the file that says which pid comes next, if there is one.
fn fresh_proc() -> rustix::io::Result<Option<OwnedFd>> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(c"proc", c"/proc", c"proc", flags | MountFlags::RDONLY, None)?;
    let Ok(hidden) = hidden_proc() else { return Ok(None) };
    let open = |name: &CStr| {
        let writing = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
        rustix::fs::openat(&hidden, name, writing, rustix::fs::Mode::empty())
    };
    // When memory runs out the kernel ends a program first. Where that cannot be set, it chooses.
    let _ = open(c"self/oom_score_adj").map(|fd| rustix::io::write(fd, b"1000"));
    Ok(open(c"sys/kernel/ns_last_pid").ok())
}

/// A second `/proc` that stands nowhere and may be written to.
fn hidden_proc() -> rustix::io::Result<OwnedFd> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

/// Starts the program and tells how its first process ended. Orphans that end meanwhile are collected.
fn run(start: &Start<'_>, program: usize, umask: u32, last_pid: Option<BorrowedFd<'_>>) {
    // The same pids in every trial.
    let _ = last_pid.map(|fd| rustix::io::pwrite(fd, b"100", 0));
    let pid = match fork(0) {
        Ok(0) => become_program(start, program, umask),
        Ok(pid) => pid,
        Err(e) => return tell(start.socket, b'f', e.raw_os_error().unwrap_or(libc::EAGAIN)),
    };
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => {
                return tell(start.socket, b'e', status.as_raw());
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return tell(start.socket, b'e', 0),
        }
    }
}

/// Kills and collects all that is left.
fn clear(socket: BorrowedFd<'_>) {
    // SAFETY: process 1 may signal all others of its namespace, and only those.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    while matches!(
        rustix::process::wait(WaitOptions::empty()),
        Ok(Some::<(Pid, WaitStatus)>(_)) | Err(rustix::io::Errno::INTR)
    ) {}
    tell(socket, b'c', 0);
}

/// The first process of the program, up to its start.
fn become_program(start: &Start<'_>, program: usize, umask: u32) -> ! {
    let (plan, (argv, envp)) = (&start.plans[program], &start.arguments[program]);
    let errno = match prepare(start, plan, umask).and_then(|()| hand_over(start, plan.watched)) {
        // SAFETY: all three point to arrays of C strings that end with a null and live in this process's memory.
        Ok(()) => unsafe {
            libc::execve(plan.path.as_ptr(), argv.as_ptr(), envp.as_ptr());
            io::Error::last_os_error()
        },
        Err(e) => {
            tell(start.socket, b'f', e.raw_os_error().unwrap_or(0));
            e
        }
    };
    end(if errno.raw_os_error() == Some(libc::ENOENT) { 127 } else { 126 });
}

fn prepare(start: &Start<'_>, plan: &Plan, umask: u32) -> io::Result<()> {
    rustix::process::setsid()?;
    for signal in 1..=64 {
        // SAFETY: restores a default disposition; numbers that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    plan.streams.connect(start.socket)?;
    rustix::process::umask(rustix::fs::Mode::from_bits_retain(umask));
    let limit = |most| rustix::process::Rlimit { current: Some(most), maximum: Some(most) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit(plan.most_bytes))?;
    rustix::process::setrlimit(rustix::process::Resource::Core, limit(0))?;
    give_up_capabilities();
    super::thread::no_new_privileges()
}

/// What would let a program of root's out of its namespace: mounting, devices, kernel memory, other processes.
fn give_up_capabilities() {
    use rustix::thread::CapabilitySet as Set;
    let dangerous = [
        Set::SYS_ADMIN,
        Set::SYS_MODULE,
        Set::SYS_RAWIO,
        Set::SYS_PTRACE,
        Set::SYS_BOOT,
        Set::SYS_CHROOT,
        Set::SYS_TIME,
        Set::MKNOD,
        Set::DAC_READ_SEARCH,
        Set::LINUX_IMMUTABLE,
        Set::CHECKPOINT_RESTORE,
        Set::BPF,
        Set::PERFMON,
        Set::SYS_RESOURCE,
    ];
    for capability in dangerous {
        // One that this kernel does not know cannot be used either.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}

/// Puts this process under the filter if it is to be held, sends the listener out, and closes all but the standard
/// descriptors.
fn hand_over(start: &Start<'_>, watched: bool) -> io::Result<()> {
    if watched {
        let filter = start.code.as_ptr().cast_mut();
        let program = libc::sock_fprog { len: start.code.len() as libc::c_ushort, filter };
        let listener = notify::install_program(&program)?;
        send(start.socket, b'l', listener.as_fd())?;
    }
    close_range(3, u32::MAX);
    Ok(())
}
