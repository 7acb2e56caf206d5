//! The listener end of seccomp user notification: wait, receive, answer. Owns the ioctls, not their meaning.
//!
//! Kernel 5.5 for `CONTINUE`; `WAIT_KILLABLE_RECV` (5.19) and `SYNC_WAKE_UP` (6.6) are tried and done without.

use super::bpf::{self, Fate};
use super::thread;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A victim stopped at the entry of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    /// Thread id of the stopped task.
    pub(crate) tid: u32,
    pub(crate) nr: u32,
    pub(crate) args: [u64; 6],
}

/// What waiting brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    Stopped,
    TimedOut,
    /// No task under the filter is left.
    Gone,
}

#[derive(Debug)]
pub(crate) struct Listener(OwnedFd);

/// Puts the calling thread under the filter and returns the listener.
pub(crate) fn install(refused: &[u32], watched: &[u32]) -> io::Result<Listener> {
    let mut code = bpf::program(&[(Fate::Refused, refused), (Fate::Watched, watched)]);
    let program = libc::sock_fprog { len: code.len() as libc::c_ushort, filter: code.as_mut_ptr() };
    thread::no_new_privileges()?;
    let listener = install_program(&program)?;
    listener.wake_on_this_core();
    Ok(listener)
}

/// Puts the calling thread under a filter that is already built. Allocates nothing.
pub(crate) fn install_program(program: &libc::sock_fprog) -> io::Result<Listener> {
    let best = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    set_filter(best, program).or_else(|_| set_filter(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER, program))
}

/// Takes over a listener that another process has installed and sent.
pub(crate) fn adopt(fd: OwnedFd) -> Listener {
    let listener = Listener(fd);
    listener.wake_on_this_core();
    listener
}

/// Makes these calls of the calling thread end the process with SIGSYS; needs no listener.
pub(crate) fn make_deadly(numbers: &[u32]) -> io::Result<()> {
    let mut code = bpf::program(&[(Fate::Deadly, numbers)]);
    let program = libc::sock_fprog { len: code.len() as libc::c_ushort, filter: code.as_mut_ptr() };
    thread::no_new_privileges()?;
    // SAFETY: `program` points to a live array of `len` instructions; the kernel copies it before returning.
    let set =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_filter(flags: libc::c_ulong, program: &libc::sock_fprog) -> io::Result<Listener> {
    // SAFETY: `program` points to a live array of `len` instructions; the kernel copies it before returning.
    let fd = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, std::ptr::from_ref(program))
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
    Ok(Listener(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
}

impl Listener {
    /// Asks for wake-ups on the waker's core; worth 5 % at most, so a refusal does not matter.
    fn wake_on_this_core(&self) {
        const SYNC_WAKE_UP: libc::c_ulong = 1;
        // SAFETY: this ioctl takes a plain number.
        let _ = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
    }

    /// Waits for a stop. Called before [`Listener::receive`], which could block for ever once no task is left.
    pub(crate) fn wait(&self, timeout: Option<&Timespec>) -> io::Result<Ready> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        loop {
            match poll(&mut fds, timeout) {
                Ok(0) => return Ok(Ready::TimedOut),
                Ok(_) if fds[0].revents().contains(PollFlags::IN) => return Ok(Ready::Stopped),
                Ok(_) => return Ok(Ready::Gone),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Takes the notification that [`Listener::wait`] announced; `None` when its task died in between.
    pub(crate) fn receive(&self) -> io::Result<Option<Notification>> {
        loop {
            match self.receive_or_be_interrupted() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }

    /// Waits for a notification and takes it, as one call; `None` when its task died in between. Once no task is
    /// left under the filter it ends with `None` too (Linux 6.11); before that kernel, only by a signal, with EINTR.
    pub(crate) fn receive_or_be_interrupted(&self) -> io::Result<Option<Notification>> {
        // SAFETY: an all-zero notification is valid and is what the kernel insists on receiving.
        let mut raw: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        let fd = self.0.as_raw_fd();
        // SAFETY: `raw` is a live, zeroed buffer of the kernel's own layout.
        if unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut raw) } == 0 {
            return Ok(Some(Notification {
                id: raw.id,
                tid: raw.pid,
                nr: raw.data.nr as u32,
                args: raw.data.args,
            }));
        }
        match io::Error::last_os_error() {
            e if e.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            e => Err(e),
        }
    }

    /// True while the task is held at this very stop.
    pub(crate) fn holds(&self, id: u64) -> bool {
        let fd = self.0.as_raw_fd();
        // SAFETY: `id` is a live number of the kernel's own size.
        unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
    }

    /// Ends the stop with a result of our own: a value, or a negative errno.
    pub(crate) fn answer(&self, id: u64, result: i64) {
        let (val, error) = if result < 0 { (0, result as i32) } else { (result, 0) };
        self.send(libc::seccomp_notif_resp { id, val, error, flags: 0 });
    }

    /// Ends the stop by giving the task a descriptor of ours as the result (Linux 5.14). A failure means that the
    /// task died, or has no room for it and gets EMFILE.
    pub(crate) fn answer_with(&self, id: u64, fd: BorrowedFd<'_>, close_on_exec: bool) {
        let request = libc::seccomp_notif_addfd {
            id,
            flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
            srcfd: fd.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        let listener = self.0.as_raw_fd();
        // SAFETY: `request` is a live buffer of the kernel's own layout.
        let sent = unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const request) };
        if sent < 0 {
            self.answer(id, -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EMFILE)));
        }
    }

    /// Ends the stop by letting the victim make the call itself.
    pub(crate) fn let_run(&self, id: u64) {
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        self.send(libc::seccomp_notif_resp { id, val: 0, error: 0, flags });
    }

    /// A failure means that the task died while held, which the next `wait` shows.
    fn send(&self, mut response: libc::seccomp_notif_resp) {
        let fd = self.0.as_raw_fd();
        // SAFETY: `response` is a live buffer of the kernel's own layout.
        let _ = unsafe { libc::ioctl(fd, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) };
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
