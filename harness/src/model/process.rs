//! Who makes calls: credentials, umask, and the descriptors that are open.

use super::call::Fd;
use super::node::Ino;
use std::collections::BTreeMap;

/// A process of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task(pub(super) usize);

/// An open file.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) node: Ino,
    pub(super) reads: bool,
    pub(super) writes: bool,
    pub(super) appends: bool,
    /// Made with O_PATH: it stands for a place and nothing can be done with the file.
    pub(super) place_only: bool,
    pub(super) position: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) umask: u32,
    /// Where paths begin.
    pub(super) cwd: Ino,
    pub(super) open: BTreeMap<Fd, Open>,
}

impl Process {
    pub(super) fn new(uid: u32, gid: u32, umask: u32) -> Process {
        Process { uid, gid, umask, cwd: Ino(0), open: BTreeMap::new() }
    }

    /// Opens with the lowest number that is free.
    pub(super) fn add(&mut self, open: Open) -> Fd {
        let free = |number: &u32| !self.open.contains_key(&Fd(*number));
        let fd = Fd((Fd::FIRST..).find(free).unwrap_or(u32::MAX));
        self.open.insert(fd, open);
        fd
    }
}
