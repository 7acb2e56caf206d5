//! Makes a held call of another process in its place, so that its result is known exactly and at once.
//!
//! The supervisor sees the same mounts, goes to the task's working directory if the path begins there, takes its umask, and
//! hands descriptors over. Calls whose arguments are more than numbers and paths are let run; those that only ask are asked first.
//! A task that has changed its user, or whose call cannot be made by another, makes it itself.

use super::ProcessWorld;
use crate::sys::memory::{self, Memory};
use crate::sys::perform::{RawCall, borrow, close, perform};
use crate::world::calls::Op;
use crate::world::proc::PATH_MAX;
use crate::world::stop::Stop;
use crate::world::{Outcome, no_excl, open};
use rustix::fs::OFlags;
use std::os::fd::{AsRawFd, OwnedFd};

/// A call with its paths, directories and buffers replaced by our own.
struct Borrowed {
    raw: RawCall,
    /// Kept open until the call is made.
    dirs: Vec<OwnedFd>,
    texts: Vec<Vec<u8>>,
    buffer: [u8; 512],
    how: [u64; 3],
}

impl ProcessWorld {
    /// Lets the held call happen.
    pub(super) fn perform(&mut self, stop: &Stop) -> Outcome {
        match self.borrow_call(stop) {
            Some(mut call) if stop.sys.op == Op::Open => self.open(stop, &mut call),
            Some(call) if asks(stop) => {
                let value = perform(&call.raw);
                self.let_run(stop);
                Outcome::of(value)
            }
            Some(call) => {
                let value = perform(&call.raw);
                self.answer(stop, value);
                Outcome::of(value)
            }
            None => {
                self.let_run(stop);
                Outcome::Unknown
            }
        }
    }

    /// Whether the name of an open is taken, if we can look in the task's place.
    pub(super) fn would_find(&mut self, stop: &Stop) -> Option<bool> {
        self.borrow_call(stop).map(|call| no_excl::is_taken(stop, &call.raw))
    }

    pub(super) fn answer(&self, stop: &Stop, value: i64) {
        self.listener.iter().for_each(|listener| listener.answer(stop.id, value));
    }

    fn let_run(&self, stop: &Stop) {
        self.listener.iter().for_each(|listener| listener.let_run(stop.id));
    }

    /// The call as we can make it, if we can.
    fn borrow_call(&mut self, stop: &Stop) -> Option<Box<Borrowed>> {
        let through_proc = stop.places().iter().any(|p| p.by_descriptor);
        if through_proc || !is_portable(stop) || !self.identity.is_ours(self.decoder.proc(), stop.tid) {
            return None;
        }
        let raw = stop.raw;
        let mut call =
            Box::new(Borrowed { raw, dirs: Vec::new(), texts: Vec::new(), buffer: [0; 512], how: [0; 3] });
        for (at, letter) in stop.sys.signature.bytes().enumerate() {
            match letter {
                b'd' if stop.raw.args[at] as i32 != libc::AT_FDCWD => {
                    let fd = stop.raw.args[at] as i32;
                    let dir = self
                        .decoder
                        .proc()
                        .open_at(format_args!("{}/fd/{fd}", stop.tid), OFlags::PATH)
                        .ok()?;
                    call.raw.args[at] = dir.as_raw_fd() as u64;
                    call.dirs.push(dir);
                }
                b'p' => call.text(stop, at)?,
                b'H' => call.how(stop, at)?,
                b'-' if at == 0 && stop.sys.name.starts_with("symlink") => call.text(stop, at)?,
                b'-' if asks(stop) && stop.raw.args[at] > PATH_MAX as u64 => {
                    call.raw.args[at] = call.buffer.as_mut_ptr() as u64;
                }
                _ => {}
            }
        }
        if stop.sys.name.starts_with("readlink") {
            let size = call.raw.args[stop.sys.signature.len() - 1].min(call.buffer.len() as u64);
            call.raw.args[stop.sys.signature.len() - 1] = size;
        }
        // openat2(2) can be told to take the directory for the root.
        let is_root = call.how[2] & libc::RESOLVE_IN_ROOT != 0;
        if is_root || call.texts.iter().any(|text| !text.starts_with(b"/")) {
            let cwd = self.decoder.proc().open_at(format_args!("{}/cwd", stop.tid), OFlags::PATH).ok()?;
            rustix::process::fchdir(&cwd).ok()?;
        }
        Some(call)
    }

