//! What a program's first process reads and writes: a file and a pipe, or a terminal of its own.
//!
//! Opened by the keeper, which finds its own descriptors fastest, and connected in the process that is to be the program: so
//! nothing here allocates. Every trial opens what it gets anew: an offset, a mode such as O_NONBLOCK or a terminal's settings
//! must not outlive the trial.

use super::keeper;
use rustix::fs::{Mode, OFlags, openat};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::Winsize;
use std::ffi::CStr;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Where a program's standard descriptors lead.
pub(crate) struct Streams {
    pub(crate) stdin: OwnedFd,
    /// Where both outputs go, if to no terminal.
    pub(crate) output: OwnedFd,
    /// All three are a new terminal, which is the controlling one; its other side is sent out.
    pub(crate) terminal: bool,
}

/// What one trial is to read and write, opened for it; `None` for a terminal, which its own process makes.
pub(super) type Opened = Option<[OwnedFd; 2]>;

impl Streams {
    /// Opens what one trial gets, by the caller's directory of descriptors.
    pub(super) fn open(&self, own: BorrowedFd<'_>) -> io::Result<Opened> {
        let open = || {
            let input = reopen(own, self.stdin.as_fd(), OFlags::RDONLY)?;
            Ok([input, reopen(own, self.output.as_fd(), OFlags::WRONLY)?])
        };
        (!self.terminal).then(open).transpose()
    }
}

/// Makes these the standard descriptors of the calling process, which must lead a session.
pub(super) fn connect(opened: Option<[BorrowedFd<'_>; 2]>, socket: BorrowedFd<'_>) -> io::Result<()> {
    let Some([input, output]) = opened else { return connect_terminal(socket) };
    rustix::stdio::dup2_stdin(input)?;
    rustix::stdio::dup2_stdout(output)?;
    Ok(rustix::stdio::dup2_stderr(output)?)
}

/// The other side, through which the terminal of a program is read. Ours of the program's side is kept, so that a
/// program that closes all its descriptors can come back to its terminal.
pub(crate) struct Terminal {
    pub(crate) master: OwnedFd,
    _slave: OwnedFd,
}

impl Terminal {
    /// Takes over the side that a program's first process has sent.
    pub(crate) fn adopt(master: OwnedFd) -> io::Result<Terminal> {
        rustix::io::ioctl_fionbio(&master, true)?;
        let slave = ioctl_tiocgptpeer(&master, CLOSED_ON_EXEC)?;
        Ok(Terminal { master, _slave: slave })
    }
}

const CLOSED_ON_EXEC: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY).union(OpenptFlags::CLOEXEC);

fn connect_terminal(socket: BorrowedFd<'_>) -> io::Result<()> {
    let master = openpt(CLOSED_ON_EXEC)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, CLOSED_ON_EXEC)?;
    rustix::termios::tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 })?;
    rustix::process::ioctl_tiocsctty(&slave)?;
    keeper::send(socket, b't', 0, master.as_fd())?;
    rustix::stdio::dup2_stdin(&slave)?;
    rustix::stdio::dup2_stdout(&slave)?;
    Ok(rustix::stdio::dup2_stderr(&slave)?)
}

/// A descriptor of its own, from the start, for what another one has open.
fn reopen(own: BorrowedFd<'_>, fd: BorrowedFd<'_>, access: OFlags) -> io::Result<OwnedFd> {
    let mut name = [0u8; 16];
    write!(&mut name[..15], "{}", fd.as_raw_fd())?;
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(openat(own, name, access | OFlags::CLOEXEC, Mode::empty())?)
}
