//! Calls that give names and take them away: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2).

use super::access::Access;
use super::access::may_take;
use super::call::{Call, Reply};
use super::node::{Ino, Kind};
use super::pending::Found;
use super::process::Task;
use super::walk::{Last, find, parent};
use super::{Model, change_names};
use rustix::fs::RenameFlags;
use rustix::io::{Errno, Result};

impl Model {
    pub(super) fn act_at(&mut self, task: Task, call: &Call, at: &Found) -> Result<Reply> {
        match call {
            Call::Mkdir { mode, .. } => self.make_at(task, at, Kind::directory(at.dir), *mode),
            Call::Mkfifo { mode, .. } => self.make_at(task, at, Kind::Fifo, *mode),
            Call::Mksocket { mode, .. } => self.make_at(task, at, Kind::Socket, *mode),
            Call::Symlink { target, .. } => self.symlink(task, at, target),
            Call::LinkOpen { file, .. } => self.link(task, self.opened(task, *file)?.node, at),
            Call::Unlink { .. } => self.unlink(task, at),
            Call::Rmdir { .. } => self.rmdir(task, at),
            _ => self.act_on_node(task, call, at.node),
        }
    }

    pub(super) fn act_on_two(&mut self, task: Task, call: &Call, from: &Found, to: &Found) -> Result<Reply> {
        match call {
            Call::Link { .. } => self.link(task, from.node, to),
            Call::Rename { flags, .. } => self.rename(task, from, to, *flags),
            _ => Err(Errno::INVAL),
        }
    }

