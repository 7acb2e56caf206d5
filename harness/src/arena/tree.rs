//! What stands in an arena at one moment, and who made it. Owns looking and comparing, not judging.
//!
//! A tree is filled while the victim may be held inside malloc, so it lives in buffers that are made beforehand and
//! says so when they are too small. Entries are told apart by device, inode number and birth time, because ext4 and
//! XFS hand out a freed inode number again at once.

use crate::model::Status;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Statx, StatxFlags, openat, statx};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

/// Who made an entry, or gave it its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// Stood there before the trial: canaries and staged files.
    Stage,
    /// The victim.
    Victim,
    /// The second copy of the victim, where there are two.
    Second,
    /// The attacker.
    Attacker,
}

impl Maker {
    /// True for the victim, whichever copy of it.
    pub(crate) fn is_victim(self) -> bool {
        matches!(self, Maker::Victim | Maker::Second)
    }
}

/// What tells one file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ident {
    /// Device number.
    pub(crate) dev: u64,
    /// Inode number.
    pub(crate) ino: u64,
    /// Birth time in nanoseconds, 0 where the file system has none.
    pub(crate) born: i128,
}

/// One entry of the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    path: (u32, u32),
    /// Identity of the file behind the name.
    pub(crate) ident: Ident,
    /// File type.
    pub(crate) kind: FileType,
    /// Permission bits, with set-id and sticky bits.
    pub(crate) mode: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Number of hard links.
    pub(crate) links: u32,
    /// Last time that it was read, as far as the file system keeps it, nanoseconds.
    pub(crate) atime: i128,
    /// Last change of the content, nanoseconds.
    pub(crate) mtime: i128,
    /// Last change of anything, nanoseconds.
    pub(crate) ctime: i128,
    /// Who made the file.
    pub(crate) maker: Maker,
    /// Who gave it this name.
    pub(crate) namer: Maker,
    /// Others could open it for reading at some step.
    pub(crate) exposed: bool,
}

impl Entry {
    /// An entry that was not read from a disk, last read, written and changed at these times.
    pub(crate) fn known(ident: Ident, status: &Status, times: [u64; 3]) -> Entry {
        let Status { kind, mode, uid, gid, links, size, .. } = *status;
        let [atime, mtime, ctime] = times.map(i128::from);
        let (path, maker, namer, exposed) = ((0, 0), Maker::Stage, Maker::Stage, false);
        Entry { path, ident, kind, mode, uid, gid, size, links, atime, mtime, ctime, maker, namer, exposed }
    }

    /// True for a directory.
    pub(crate) fn is_dir(&self) -> bool {
        self.kind == FileType::Directory
    }

    /// `here` is the same file at the same path before, `known` the same file anywhere before.
    fn credit(&mut self, here: Option<&Entry>, known: Option<&Entry>, actor: Maker) {
        self.namer = here.map_or(actor, |was| was.namer);
        self.maker = known.map_or(actor, |was| was.maker);
        self.exposed = known.is_some_and(|was| was.exposed);
    }

    pub(super) fn same_state(&self, other: &Entry) -> bool {
        let same =
            (self.ident, self.mode, self.uid, self.gid) == (other.ident, other.mode, other.uid, other.gid);
        let content = |e: &Entry| (e.size, e.links, e.mtime);
        // What changes in a directory is told by its entries.
        same && (self.is_dir() || content(self) == content(other))
    }
}

/// One difference between two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A name that was not there.
    Appeared,
    /// A name that is gone.
    Vanished,
    /// Content or size.
    Content,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Something that has no field here, such as extended attributes; also told when a name was moved away and back.
    Attributes,
}

/// All entries of the arena at one moment, sorted by path.
#[derive(Debug)]
pub(crate) struct Tree {
    names: Vec<u8>,
    entries: Vec<Entry>,
    full: bool,
}

/// Entries a tree can hold; a victim with more gets an inconclusive verdict, not a wrong one.
const MOST_ENTRIES: usize = 4096;
const NAME_BYTES: usize = 256 * 1024;

impl Default for Tree {
    fn default() -> Tree {
        Tree { names: Vec::with_capacity(NAME_BYTES), entries: Vec::with_capacity(MOST_ENTRIES), full: false }
    }
}

impl Tree {
    /// Becomes a copy of `other` within the buffers that are there.
    pub(crate) fn copy_from(&mut self, other: &Tree) {
        self.names.clone_from(&other.names);
        self.entries.clone_from(&other.entries);
        self.full = other.full;
    }

