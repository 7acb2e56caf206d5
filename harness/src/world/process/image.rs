//! What the kernel puts into each new program image by chance or to answer without a call, replaced: the random bytes
//! that it starts with, and the vDSO's ways to ask the time.

use super::held::Held;
use super::vdso::{self, Patch};
use crate::stream::Stream;
use crate::sys::memory;
use rustix::fs::OFlags;

/// Bytes that a vDSO has at most.
const MOST_VDSO: usize = 64 * 1024;

/// Entries of the auxiliary vector (`linux/auxvec.h`).
const AT_RANDOM: u64 = 25;
const AT_SYSINFO_EHDR: u64 = 33;

/// Tasks that are about to run a program, and what to do to it.
#[derive(Clone, Default)]
pub(super) struct Images {
    expected: Vec<u32>,
    /// The same for all programs, so it is worked out once.
    patches: Option<Vec<Patch>>,
}

impl Images {
    pub(super) fn forget(&mut self) {
        self.expected.clear();
    }

    /// This task's next stop but one at execve(2) is in another program image. Run by any thread, that thread goes on
    /// under the number of the first.
    pub(super) fn expect(&mut self, held: &Held<'_>) {
        let first = held.proc.field(held.seen.tid, "Tgid:").and_then(|pid| pid.parse().ok());
        self.expected.extend([Some(held.seen.tid), first].into_iter().flatten());
    }

    /// Changes the image if the task has just begun one. False when it could not be changed.
    pub(super) fn meet(&mut self, held: &Held<'_>, stream: &mut Stream) -> bool {
        let tid = held.seen.tid;
        if !self.expected.contains(&tid) || is_exec(held.seen.nr) {
            return true;
        }
        self.expected.retain(|expected| *expected != tid);
        let auxiliary = auxiliary(held);
        let find = |key| auxiliary.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
        let mut bytes = [0; 16];
        stream.fill(&mut bytes);
        let random = find(AT_RANDOM).is_some_and(|at| held.put(at, &bytes));
        // A kernel without a vDSO has nothing that answers without a call.
        random && find(AT_SYSINFO_EHDR).is_none_or(|base| self.patch(held, base))
    }

    fn patch(&mut self, held: &Held<'_>, base: u64) -> bool {
        let patches = self.patches.get_or_insert_with(|| {
            let mut image = vec![0; MOST_VDSO];
            let length = memory::read(held.seen.tid, base, &mut image).unwrap_or(0);
            vdso::patches(&image[..length])
        });
        !patches.is_empty() && patches.iter().all(|patch| held.put(base + patch.offset, &patch.code))
    }
}

fn is_exec(nr: u32) -> bool {
    [libc::SYS_execve as u32, libc::SYS_execveat as u32].contains(&nr)
}

/// The auxiliary vector of a task.
fn auxiliary(held: &Held<'_>) -> Vec<(u64, u64)> {
    let mut bytes = [0; 1024];
    let file = held.proc.open_at(format_args!("{}/auxv", held.seen.tid), OFlags::RDONLY);
    let length = file.and_then(|file| rustix::io::read(&file, &mut bytes)).unwrap_or(0);
    let (words, _) = bytes[..length].as_chunks::<8>();
    let words: Vec<u64> = words.iter().map(|word| u64::from_ne_bytes(*word)).collect();
    words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}
