//! What stands in a file system: nodes, which names lead to.

use std::collections::BTreeMap;

/// Number of a node. None is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub(super) usize);

impl Ino {
    /// The number, from 0 for the root.
    #[must_use]
    pub fn number(self) -> usize {
        self.0
    }
}

/// What a node is, with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory {
        /// Its names.
        entries: BTreeMap<Vec<u8>, Ino>,
        /// Where `..` leads.
        parent: Ino,
    },
    /// A regular file.
    File {
        /// What is in it.
        content: Vec<u8>,
        /// It may be given a name although it has none.
        linkable: bool,
    },
    /// A symbolic link, and where it points.
    Symlink(Vec<u8>),
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
}

impl Kind {
    pub(super) fn directory(parent: Ino) -> Kind {
        Kind::Directory { entries: BTreeMap::new(), parent }
    }

    pub(super) fn file() -> Kind {
        Kind::File { content: Vec::new(), linkable: false }
    }
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Names that lead here; of a directory only whether one does.
    pub(super) links: u32,
    /// When the content was read last.
    pub(super) read: u64,
    /// When the content changed last.
    pub(super) changed: u64,
    /// When anything changed last.
    pub(super) altered: u64,
}

impl Node {
    pub(super) fn new(kind: Kind, mode: u32, uid: u32, gid: u32) -> Node {
        Node { kind, mode, uid, gid, links: 1, read: 0, changed: 0, altered: 0 }
    }

    pub(super) fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// True for a directory that was removed while someone was in it.
    pub(super) fn is_dead(&self) -> bool {
        self.links == 0
    }

    pub(super) fn entries(&self) -> Option<&BTreeMap<Vec<u8>, Ino>> {
        if let Kind::Directory { entries, .. } = &self.kind { Some(entries) } else { None }
    }

    pub(super) fn entries_mut(&mut self) -> Option<&mut BTreeMap<Vec<u8>, Ino>> {
        if let Kind::Directory { entries, .. } = &mut self.kind { Some(entries) } else { None }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.kind {
            Kind::File { content, .. } => content.len() as u64,
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory { .. } | Kind::Fifo | Kind::Socket => 0,
        }
    }
}