    /// The entries, sorted by path.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The path of an entry of this tree, relative to the arena: `shared/x`.
    pub(crate) fn path(&self, entry: &Entry) -> &[u8] {
        &self.names[entry.path.0 as usize..entry.path.1 as usize]
    }

    /// The entry at a path.
    pub(crate) fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.position(path).map(|at| &self.entries[at])
    }

    /// The directory that holds `path`, as an entry; `None` for the top of a space.
    pub(crate) fn parent(&self, path: &[u8]) -> Option<&Entry> {
        let slash = path.iter().rposition(|&b| b == b'/')?;
        self.get(&path[..slash])
    }

    /// Any entry with this identity.
    pub(crate) fn by_ident(&self, ident: Ident) -> Option<&Entry> {
        self.entries.iter().find(|e| e.ident == ident)
    }

    /// True when the buffers were too small, so that something was not seen.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    fn position(&self, path: &[u8]) -> Option<usize> {
        self.entries.binary_search_by(|e| self.path(e).cmp(path)).ok()
    }

    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
        self.full = false;
    }

    /// Adds `top` and everything below it. `root` is the arena. Call [`Tree::finish`] when all is added.
    pub(crate) fn add(&mut self, root: BorrowedFd<'_>, top: &CStr) {
        let first = self.entries.len();
        self.add_entry(root, None, top);
        let mut at = first;
        while at < self.entries.len() {
            if self.entries[at].is_dir() {
                self.list(root, at);
            }
            at += 1;
        }
    }

    /// Adds what `other` has below `top`, without looking at the disk.
    pub(crate) fn add_from(&mut self, other: &Tree, top: &[u8]) {
        for entry in other.entries.iter().filter(|e| is_below(other.path(e), top)) {
            self.push(None, other.path(entry), *entry);
        }
    }

    /// Adds an entry that was not read from a disk. Call [`Tree::finish`] when all is added.
    pub(crate) fn put(&mut self, path: &[u8], entry: Entry) {
        self.push(None, path, entry);
    }

    /// Brings one entry up to date, for when nothing else can have changed.
    pub(crate) fn refresh(&mut self, root: BorrowedFd<'_>, path: &[u8]) {
        let mut name = [0u8; PATH_BYTES];
        let Some(c_path) = copy_path(&mut name, &[], path) else {
            self.full = true;
            return;
        };
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let found = statx(root, c_path, AtFlags::SYMLINK_NOFOLLOW, wanted).ok().map(|found| entry_of(&found));
        self.set(path, found);
    }

    /// The same with what stands there now, for who knows.
    pub(crate) fn set(&mut self, path: &[u8], found: Option<Entry>) {
        match (self.entries.binary_search_by(|e| self.path(e).cmp(path)), found) {
            (Ok(at), Some(entry)) => self.entries[at] = Entry { path: self.entries[at].path, ..entry },
            (Ok(at), None) => drop(self.entries.remove(at)),
            (Err(at), Some(entry)) => {
                self.push(None, path, entry);
                if !self.full {
                    self.entries[at..].rotate_right(1);
                }
            }
            (Err(_), None) => {}
        }
    }

    /// True when no link stands on the way to `path` or at it, so that a call which names it concerns nothing else.
    pub(crate) fn is_direct(&self, path: &[u8]) -> bool {
        let linked = |e: &Entry| e.kind == FileType::Symlink || (!e.is_dir() && e.links > 1);
        !self.dirs_above(path).chain(self.get(path)).any(linked)
    }

    pub(crate) fn finish(&mut self) {
        let names = &self.names;
        let path = |e: &Entry| &names[e.path.0 as usize..e.path.1 as usize];
        self.entries.sort_unstable_by(|a, b| path(a).cmp(path(b)));
    }

    fn list(&mut self, root: BorrowedFd<'_>, at: usize) {
        let (start, end) = self.entries[at].path;
        let mut name = [0u8; PATH_BYTES];
        let Some(dir) = copy_path(&mut name, &[], &self.names[start as usize..end as usize]) else {
            self.full = true;
            return;
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOATIME;
        let opened = openat(root, dir, flags, Mode::empty())
            .or_else(|_| openat(root, dir, flags - OFlags::NOATIME, Mode::empty()));
        let fd = match opened {
            Ok(fd) => fd,
            // What cannot be seen must not look like nothing.
            Err(e) => return self.full |= e == rustix::io::Errno::ACCESS,
        };
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        let mut listing = RawDir::new(&fd, &mut buffer);
        while let Some(Ok(found)) = listing.next() {
            let child = found.file_name();
            if child != c"." && child != c".." {
                self.add_entry(fd.as_fd(), Some((start, end)), child);
            }
        }
    }

    /// Adds the entry `name` of the directory `dir`, which is the one whose path stands at `parent`.
    fn add_entry(&mut self, dir: BorrowedFd<'_>, parent: Option<(u32, u32)>, name: &CStr) {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        if let Ok(found) = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, wanted) {
            self.push(parent, name.to_bytes(), entry_of(&found));
        }
    }

    /// `parent` is where in the buffer of names the path of the directory stands, if the path has one to be added.
    fn push(&mut self, parent: Option<(u32, u32)>, child: &[u8], mut entry: Entry) {
        let above = parent.map_or(0, |(start, end)| (end - start + 1) as usize);
        let room = self.names.capacity() - self.names.len();
        // One more for the NUL that a path ends with.
        let long = above + child.len() + 1 > PATH_BYTES;
        if self.entries.len() == MOST_ENTRIES || room < above + child.len() || long {
            self.full = true;
            return;
        }
        let start = self.names.len() as u32;
        if let Some((from, to)) = parent {
            self.names.extend_from_within(from as usize..to as usize);
            self.names.push(b'/');
        }
        self.names.extend_from_slice(child);
        entry.path = (start, self.names.len() as u32);
        self.entries.push(entry);
    }

    /// Carries over who made what from the tree before, tells `each` difference, and credits `actor` with it.
    pub(crate) fn succeed(&mut self, before: &Tree, actor: Maker, mut each: impl FnMut(Difference<'_>)) {
        self.credit(before, actor);
        self.expose();
        let (mut old, mut new) = (before.entries.iter().peekable(), self.entries.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => before.path(a).cmp(self.path(b)),
            };
            let was = if order.is_le() { old.next() } else { None };
            let is = if order.is_ge() { new.next() } else { None };
            let path = was.map(|was| before.path(was)).or(is.map(|is| self.path(is))).unwrap_or_default();
            compare(path, was, is, &mut each);
        }
    }

    /// The same for one entry that was just brought up to date ([`Tree::refresh`]) where nothing else can have changed;
    /// `was` is what stood there before.
    pub(crate) fn succeed_at(
        &mut self,
        path: &[u8],
        was: Option<Entry>,
        actor: Maker,
        mut each: impl FnMut(&Tree, Difference<'_>),
    ) {
        let at = self.position(path);
        if let Some(at) = at {
            self.credit_one(at, was, actor);
            let opens_way = |is: &Entry| is.is_dir() && was.is_none_or(|was| was.mode != is.mode);
            if opens_way(&self.entries[at]) { self.expose() } else { self.expose_one(at) }
        }
        let is = at.map(|at| &self.entries[at]);
        compare(path, was.as_ref(), is, |told| each(self, told));
    }

    fn credit(&mut self, before: &Tree, actor: Maker) {
        // Both are sorted, so what stood at a path is never before what stood at the path before it.
        let mut old = before.entries.as_slice();
        for at in 0..self.entries.len() {
            let mut entry = self.entries[at];
            let path = self.path(&entry);
            let passed = old.iter().take_while(|was| before.path(was) < path).count();
            old = &old[passed..];
            let here = old.first().filter(|was| was.ident == entry.ident && before.path(was) == path);
            entry.credit(here, here.or_else(|| before.by_ident(entry.ident)), actor);
            self.entries[at] = entry;
        }
    }

    fn credit_one(&mut self, at: usize, was: Option<Entry>, actor: Maker) {
        let mut entry = self.entries[at];
        let here = was.filter(|was| was.ident == entry.ident);
        let elsewhere = || self.entries.iter().enumerate().find(|(n, e)| *n != at && e.ident == entry.ident);
        let known = here.or_else(|| elsewhere().map(|(_, entry)| *entry));
        entry.credit(here.as_ref(), known.as_ref(), actor);
        self.entries[at] = entry;
    }

    /// Marks the files that others can open for reading now, their directories considered.
    fn expose(&mut self) {
        (0..self.entries.len()).for_each(|at| self.expose_one(at));
    }

    fn expose_one(&mut self, at: usize) {
        let entry = self.entries[at];
        if !entry.exposed && entry.mode & 0o004 != 0 && self.reachable(self.path(&entry)) {
            self.entries[at].exposed = true;
        }
    }

    /// True when others may search every directory on the way to `path`.
    pub(crate) fn reachable(&self, path: &[u8]) -> bool {
        let depth = path.iter().filter(|&&b| b == b'/').count();
        self.dirs_above(path).filter(|dir| dir.mode & 0o001 != 0).count() == depth
    }

    /// The directories on the way to `path`, from the top down; one that is not there is left out.
    pub(crate) fn dirs_above<'a>(&'a self, path: &'a [u8]) -> impl Iterator<Item = &'a Entry> {
        let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
        slashes.filter_map(move |(at, _)| self.get(&path[..at]))
    }

    /// True when `other` holds the same entries in the same state; who made them does not count.
    #[cfg(test)]
    pub(crate) fn same_as(&self, other: &Tree) -> bool {
        let same = |(a, b): (&Entry, &Entry)| self.path(a) == other.path(b) && a.same_state(b);
        self.entries.len() == other.entries.len() && self.entries.iter().zip(&other.entries).all(same)
    }

    /// Declares an entry to be the attacker's own, unless the setup has put another there: one of another owner than
    /// the attacker has, where it has a uid of its own.
    pub(crate) fn give_to_attacker(&mut self, path: &[u8], uid: Option<u32>) {
        if let Some(at) = self.position(path)
            && uid.is_none_or(|uid| uid == self.entries[at].uid)
        {
            (self.entries[at].maker, self.entries[at].namer) = (Maker::Attacker, Maker::Attacker);
        }
    }

    /// Declares everything here to be part of the stage.
    pub(crate) fn settle(&mut self) {
        for entry in &mut self.entries {
            (entry.maker, entry.namer, entry.exposed) = (Maker::Stage, Maker::Stage, false);
        }
    }
}

