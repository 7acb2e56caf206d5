//! Reads a held victim's memory without trusting its pointers: a bad one is an error, never a fault of ours.

use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

/// Copies from the memory of this process, through a pipe: the kernel checks the address as it does for another
/// process, at half the price. Strings on the stack of the victim's thread, where most paths are, cost no call.
#[derive(Debug)]
pub(crate) struct Own {
    read: OwnedFd,
    write: OwnedFd,
    /// A thread and its stack.
    stack: Option<(u32, Range<u64>)>,
}

impl Own {
    pub(crate) fn new() -> io::Result<Own> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Own { read, write, stack: None })
    }

    /// Tells of a thread of this process and its stack.
    pub(crate) fn learn_stack(&mut self, tid: u32, stack: Option<Range<u64>>) {
        self.stack = stack.map(|stack| (tid, stack));
    }

    /// Appends the string at `address` without asking the kernel; false, and nothing is done, when it does not lie on
    /// the stack of `tid`, which is held.
    fn string_on_stack(&self, tid: u32, address: u64, limit: usize, into: &mut Vec<u8>) -> bool {
        let Some((_, stack)) =
            self.stack.as_ref().filter(|(of, stack)| *of == tid && stack.contains(&address))
        else {
            return false;
        };
        let start = into.len();
        for at in (address..stack.end).take(limit) {
            // SAFETY: the stack of a thread stays readable while the thread lives, unless the thread itself sees to the contrary,
            // and this one is held in a call. Volatile, as others may write there.
            match unsafe { std::ptr::read_volatile(at as *const u8) } {
                0 => return true,
                byte => into.push(byte),
            }
        }
        into.truncate(start);
        false
    }

    /// `into` must be shorter than what a pipe holds.
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<usize> {
        // Not write(3): AddressSanitizer would look there, too, and ends us where a string is shorter than what is read.
        // SAFETY: the kernel checks the address, and only reads there.
        let n = unsafe { libc::syscall(libc::SYS_write, self.write.as_raw_fd(), address, into.len()) };
        let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        Ok(rustix::io::read(&self.read, &mut into[..n])?)
    }
}

/// Whose memory is read.
#[derive(Clone, Copy)]
pub(crate) enum Memory<'a> {
    /// This process's, for a thread of it that is held.
    Own(&'a Own, u32),
    Of(u32),
}

impl Memory<'_> {
    fn read(self, address: u64, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Memory::Own(own, _) => own.read(address, into),
            Memory::Of(tid) => read(tid, address, into),
        }
    }
}

/// Copies from `address` of the process that owns thread `tid` into `into`; returns how many bytes could be read.
pub(crate) fn read(tid: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: `local` describes a live, writable buffer of ours; `remote` is only an address for the kernel to check.
    let n =
        unsafe { libc::process_vm_readv(tid as libc::pid_t, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Copies `bytes` to `address` of the process that owns thread `tid`, where that process could write itself; true when all of
/// it was.
pub(crate) fn write(tid: u32, address: u64, bytes: &[u8]) -> bool {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: bytes.len() };
    // SAFETY: `local` describes bytes that are only read; `remote` is only an address for the kernel to check.
    let n =
        unsafe { libc::process_vm_writev(tid as libc::pid_t, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(n) == Ok(bytes.len())
}

/// The words at `address` of the process that owns thread `tid`; `None` when they cannot all be read.
pub(crate) fn read_words<const N: usize>(tid: u32, address: u64) -> Option<[u64; N]> {
    let mut words = [[0; size_of::<u64>()]; N];
    let bytes = words.as_flattened_mut();
    read(tid, address, bytes).ok().filter(|n| *n == bytes.len())?;
    Some(words.map(u64::from_ne_bytes))
}

/// Appends the NUL-terminated string at `address` to `into`, at most `limit` bytes, page by page so that a string
/// at the end of a mapping is read whole. False when it cannot be read or does not end.
pub(crate) fn read_string(memory: Memory<'_>, address: u64, limit: usize, into: &mut Vec<u8>) -> bool {
    const PAGE: u64 = 4096;
    const CHUNK: usize = 256;
    if let Memory::Own(own, tid) = memory
        && own.string_on_stack(tid, address, limit, into)
    {
        return true;
    }
    let start = into.len();
    let mut at = address;
    let mut chunk = [0u8; CHUNK];
    while into.len() - start < limit {
        let to_page_end = (PAGE - at % PAGE) as usize;
        let want = to_page_end.min(CHUNK);
        match memory.read(at, &mut chunk[..want]) {
            Ok(n) if n > 0 => match chunk[..n].iter().position(|&b| b == 0) {
                Some(end) => {
                    into.extend_from_slice(&chunk[..end]);
                    return true;
                }
                None => {
                    into.extend_from_slice(&chunk[..n]);
                    at += n as u64;
                }
            },
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::thread::{own_stack, own_tid};

    /// What is read at `address` of this thread, with its stack known and without.
    fn both(address: *const u8) -> [Option<Vec<u8>>; 2] {
        let mut own = Own::new().expect("a pipe");
        [own_stack(), None].map(|stack| {
            own.learn_stack(own_tid(), stack);
            let mut into = Vec::new();
            read_string(Memory::Own(&own, own_tid()), address as u64, 4096, &mut into).then_some(into)
        })
    }

    #[test]
    fn a_string_is_the_same_wherever_it_is_and_a_bad_address_is_no_fault() {
        assert!(own_stack().is_some(), "this C library does not tell where the stack is");
        let on_stack = *b"shared/on the stack\0behind it";
        let on_heap = on_stack.to_vec();
        let wanted = Some(b"shared/on the stack".to_vec());
        assert_eq!(both(on_stack.as_ptr()), [wanted.clone(), wanted.clone()]);
        assert_eq!(both(on_heap.as_ptr()), [wanted.clone(), wanted]);
        assert_eq!(both(std::ptr::without_provenance(8)), [None, None]);
    }

    #[test]
    fn a_stack_is_read_for_its_own_thread_alone_and_not_beyond_its_end() {
        let mut own = Own::new().expect("a pipe");
        let stack = own_stack().expect("this C library tells where the stack is");
        let text = *b"text\0";
        let (address, mut into) = (text.as_ptr() as u64, Vec::new());
        own.learn_stack(own_tid(), Some(stack.start..address + 3));
        assert!(!own.string_on_stack(own_tid(), address, 4096, &mut into) && into.is_empty());
        own.learn_stack(own_tid(), Some(stack));
        assert!(!own.string_on_stack(own_tid() + 1, address, 4096, &mut into) && into.is_empty());
        assert!(!own.string_on_stack(own_tid(), address, 4, &mut into) && into.is_empty());
        assert!(own.string_on_stack(own_tid(), address, 5, &mut into));
        assert_eq!(into, b"text");
    }
}
