//! A victim's call with some arguments replaced: the arena's path for the machine's `/tmp`, an open that does not
//! wait. Owns the buffers that the replaced arguments point to; nothing here allocates.

use crate::sys::memory;
use crate::sys::perform::RawCall;
use crate::world::stop::{Place, Stop};

/// A call with some arguments replaced by buffers of ours. Kept from call to call, so that they need not be made empty.
pub(super) struct Changed {
    raw: RawCall,
    paths: [[u8; 4096]; 2],
    how: [u64; 3],
    redirects: [Option<usize>; 2],
    how_at: Option<usize>,
    flags_at: Option<usize>,
}

impl Default for Changed {
    fn default() -> Changed {
        Changed {
            raw: RawCall { nr: 0, args: [0; 6] },
            paths: [[0; 4096]; 2],
            how: [0; 3],
            redirects: [None; 2],
            how_at: None,
            flags_at: None,
        }
    }
}

impl Changed {
    /// Becomes the call of `stop`.
    pub(super) fn take(&mut self, stop: &Stop, arena: &[u8]) {
        let position = |letter: u8| stop.sys.signature.bytes().position(|l| l == letter);
        (self.raw, self.redirects) = (stop.raw, [None; 2]);
        (self.how_at, self.flags_at) = (position(b'H'), position(b'F'));
        if self.how_at.is_some() {
            self.copy_how(stop);
        }
        if stop.sys.name == "creat" {
            self.raw.nr = libc::SYS_openat as u32;
            let [path, mode, ..] = stop.raw.args;
            self.raw.args = [libc::AT_FDCWD as u64, path, u64::from(stop.flags), mode, 0, 0];
            self.flags_at = Some(2);
        }
        for (index, place) in stop.places().iter().enumerate() {
            if let Some(at) = place.redirect {
                let at = if stop.sys.name == "creat" { 1 } else { at };
                self.redirect(index, at, stop.sys.name == "bind", arena, place);
            }
        }
    }

    fn copy_how(&mut self, stop: &Stop) {
        // What cannot be read stays zero, and the kernel refuses an empty request as it would have refused a bad one.
        self.how = memory::read_words(stop.tid, stop.raw.args[2]).unwrap_or_default();
    }

    fn redirect(&mut self, index: usize, at: usize, socket: bool, arena: &[u8], place: &Place) {
        let buffer = &mut self.paths[index];
        let mut used = 0;
        let family = (libc::AF_UNIX as u16).to_ne_bytes();
        let slash: &[u8] = if place.slash { b"/" } else { b"" };
        for part in [if socket { &family[..] } else { b"" }, arena, b"/", &place.path, slash, b"\0"] {
            let Some(room) = buffer.get_mut(used..used + part.len()) else {
                return;
            };
            room.copy_from_slice(part);
            used += part.len();
        }
        self.redirects[index] = Some(at);
        if socket {
            self.raw.args[at + 1] = used as u64;
        }
    }

    pub(super) fn set_open_flag(&mut self, flag: i32, on: bool) {
        let flags = match (self.flags_at, self.how_at) {
            (Some(at), _) => &mut self.raw.args[at],
            (None, Some(_)) => &mut self.how[0],
            (None, None) => return,
        };
        *flags = if on { *flags | flag as u64 } else { *flags & !(flag as u64) };
    }

    /// The arguments as they stand, with the addresses of this struct's buffers; it must not move afterwards.
    pub(super) fn raw(&self) -> RawCall {
        let mut raw = self.raw;
        for (path, at) in self.paths.iter().zip(self.redirects) {
            if let Some(at) = at {
                raw.args[at] = path.as_ptr() as u64;
            }
        }
        if let Some(at) = self.how_at {
            raw.args[at] = self.how.as_ptr() as u64;
            raw.args[at + 1] = 24;
        }
        raw
    }
}