/// Tells what has become of the entry at a path.
fn compare<'a>(
    path: &'a [u8],
    was: Option<&'a Entry>,
    is: Option<&'a Entry>,
    mut each: impl FnMut(Difference<'a>),
) {
    let mut tell = |what, was, is| each(Difference { path, what, was, is });
    match (was, is) {
        (Some(a), Some(b)) if a.same_state(b) => {
            if a.ctime != b.ctime && !b.is_dir() {
                tell(What::Attributes, was, is);
            }
        }
        (Some(a), Some(b)) if a.ident == b.ident => {
            let content = a.size != b.size || a.mtime != b.mtime;
            let told = [
                (content && !b.is_dir(), What::Content),
                (a.mode != b.mode, What::Mode),
                ((a.uid, a.gid) != (b.uid, b.gid), What::Owner),
            ];
            told.into_iter().filter(|(differs, _)| *differs).for_each(|(_, what)| tell(what, was, is));
        }
        _ => {
            if was.is_some() {
                tell(What::Vanished, was, None);
            }
            if is.is_some() {
                tell(What::Appeared, None, is);
            }
        }
    }
}

/// One difference between two trees, as told by [`Tree::succeed`].
pub(crate) struct Difference<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) what: What,
    pub(crate) was: Option<&'a Entry>,
    pub(crate) is: Option<&'a Entry>,
}

