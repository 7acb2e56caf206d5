//! The descriptors of the arena that a task, held at execve(2), would hand to the program it starts. Owns finding them,
//! not who made what they lead to. Nothing here allocates: what is held may be a child of this process.

use crate::arena::tree::{Ident, PATH_BYTES, copy_path, ident_of};
use rustix::fs::{AtFlags, CWD, FileType, StatxFlags, statx};
use std::ffi::CStr;
use std::os::fd::BorrowedFd;

const MOST: usize = 256;
const TEXT_BYTES: usize = 64 * 1024;

/// Descriptors that stay open in the new program, those of its standard streams apart.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    /// Which file each leads to, and where in `text` its path ends.
    all: Vec<(Ident, usize)>,
    text: Vec<u8>,
    /// There were more than fit.
    pub(crate) full: bool,
}

impl Default for Handed {
    fn default() -> Handed {
        Handed { all: Vec::with_capacity(MOST), text: Vec::with_capacity(TEXT_BYTES), full: false }
    }
}

impl Handed {
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.text.clear();
        self.full = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && !self.full
    }

    pub(super) fn push(&mut self, ident: Ident, path: &[u8]) {
        if self.all.len() == MOST || self.text.len() + path.len() > TEXT_BYTES {
            self.full = true;
            return;
        }
        self.text.extend_from_slice(path);
        self.all.push((ident, self.text.len()));
    }

    /// What they lead to, with the path, relative to the arena.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ident, &[u8])> {
        let starts = std::iter::once(0).chain(self.all.iter().map(|(_, end)| *end));
        starts.zip(&self.all).map(|(start, (ident, end))| (*ident, &self.text[start..*end]))
    }
}

/// True when a program stands there: execvp(3) asks for one in every directory of `PATH`.
pub(super) fn is_program(top: &[u8], path: &[u8]) -> bool {
    let mut buffer = [0; PATH_BYTES];
    let path = copy_path(&mut buffer, top, path);
    let found = path.and_then(|path| statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS).ok());
    found.is_some_and(|found| {
        let mode = u32::from(found.stx_mode);
        FileType::from_raw_mode(mode) == FileType::RegularFile && mode & 0o111 != 0
    })
}

/// What the file behind an entry of `/proc/PID/fd` is.
pub(super) fn ident_behind(dir: BorrowedFd<'_>, name: &CStr) -> Option<Ident> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    statx(dir, name, AtFlags::empty(), wanted).ok().map(|found| ident_of(&found))
}
