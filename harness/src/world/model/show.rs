//! What a model looks like to those who stop and look: its calls as stops, its nodes as a tree of the arena.

use crate::arena::sight::Sight;
use crate::arena::tree::{Entry, Ident, Tree};
use crate::model::{ALWAYS, Call, Fd, Ino, Kind, Model, Pending, Place, Task};
use crate::world::calls::Sys;
use crate::world::decode::normalise;
use crate::world::stop::{Space, Stop};
use rustix::fs::AtFlags;

/// What a file without a name is called, as everywhere.
const UNNAMED: &[u8] = b"shared/(unnamed)";

/// Writes a call into a stop; false for one that nobody is stopped at.
pub(super) fn call(model: &Model, task: Task, call: &Call, stop: &mut Stop) -> bool {
    let Some(sys) = Sys::named(name(call)) else { return false };
    (stop.sys, stop.count, stop.flags, stop.mode, stop.length) = (sys, 0, 0, 0, 0);
    let no_follow = |follow: bool| if follow { 0 } else { AtFlags::SYMLINK_NOFOLLOW.bits() };
    match call {
        Call::Open { at, flags, mode } => {
            (stop.flags, stop.mode) = ((*flags | ALWAYS).bits(), *mode);
            place(model, task, at, stop);
        }
        Call::Mkdir { at, mode } | Call::Chmod { at, mode } => {
            stop.mode = *mode;
            place(model, task, at, stop);
        }
        Call::Mkfifo { at, mode } => {
            stop.mode = *mode | libc::S_IFIFO;
            place(model, task, at, stop);
        }
        Call::Mksocket { at, mode } => {
            stop.mode = *mode | libc::S_IFSOCK;
            place(model, task, at, stop);
        }
        Call::Symlink { at, .. } | Call::Unlink { at } | Call::Readlink { at } => {
            place(model, task, at, stop);
        }
        Call::Rmdir { at } => {
            stop.flags = AtFlags::REMOVEDIR.bits();
            place(model, task, at, stop);
        }
        Call::Stat { at, follow } | Call::Chown { at, follow, .. } => {
            stop.flags = no_follow(*follow);
            place(model, task, at, stop);
        }
        Call::Link { from, to, follow } => {
            stop.flags = if *follow { AtFlags::SYMLINK_FOLLOW.bits() } else { 0 };
            place(model, task, from, stop);
            place(model, task, to, stop);
        }
        Call::LinkOpen { file, to } => {
            stop.flags = AtFlags::SYMLINK_FOLLOW.bits();
            open_file(model, task, *file, stop);
            place(model, task, to, stop);
        }
        Call::Rename { from, to, flags } => {
            stop.flags = flags.bits();
            place(model, task, from, stop);
            place(model, task, to, stop);
        }
        Call::Write { file, bytes } => {
            stop.length = bytes.len() as u64;
            open_file(model, task, *file, stop);
        }
        Call::Truncate { file, length } => {
            stop.length = *length as u64;
            open_file(model, task, *file, stop);
        }
        Call::Fchmod { file, mode } => {
            stop.mode = *mode;
            open_file(model, task, *file, stop);
        }
        Call::Fchown { file, .. } | Call::List { file } | Call::Close { file } => {
            open_file(model, task, *file, stop);
        }
        Call::Fstat { .. } | Call::Read { .. } | Call::Seek { .. } | Call::Umask { .. } => return false,
    }
    stop.touches_arena()
}

