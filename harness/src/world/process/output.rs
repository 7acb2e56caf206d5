//! What a program prints: drained while it runs, so that it never waits for a reader, and only the end of it kept.

use crate::error::Error;
use crate::sys::streams::Terminal;
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How much of it is kept.
const MOST: usize = 64 << 10;

/// The output of one trial.
pub(super) struct Output {
    pipe: OwnedFd,
    /// Instead of the pipe, for a program that has one.
    terminal: Option<Terminal>,
    /// The terminal was hung up: nothing more can come of it.
    over: bool,
    printed: Printed,
}

/// The end of what was printed, and whether there was more before it.
#[derive(Clone, Default)]
pub(super) struct Printed {
    last: Vec<u8>,
    cut: bool,
}

impl Output {
    /// With the end of the pipe that programs write to.
    pub(super) fn new() -> Result<(Output, OwnedFd), Error> {
        let failed = |e: Errno| Error::ours("pipe2", e);
        let (pipe, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        rustix::io::ioctl_fionbio(&pipe, true).map_err(failed)?;
        Ok((Output { pipe, terminal: None, over: false, printed: Printed::default() }, writer))
    }

    /// Forgets what was printed, the rest in the pipe too. Closing our side hangs up a terminal.
    pub(super) fn restart(&mut self) {
        (self.terminal, self.over) = (None, false);
        self.drain_all();
        self.printed = Printed::default();
    }

    /// What was printed up to now. Nothing may be printing meanwhile.
    pub(super) fn so_far(&mut self) -> Printed {
        self.drain_all();
        self.printed.clone()
    }

    /// Goes on as if this had been printed and nothing else.
    pub(super) fn go_on_from(&mut self, printed: &Printed) {
        self.restart();
        self.printed.clone_from(printed);
    }

    /// True for the side of the pipe that programs write to.
    pub(super) fn leads_here(&self, file: &Stat) -> bool {
        fstat(&self.pipe).is_ok_and(|own| (own.st_dev, own.st_ino) == (file.st_dev, file.st_ino))
    }

    /// Reads from a terminal from now on.
    pub(super) fn attach(&mut self, terminal: Terminal) {
        self.terminal = Some(terminal);
    }

    /// What to wait for, as long as something can come.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        let fd = self.terminal.as_ref().map_or(self.pipe.as_fd(), |terminal| terminal.master.as_fd());
        (!self.over).then_some(fd)
    }

    /// Reads what is there, but not for ever: who prints without end must not keep us from anything else.
    /// True when that came to an end.
    pub(super) fn drain(&mut self) -> bool {
        const READS: usize = 16;
        let mut buffer = [0u8; 16 << 10];
        for _ in 0..READS {
            let Some(source) = self.source() else { return true };
            match rustix::io::read(source, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN) => return true,
                Ok(count) => self.printed.keep(&buffer[..count]),
                Err(Errno::INTR) => {}
                Err(_) => self.over = true,
            }
        }
        false
    }

    /// The same to the end, for when nothing can print.
    pub(super) fn drain_all(&mut self) {
        while !self.drain() {}
    }

    /// The end of what was printed, and true when there was more before it.
    pub(super) fn printed(&self) -> (&[u8], bool) {
        let Printed { last, cut } = &self.printed;
        let from = last.len().saturating_sub(MOST);
        (&last[from..], *cut || from > 0)
    }
}

impl Printed {
    fn keep(&mut self, bytes: &[u8]) {
        if self.last.len() + bytes.len() > 2 * MOST {
            self.last.drain(..self.last.len().saturating_sub(MOST));
            self.cut = true;
        }
        self.last.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_nothing_of_the_trial_before() {
        let (mut output, writer) = Output::new().expect("a pipe");
        for round in 0..100u8 {
            rustix::io::write(&writer, &[round; 8192]).expect("there is room");
            output.drain();
        }
        let (last, cut) = output.printed();
        assert_eq!((last.len(), last.first(), last.last(), cut), (MOST, Some(&92), Some(&99), true));
        rustix::io::write(&writer, b"rest").expect("there is room");
        output.restart();
        assert_eq!(output.printed(), (&b""[..], false));
    }
}
