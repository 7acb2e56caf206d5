//! open(2): in the order in which Linux looks at things, which decides what errno it is.

use super::access::Access;
use super::call::{Call, Place, Reply};
use super::node::{Ino, Kind, Node};
use super::process::{Open, Task};
use super::walk::{Last, Walk, find};
use super::{Model, change_names};
use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

/// The bit of O_TMPFILE that is not O_DIRECTORY.
const UNNAMED: OFlags = OFlags::TMPFILE.difference(OFlags::DIRECTORY);

/// The walk of an open with these flags.
pub(super) fn set_out(model: &Model, task: Task, place: &Place, flags: OFlags) -> Result<Walk> {
    let both = |a, b| flags.contains(a) && flags.contains(b);
    let path_only = flags.contains(OFlags::PATH);
    if !path_only && flags.intersects(UNNAMED) {
        let whole = flags.contains(OFlags::TMPFILE) && !flags.contains(OFlags::CREATE);
        if !whole || flags & OFlags::RWMODE == OFlags::RDONLY {
            return Err(Errno::INVAL);
        }
    } else if !path_only && both(OFlags::CREATE, OFlags::DIRECTORY) {
        return Err(Errno::INVAL);
    }
    let exclusive = !path_only && both(OFlags::CREATE, OFlags::EXCL);
    let mut walk = Walk::begin(model, task, place, !flags.contains(OFlags::NOFOLLOW) && !exclusive)?;
    walk.wants_dir = flags.contains(OFlags::DIRECTORY);
    Ok(walk)
}

/// What an open asks of a file that is there.
fn access(flags: OFlags) -> Access {
    let asks = match flags & OFlags::RWMODE {
        OFlags::WRONLY => Access::WRITE,
        OFlags::RDWR => Access::READ | Access::WRITE,
        _ => Access::READ,
    };
    if flags.contains(OFlags::TRUNC) { asks | Access::WRITE } else { asks }
}

/// The step at the last name: opens, or makes, or goes on to where a link leads, which is `None`.
pub(super) fn open(model: &mut Model, task: Task, walk: &mut Walk, call: &Call) -> Result<Option<Reply>> {
    let Call::Open { flags, mode, .. } = call else { return Err(Errno::INVAL) };
    let flags = *flags;
    let path_only = flags.contains(OFlags::PATH);
    if !path_only && flags.contains(OFlags::TMPFILE) {
        let Some(dir) = walk.resolve(model, task)? else { return Ok(None) };
        return unnamed(model, task, dir, flags, *mode).map(Some);
    }
    let creates = flags.contains(OFlags::CREATE) && !path_only;
    let found = match walk.last() {
        Last::Name(_) if creates && walk.slash => return Err(Errno::ISDIR),
        Last::Name(name) => {
            walk.heed_slash();
            match find(model, walk.at, &name)? {
                Some(found) => found,
                None if creates => return create(model, task, walk.at, &name, call).map(Some),
                None => return Err(Errno::NOENT),
            }
        }
        Last::Dot | Last::DotDot | Last::Root => walk.dots(model),
    };
    if walk.follows(model, task, found)? {
        return Ok(None);
    }
    if creates {
        may_use(model, task, walk.at, found, flags)?;
    }
    if walk.wants_dir && !model.node(found).is_dir() {
        return Err(Errno::NOTDIR);
    }
    open_found(model, task, found, flags).map(Some)
}

/// What stands in the way of an open that might have made a file.
fn may_use(model: &Model, task: Task, dir: Ino, found: Ino, flags: OFlags) -> Result<()> {
    let node = model.node(found);
    match () {
        () if flags.contains(OFlags::EXCL) => Err(Errno::EXIST),
        () if node.is_dir() => Err(Errno::ISDIR),
        () => model.guards.may_use(model.process(task), model.node(dir), node),
    }
}

fn open_found(model: &mut Model, task: Task, found: Ino, flags: OFlags) -> Result<Reply> {
    if flags.contains(OFlags::PATH) {
        return Ok(descriptor(model, task, found, flags));
    }
    let access = access(flags);
    match model.node(found).kind {
        Kind::Symlink(_) => return Err(Errno::LOOP),
        Kind::Directory { .. } if access.wants(Access::WRITE) => return Err(Errno::ISDIR),
        _ => model.may(task, found, access)?,
    }
    match &mut model.alter_if(found, flags.contains(OFlags::TRUNC)).kind {
        Kind::Socket => return Err(Errno::NXIO),
        Kind::Fifo => return open_fifo(model, task, found, flags),
        Kind::File { content, .. } if flags.contains(OFlags::TRUNC) => content.clear(),
        _ => {}
    }
    Ok(descriptor(model, task, found, flags))
}

/// fifo(7): who opens one end waits for the other.
fn open_fifo(model: &mut Model, task: Task, found: Ino, flags: OFlags) -> Result<Reply> {
    let opened = || model.processes.iter().flat_map(|process| process.open.values());
    let peer = |wanted: fn(&Open) -> bool| opened().any(|open| open.node == found && wanted(open));
    let waits = match flags & OFlags::RWMODE {
        OFlags::RDWR => false,
        OFlags::WRONLY => !peer(|open| open.reads),
        _ => !peer(|open| open.writes),
    };
    match (waits, flags.contains(OFlags::NONBLOCK), flags & OFlags::RWMODE) {
        (true, true, OFlags::WRONLY) => Err(Errno::NXIO),
        (true, false, _) => Ok(Reply::Blocks),
        _ => Ok(descriptor(model, task, found, flags)),
    }
}

fn create(model: &mut Model, task: Task, dir: Ino, name: &[u8], call: &Call) -> Result<Reply> {
    let Call::Open { flags, mode, .. } = call else { return Err(Errno::INVAL) };
    if model.node(dir).is_dead() {
        return Err(Errno::NOENT);
    }
    change_names(model, task, dir)?;
    let made = model.make(task, Kind::file(), *mode);
    model.enter_name(dir, name, made);
    Ok(descriptor(model, task, made, *flags))
}

fn unnamed(model: &mut Model, task: Task, dir: Ino, flags: OFlags, mode: u32) -> Result<Reply> {
    change_names(model, task, dir)?;
    let linkable = !flags.contains(OFlags::EXCL);
    let made = model.make(task, Kind::File { content: Vec::new(), linkable }, mode);
    model.alter(made).links = 0;
    Ok(descriptor(model, task, made, flags))
}

fn descriptor(model: &mut Model, task: Task, node: Ino, flags: OFlags) -> Reply {
    let place_only = flags.contains(OFlags::PATH);
    let way = flags & OFlags::RWMODE;
    let (reads, writes) = (!place_only && way != OFlags::WRONLY, !place_only && way != OFlags::RDONLY);
    let appends = flags.contains(OFlags::APPEND);
    Reply::Descriptor(model.process_mut(task).add(Open {
        node,
        reads,
        writes,
        appends,
        place_only,
        position: 0,
    }))
}

impl Model {
    /// A new node of this process, which has no name yet.
    pub(super) fn make(&mut self, task: Task, kind: Kind, mode: u32) -> Ino {
        let Self { processes, .. } = self;
        let who = &processes[task.0];
        let node = Node::new(kind, mode & 0o1777 & !who.umask, who.uid, who.gid);
        self.add(node)
    }

    /// The node, of which something is to change if that is so.
    fn alter_if(&mut self, ino: Ino, changes: bool) -> &mut Node {
        if !changes {
            return &mut self.nodes[ino.0];
        }
        let node = self.alter(ino);
        node.changed = node.altered;
        node
    }
}
