//! A pid namespace in which programs are started under a filter, from our side: asking its keeper, hearing from it.

use super::bpf::{self, Fate};
use super::keeper::{
    AFTER, Arguments, CLEAR, FOLLOW, SECOND, SPARE, START, Start, close_all_but, end, fork, keep,
};
use super::launch::Ground;
use super::notify::{self, Listener};
use super::streams::Streams;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use rustix::process::{Pid, Signal, WaitOptions};
use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::null;

/// All that a program's start needs.
pub(crate) struct Plan {
    pub(crate) path: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
    pub(crate) streams: Streams,
    /// Where it starts, if not where we are.
    pub(crate) cwd: Option<CString>,
    /// Bytes that a single file may have.
    pub(crate) most_bytes: u64,
    /// It is held at its calls.
    pub(crate) watched: bool,
}

/// What the keeper or the program's first process tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// The program is about to start, in a process that has this pid in its namespace; its calls arrive at this listener.
    Started(Listener, u32),
    /// It has a terminal of its own, whose other side this is.
    Terminal(OwnedFd),
    /// The first process of the program ended with this status, as wait(2) has it.
    Ended(i32),
    /// The same of its second copy.
    SecondEnded(i32),
    /// After that: nothing of the trial runs any more.
    Empty,
    /// Both at once: the first process ended with this status, and nothing runs any more.
    EndedAll(i32),
    /// What was asked is done.
    Done,
    /// Processes are made as fast as they are killed; to end them, none can be spared.
    Crowded,
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

/// Stands beside the umask, which has no such bit.
pub(super) const FIXED_ADDRESSES: u32 = 1 << 31;

impl Cell {
    /// Forks the keeper of a new pid namespace. The calling thread must be in a mount namespace of its own, whose
    /// `/proc` the keeper replaces by that of the new namespace.
    pub(crate) fn start(plans: &[Plan], fates: &[(Fate, &[u32])]) -> io::Result<Cell> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let arguments: Vec<Arguments> =
            plans.iter().map(|plan| (pointers(&plan.argv), pointers(&plan.envp))).collect();
        let code = bpf::short_lived(fates);
        let streams = plans.iter().flat_map(|plan| [&plan.streams.stdin, &plan.streams.output]);
        let mut kept: Vec<u32> = streams.chain([&theirs]).map(|fd| fd.as_raw_fd() as u32).collect();
        kept.sort_unstable();
        let pid = fork(libc::CLONE_NEWPID | libc::CLONE_NEWIPC)?;
        if pid == 0 {
            close_all_but(&kept);
            let Ok(ground) = Ground::new() else { end(1) };
            keep(&Start { plans, arguments: &arguments, code: &code, socket: theirs.as_fd(), ground });
        }
        let keeper = Pid::from_raw(pid).ok_or(io::ErrorKind::Other)?;
        Ok(Cell { socket: ours, keeper })
    }

    /// Asks for a program to be started, by its place among the plans; at the same addresses each time or at any.
    pub(crate) fn begin(&self, program: u8, umask: u32, fixed_addresses: bool) -> io::Result<()> {
        self.ask(START + program, umask | if fixed_addresses { FIXED_ADDRESSES } else { 0 })
    }

    /// Asks for a second copy of the first program to be started beside the one that runs, which must have come to its
    /// first call.
    pub(crate) fn begin_second(&self, umask: u32, fixed_addresses: bool) -> io::Result<()> {
        self.ask(SECOND, umask | if fixed_addresses { FIXED_ADDRESSES } else { 0 })
    }

    /// Asks for programs to be started with the pid after this one; done when that was heard.
    pub(crate) fn start_after(&self, pid: u32) -> io::Result<()> {
        self.ask(AFTER, pid)
    }

    /// Asks for one process to be spared from now on, none if 0; done when that was heard.
    pub(crate) fn spare(&self, pid: u32) -> io::Result<()> {
        self.ask(SPARE, pid)
    }

    /// Asks to be told how a copy of the spared process ends; done when that was heard.
    pub(crate) fn follow(&self, pid: u32) -> io::Result<()> {
        self.ask(FOLLOW, pid)
    }

    /// Asks for everything that still runs to be killed, but what is spared.
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
            (_, b'l', Some(fd)) => Told::Started(notify::adopt(fd), number as u32),
            (_, b't', Some(fd)) => Told::Terminal(fd),
            (_, b'e', _) => Told::Ended(number),
            (_, b's', _) => Told::SecondEnded(number),
            (_, b'n', _) => Told::Empty,
            (_, b'd', _) => Told::EndedAll(number),
            (_, b'c', _) => Told::Done,
            (_, b'x', _) => Told::Crowded,
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