    /// The name at the end, which must be free.
    fn free_name<'f>(&self, at: &'f Found, for_dir: bool) -> Result<&'f [u8]> {
        let Last::Name(name) = &at.last else { return Err(Errno::EXIST) };
        let taken = find(self, at.dir, name)?.is_some();
        match () {
            () if taken => Err(Errno::EXIST),
            () if self.node(at.dir).is_dead() || (at.slash && !for_dir) => Err(Errno::NOENT),
            () => Ok(name),
        }
    }

    fn make_at(&mut self, task: Task, at: &Found, kind: Kind, mode: u32) -> Result<Reply> {
        let is_dir = matches!(kind, Kind::Directory { .. });
        let name = self.free_name(at, is_dir)?;
        change_names(self, task, at.dir)?;
        let made = self.make(task, kind, mode);
        self.enter_name(at.dir, name, made);
        Ok(Reply::Done)
    }

    fn symlink(&mut self, task: Task, at: &Found, target: &[u8]) -> Result<Reply> {
        let name = self.free_name(at, false)?;
        change_names(self, task, at.dir)?;
        let made = self.make(task, Kind::Symlink(target.to_vec()), 0);
        // No umask has a say in the mode of a link.
        self.alter(made).mode = 0o777;
        self.enter_name(at.dir, name, made);
        Ok(Reply::Done)
    }

    fn link(&mut self, task: Task, node: Ino, to: &Found) -> Result<Reply> {
        let name = self.free_name(to, false)?;
        self.guards.may_link(self.process(task), self.node(node))?;
        change_names(self, task, to.dir)?;
        let file = self.node(node);
        if file.is_dir() {
            return Err(Errno::PERM);
        }
        if file.links == 0 && !matches!(file.kind, Kind::File { linkable: true, .. }) {
            return Err(Errno::NOENT);
        }
        let file = self.alter(node);
        file.links += 1;
        if let Kind::File { linkable, .. } = &mut file.kind {
            *linkable = false;
        }
        self.enter_name(to.dir, name, node);
        Ok(Reply::Done)
    }

    fn unlink(&mut self, task: Task, at: &Found) -> Result<Reply> {
        let Last::Name(name) = &at.last else { return Err(Errno::ISDIR) };
        let found = find(self, at.dir, name)?.ok_or(Errno::NOENT)?;
        if at.slash {
            return Err(if self.node(found).is_dir() { Errno::ISDIR } else { Errno::NOTDIR });
        }
        self.may_remove(task, at.dir, found, false)?;
        self.leave_name(at.dir, name);
        self.unlink_node(found);
        Ok(Reply::Done)
    }

    fn rmdir(&mut self, task: Task, at: &Found) -> Result<Reply> {
        let name = match &at.last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::INVAL),
            Last::DotDot => return Err(Errno::NOTEMPTY),
            Last::Root => return Err(Errno::BUSY),
        };
        let found = find(self, at.dir, name)?.ok_or(Errno::NOENT)?;
        self.may_remove(task, at.dir, found, true)?;
        self.must_be_empty(found)?;
        self.leave_name(at.dir, name);
        self.unlink_node(found);
        Ok(Reply::Done)
    }

    /// Whether a name may be taken away from what must, or must not, be a directory.
    fn may_remove(&self, task: Task, dir: Ino, entry: Ino, is_dir: bool) -> Result<()> {
        change_names(self, task, dir)?;
        may_take(self.process(task), self.node(dir), self.node(entry))?;
        match (is_dir, self.node(entry).is_dir()) {
            (true, false) => Err(Errno::NOTDIR),
            (false, true) => Err(Errno::ISDIR),
            _ => Ok(()),
        }
    }

    fn must_be_empty(&self, dir: Ino) -> Result<()> {
        let full = self.node(dir).entries().is_some_and(|entries| !entries.is_empty());
        if full { Err(Errno::NOTEMPTY) } else { Ok(()) }
    }

    fn rename(&mut self, task: Task, from: &Found, to: &Found, flags: RenameFlags) -> Result<Reply> {
        let (keeps, swaps) = (flags.contains(RenameFlags::NOREPLACE), flags.contains(RenameFlags::EXCHANGE));
        let Last::Name(name) = &from.last else { return Err(Errno::BUSY) };
        let Last::Name(new_name) = &to.last else {
            return Err(if keeps { Errno::EXIST } else { Errno::BUSY });
        };
        let source = find(self, from.dir, name)?.ok_or(Errno::NOENT)?;
        let target = find(self, to.dir, new_name)?;
        self.check_names(from, to, source, target, flags)?;
        if target == Some(source) {
            return Ok(Reply::Done);
        }
        self.check_rights(task, from, to, source, target, swaps)?;
        self.leave_name(from.dir, name);
        if let Some(target) = target {
            self.leave_name(to.dir, new_name);
            if swaps {
                self.enter_name(from.dir, name, target);
            } else {
                self.unlink_node(target);
            }
        }
        self.enter_name(to.dir, new_name, source);
        Ok(Reply::Done)
    }

    /// What Linux looks at before it asks for rights.
    fn check_names(
        &self,
        from: &Found,
        to: &Found,
        source: Ino,
        target: Option<Ino>,
        flags: RenameFlags,
    ) -> Result<()> {
        let swaps = flags.contains(RenameFlags::EXCHANGE);
        let is_dir = |ino| self.node(ino).is_dir();
        match target {
            Some(_) if flags.contains(RenameFlags::NOREPLACE) => return Err(Errno::EXIST),
            None if self.node(to.dir).is_dead() || swaps => return Err(Errno::NOENT),
            Some(target) if swaps && !is_dir(target) && to.slash => return Err(Errno::NOTDIR),
            _ => {}
        }
        if !is_dir(source) && (from.slash || (!swaps && to.slash)) {
            return Err(Errno::NOTDIR);
        }
        if is_dir(source) && self.is_above(source, to.dir) {
            return Err(Errno::INVAL);
        }
        if target.is_some_and(|target| is_dir(target) && self.is_above(target, from.dir)) {
            return Err(if swaps { Errno::INVAL } else { Errno::NOTEMPTY });
        }
        Ok(())
    }

    fn check_rights(
        &self,
        task: Task,
        from: &Found,
        to: &Found,
        source: Ino,
        target: Option<Ino>,
        swaps: bool,
    ) -> Result<()> {
        let is_dir = |ino| self.node(ino).is_dir();
        self.may_remove(task, from.dir, source, is_dir(source))?;
        match target {
            None => change_names(self, task, to.dir)?,
            Some(target) if swaps => self.may_remove(task, to.dir, target, is_dir(target))?,
            Some(target) => self.may_remove(task, to.dir, target, is_dir(source))?,
        }
        if from.dir != to.dir {
            // The `..` in a directory that moves is written anew.
            let moves = [Some(source), target.filter(|_| swaps)];
            let mut moves = moves.into_iter().flatten().filter(|ino| is_dir(*ino));
            moves.try_for_each(|ino| self.may(task, ino, Access::WRITE))?;
        }
        match target {
            Some(target) if !swaps => self.must_be_empty(target),
            _ => Ok(()),
        }
    }

    /// True when `dir` is this directory or below it.
    fn is_above(&self, above: Ino, dir: Ino) -> bool {
        let mut at = dir;
        while at != above && at != Model::ROOT {
            at = parent(self, at);
        }
        at == above
    }
}
