//! From a path to a place, one name a step (path_resolution(7)). Between two steps others may act.

use super::access::Access;
use super::call::Place;
use super::node::{Ino, Kind};
use super::process::Task;
use super::{Model, NOT_OPEN};
use rustix::io::{Errno, Result};

/// Links that are followed on one walk.
const MOST_LINKS: u32 = 40;
const LONGEST_PATH: usize = 4095;
const LONGEST_NAME: usize = 255;

/// The last name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Name(Vec<u8>),
    Dot,
    DotDot,
    Root,
}

/// A walk on its way.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// The directory that it has come to.
    pub(super) at: Ino,
    /// The names to come, the next one at the end.
    rest: Vec<Vec<u8>>,
    /// A slash follows the last of them.
    pub(super) slash: bool,
    /// A link at the end is to be followed.
    pub(super) follow: bool,
    /// What is at the end must be a directory.
    pub(super) wants_dir: bool,
    links: u32,
}

impl Walk {
    pub(super) fn begin(model: &Model, task: Task, place: &Place, follow: bool) -> Result<Walk> {
        let Place { dir, path } = place;
        is_path(path)?;
        let at = match dir {
            Some(dir) if path[0] != b'/' => {
                model.process(task).open.get(dir).map(|open| open.node).ok_or(NOT_OPEN)?
            }
            _ if path[0] == b'/' => Model::ROOT,
            _ => model.process(task).cwd,
        };
        let mut walk = Walk { at, rest: Vec::new(), slash: false, follow, wants_dir: false, links: 0 };
        walk.slash = walk.add(path);
        walk.arrive(model, task)?;
        Ok(walk)
    }

    /// True while there is a name before the last one.
    pub(super) fn has_more(&self) -> bool {
        self.rest.len() > 1
    }

    /// The name that is looked up next.
    pub(super) fn next_name(&self) -> Option<&[u8]> {
        self.rest.last().map(Vec::as_slice)
    }

    /// Passes the next name, which is not the last.
    pub(super) fn pass(&mut self, model: &Model, task: Task) -> Result<()> {
        let name = self.rest.pop().unwrap_or_default();
        match name.as_slice() {
            b"." => return Ok(()),
            b".." => self.at = parent(model, self.at),
            name => {
                let found = find(model, self.at, name)?.ok_or(Errno::NOENT)?;
                match &model.node(found).kind {
                    Kind::Symlink(target) => drop(self.enter(target)?),
                    _ => self.at = found,
                }
            }
        }
        self.arrive(model, task)
    }

    pub(super) fn last(&self) -> Last {
        match self.rest.first().map(Vec::as_slice) {
            None => Last::Root,
            Some(b".") => Last::Dot,
            Some(b"..") => Last::DotDot,
            Some(name) => Last::Name(name.to_vec()),
        }
    }

    /// Where a last name leads that is none of a directory's own.
    pub(super) fn dots(&self, model: &Model) -> Ino {
        if self.last() == Last::DotDot { parent(model, self.at) } else { self.at }
    }

    /// Looks up the last name; `None` when that was a link, whose target is to be walked now.
    pub(super) fn resolve(&mut self, model: &Model, task: Task) -> Result<Option<Ino>> {
        let Last::Name(name) = self.last() else { return Ok(Some(self.dots(model))) };
        self.heed_slash();
        let found = find(model, self.at, &name)?.ok_or(Errno::NOENT)?;
        if self.follows(model, task, found)? {
            return Ok(None);
        }
        if self.wants_dir && !model.node(found).is_dir() {
            return Err(Errno::NOTDIR);
        }
        Ok(Some(found))
    }

    /// A slash at the end asks for a directory.
    pub(super) fn heed_slash(&mut self) {
        self.follow |= self.slash;
        self.wants_dir |= self.slash;
    }

    /// True when what the last name leads to is a link that is to be followed; the walk goes on to its target then.
    pub(super) fn follows(&mut self, model: &Model, task: Task, found: Ino) -> Result<bool> {
        let node = model.node(found);
        let (Kind::Symlink(target), true) = (&node.kind, self.follow) else { return Ok(false) };
        if self.links == MOST_LINKS {
            return Err(Errno::LOOP);
        }
        model.guards.may_follow(model.process(task), model.node(self.at), node)?;
        self.rest.clear();
        self.slash = self.enter(target)?;
        self.arrive(model, task)?;
        Ok(true)
    }

    fn enter(&mut self, target: &[u8]) -> Result<bool> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        Ok(self.add(target))
    }

    /// Puts the names of a path before those to come; true when a slash follows the last of them.
    fn add(&mut self, path: &[u8]) -> bool {
        if path.first() == Some(&b'/') {
            self.at = Model::ROOT;
        }
        let before = self.rest.len();
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        self.rest.extend(names.rev().map(<[u8]>::to_vec));
        self.rest.len() > before && path.last() == Some(&b'/')
    }

    /// Names can be looked up in directories only, and not in all of them.
    fn arrive(&self, model: &Model, task: Task) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        if !model.node(self.at).is_dir() {
            return Err(Errno::NOTDIR);
        }
        model.may(task, self.at, Access::EXECUTE)
    }
}

/// What the kernel takes for a path at all, also where a link is to point.
pub(super) fn is_path(text: &[u8]) -> Result<()> {
    match text.len() {
        _ if text.contains(&0) => Err(Errno::INVAL),
        0 => Err(Errno::NOENT),
        1..=LONGEST_PATH => Ok(()),
        _ => Err(Errno::NAMETOOLONG),
    }
}

/// The node of a name in a directory, if there is one.
pub(super) fn find(model: &Model, dir: Ino, name: &[u8]) -> Result<Option<Ino>> {
    match () {
        // No file system is asked about a name in a directory that is gone.
        () if model.node(dir).is_dead() => Ok(None),
        () if name.len() > LONGEST_NAME => Err(Errno::NAMETOOLONG),
        () => Ok(model.lookup(dir, name)),
    }
}

/// Where `..` leads.
pub(super) fn parent(model: &Model, dir: Ino) -> Ino {
    match &model.node(dir).kind {
        Kind::Directory { parent, .. } => *parent,
        _ => dir,
    }
}