/// True for `top` itself and all below it.
pub(crate) fn is_below(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Longest path inside an arena that is looked at.
pub(crate) const PATH_BYTES: usize = 4096;

/// Writes `parent/child` and a NUL into `into`; `None` when it does not fit or holds a NUL.
pub(crate) fn copy_path<'a>(into: &'a mut [u8; PATH_BYTES], parent: &[u8], child: &[u8]) -> Option<&'a CStr> {
    let mut at = 0;
    for part in [parent, if parent.is_empty() { b"" } else { b"/" }, child] {
        into.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    *into.get_mut(at)? = 0;
    CStr::from_bytes_with_nul(&into[..=at]).ok()
}

pub(crate) fn ident_of(found: &Statx) -> Ident {
    Ident {
        dev: u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor),
        ino: found.stx_ino,
        born: nanoseconds(found.stx_btime.tv_sec, found.stx_btime.tv_nsec),
    }
}

pub(crate) fn entry_of(found: &Statx) -> Entry {
    Entry {
        path: (0, 0),
        ident: ident_of(found),
        kind: FileType::from_raw_mode(u32::from(found.stx_mode)),
        mode: u32::from(found.stx_mode) & 0o7777,
        uid: found.stx_uid,
        gid: found.stx_gid,
        size: found.stx_size,
        links: found.stx_nlink,
        atime: nanoseconds(found.stx_atime.tv_sec, found.stx_atime.tv_nsec),
        mtime: nanoseconds(found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
        ctime: nanoseconds(found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
        maker: Maker::Stage,
        namer: Maker::Stage,
        exposed: false,
    }
}

fn nanoseconds(seconds: i64, nanoseconds: u32) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}
