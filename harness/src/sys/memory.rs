//! Reads a held victim's memory without trusting its pointers: a bad one is an error, never a fault of ours.

use rustix::pipe::{PipeFlags, pipe_with};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Copies from the memory of this process, through a pipe: the kernel checks the address as it does for another
/// process, at half the price.
#[derive(Debug)]
pub(crate) struct Own {
    read: OwnedFd,
    write: OwnedFd,
}

impl Own {
    pub(crate) fn new() -> io::Result<Own> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(Own { read, write })
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
    Own(&'a Own),
    Of(u32),
}

impl Memory<'_> {
    fn read(self, address: u64, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Memory::Own(own) => own.read(address, into),
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