    fn open(&mut self, stop: &Stop, call: &mut Borrowed) -> Outcome {
        if stop.was_taken == Some(true) {
            self.answer(stop, -i64::from(libc::EEXIST));
            return Outcome::Failed(libc::EEXIST);
        }
        if stop.was_taken.is_some() {
            call.drop_open_flag(stop, libc::O_EXCL);
        }
        let careful = if open::may_wait(stop) { libc::O_NONBLOCK } else { 0 };
        call.add_open_flags(stop, (careful | libc::O_CLOEXEC) as u64);
        let value = perform(&call.raw);
        let (outcome, _) = open::settle(stop, value, self.arena.root(), &mut self.descriptors);
        match outcome {
            // No other task can be given what O_PATH opens, so it opens that itself. Nothing comes of opening it twice.
            _ if stop.flags & libc::O_PATH as u32 != 0 => {
                if value >= 0 {
                    close(value as i32);
                }
                self.let_run(stop);
            }
            Outcome::Blocks => self.answer(stop, -i64::from(libc::ENXIO)),
            _ if value < 0 => self.answer(stop, value),
            _ => self.hand_over(stop, value as i32),
        }
        outcome
    }

    /// Gives the task a descriptor of ours as the result of its call.
    fn hand_over(&self, stop: &Stop, number: i32) {
        let close_on_exec = stop.flags & libc::O_CLOEXEC as u32 != 0;
        self.listener
            .iter()
            .for_each(|listener| listener.answer_with(stop.id, borrow(number), close_on_exec));
        close(number);
    }
}

impl Borrowed {
    /// Replaces a pointer to text by our copy of it.
    fn text(&mut self, stop: &Stop, at: usize) -> Option<()> {
        let mut text = Vec::new();
        if !memory::read_string(Memory::Of(stop.tid), stop.raw.args[at], PATH_MAX, &mut text) {
            return None;
        }
        // There a task finds itself, and would find us.
        if text.starts_with(b"/proc/") || text.starts_with(b"/dev/fd/") {
            return None;
        }
        text.push(0);
        self.raw.args[at] = text.as_ptr() as u64;
        self.texts.push(text);
        Some(())
    }

    fn how(&mut self, stop: &Stop, at: usize) -> Option<()> {
        self.how = memory::read_words(stop.tid, stop.raw.args[at])?;
        (self.raw.args[at], self.raw.args[at + 1]) = (self.how.as_ptr() as u64, 24);
        Some(())
    }

    fn drop_open_flag(&mut self, stop: &Stop, flag: i32) {
        match stop.sys.signature.bytes().position(|letter| letter == b'F') {
            Some(at) => self.raw.args[at] &= !(flag as u64),
            None => self.how[0] &= !(flag as u64),
        }
    }

    fn add_open_flags(&mut self, stop: &Stop, flags: u64) {
        let at = |letter| stop.sys.signature.bytes().position(|l| l == letter);
        match (at(b'F'), at(b'H')) {
            (Some(at), _) => self.raw.args[at] |= flags,
            (None, Some(_)) => self.how[0] |= flags,
            // creat(2) has no flags to add to.
            (None, None) => {
                let [path, mode, ..] = self.raw.args;
                let open = libc::O_CREAT as u64 | libc::O_WRONLY as u64 | libc::O_TRUNC as u64 | flags;
                self.raw.nr = libc::SYS_openat as u32;
                self.raw.args = [libc::AT_FDCWD as u64, path, open, mode, 0, 0];
            }
        }
    }
}

/// True for a call that changes nothing, so that asking twice is as good as asking once.
fn asks(stop: &Stop) -> bool {
    matches!(stop.sys.op, Op::Look | Op::Enter)
}

/// True for a call whose arguments are paths and numbers only, or that only fills a buffer.
fn is_portable(stop: &Stop) -> bool {
    let plain = ["chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "truncate"];
    match stop.sys.op {
        Op::Open | Op::Link | Op::Rename | Op::Remove => true,
        Op::Create => stop.sys.name != "bind",
        Op::Look | Op::Enter => !stop.sys.name.contains("xattr"),
        Op::Alter | Op::Resize => plain.contains(&stop.sys.name),
        Op::Write | Op::List | Op::Run | Op::Sync | Op::Close | Op::Lock => false,
    }
}