/// The kernel's name of a call.
fn name(call: &Call) -> &'static str {
    match call {
        Call::Open { .. } => "openat",
        Call::Mkdir { .. } => "mkdirat",
        Call::Mkfifo { .. } | Call::Mksocket { .. } => "mknodat",
        Call::Symlink { .. } => "symlinkat",
        Call::Link { .. } | Call::LinkOpen { .. } => "linkat",
        Call::Unlink { .. } | Call::Rmdir { .. } => "unlinkat",
        Call::Rename { .. } => "renameat2",
        Call::Chmod { .. } => "fchmodat",
        Call::Fchmod { .. } => "fchmod",
        Call::Chown { .. } => "fchownat",
        Call::Fchown { .. } => "fchown",
        Call::Stat { .. } => "newfstatat",
        Call::Readlink { .. } => "readlinkat",
        Call::Write { .. } => "write",
        Call::Truncate { .. } => "ftruncate",
        Call::List { .. } => "getdents64",
        Call::Close { .. } => "close",
        Call::Fstat { .. } | Call::Read { .. } | Call::Seek { .. } | Call::Umask { .. } => "",
    }
}

/// Writes the name that a walk looks up next into a stop.
pub(super) fn lookup(model: &Model, pending: &Pending, stop: &mut Stop) {
    (stop.sys, stop.count, stop.flags, stop.mode, stop.length) = (&LOOKUP, 0, 0, 0, 0);
    let Some((dir, name)) = model.held_at(pending) else { return };
    let path = [&path_of(model, dir), b"/".as_slice(), &name].concat();
    add(path, false, stop);
}

/// Not in the table of calls that are watched: no kernel stops there.
static LOOKUP: Sys = Sys::lookup();

fn place(model: &Model, task: Task, at: &Place, stop: &mut Stop) {
    let above = match at.dir {
        _ if at.path.first() == Some(&b'/') => Vec::new(),
        None => path_of(model, model.directory(task)),
        Some(dir) => model.behind(task, dir).map(|ino| path_of(model, ino)).unwrap_or_default(),
    };
    add([&above, b"/".as_slice(), &at.path].concat(), false, stop);
}

fn open_file(model: &Model, task: Task, file: Fd, stop: &mut Stop) {
    let Some(ino) = model.behind(task, file) else { return };
    add(path_of(model, ino), true, stop);
}

fn add(mut path: Vec<u8>, by_descriptor: bool, stop: &mut Stop) {
    let Some(place) = stop.places.get_mut(stop.count) else { return };
    place.climbs = !by_descriptor && path.split(|&byte| byte == b'/').any(|name| name == b"..");
    normalise(&mut path);
    let inside = path.strip_prefix(b"/").unwrap_or_default();
    let space = ["shared", "outside", "private"].iter().any(|top| inside.starts_with(top.as_bytes()));
    place.space = if space { Space::Arena } else { Space::Elsewhere };
    place.path.clear();
    place.path.extend_from_slice(if space { inside } else { &path });
    (place.redirect, place.by_descriptor) = (None, by_descriptor);
    stop.count += 1;
}

/// A path that leads to a node: through all directories, by the first name in each.
fn path_of(model: &Model, ino: Ino) -> Vec<u8> {
    let found = model.all().into_iter().find(|(_, known)| *known == ino).map(|(path, _)| path);
    found.unwrap_or_else(|| [b"/".as_slice(), UNNAMED].concat())
}

pub(super) fn ident(ino: Ino) -> Ident {
    Ident { dev: 0, ino: ino.number() as u64 + 1, born: 0 }
}

/// Shows all of the arena.
pub(super) fn tree(model: &Model, tree: &mut Tree) {
    tree.clear();
    for (path, ino) in model.all() {
        let path = path.strip_prefix(b"/").unwrap_or(&path);
        if path.starts_with(b"shared") || path.starts_with(b"outside") {
            tree.put(path, Entry::known(ident(ino), &model.status(ino), model.times(ino)));
        }
    }
    tree.finish();
}

/// What another process reads at a path.
pub(super) fn sight(model: &Model, path: &[u8]) -> Sight {
    let found = model.all().into_iter().find(|(known, _)| known.strip_prefix(b"/") == Some(path));
    match found.map(|(_, ino)| model.kind(ino)) {
        None => Sight::Absent,
        Some(Kind::File { content, .. }) => Sight::of_bytes(content),
        Some(_) => Sight::Unknown,
    }
}
