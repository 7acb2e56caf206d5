//! A task of a program that is held at a call: its memory, and the end of the stop.

use crate::sys::memory;
use crate::sys::notify::{Listener, Notification};
use crate::world::proc::Proc;
use rustix::fs::OFlags;

/// A held task.
pub(super) struct Held<'a> {
    pub(super) seen: &'a Notification,
    pub(super) listener: &'a Listener,
    pub(super) proc: &'a Proc,
}

impl Held<'_> {
    /// Writes into its memory, write-protected pages included; false when that cannot be done.
    pub(super) fn put(&self, address: u64, bytes: &[u8]) -> bool {
        let memory = self.proc.open_at(format_args!("{}/mem", self.seen.tid), OFlags::WRONLY);
        let Ok(memory) = memory else { return false };
        // Asked after the open: until then the task may have died, and its number be another's.
        self.listener.holds(self.seen.id) && rustix::io::pwrite(&memory, bytes, address) == Ok(bytes.len())
    }

    /// Writes where it could write itself.
    fn fill(&self, address: u64, bytes: &[u8]) -> bool {
        // Should it be killed right then, its number is not another's before all others were given out.
        self.listener.holds(self.seen.id) && memory::write(self.seen.tid, address, bytes)
    }

    /// Words of its memory.
    pub(super) fn words<const N: usize>(&self, address: u64) -> Option<[u64; N]> {
        memory::read_words(self.seen.tid, address)
    }

    /// Ends the stop as a call does that has filled what `address` points to, which may be null where that is allowed.
    pub(super) fn answer_into(&self, address: u64, bytes: &[u8], value: i64) {
        let done = address == 0 || self.fill(address, bytes);
        self.answer(if done { value } else { -i64::from(libc::EFAULT) });
    }

    pub(super) fn answer(&self, value: i64) {
        self.listener.answer(self.seen.id, value);
    }

    pub(super) fn let_run(&self) {
        self.listener.let_run(self.seen.id);
    }
}
