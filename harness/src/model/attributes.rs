//! Calls about what is known of a file: stat(2), chmod(2), chown(2), readlink(2).

use super::call::{Call, Fd, Reply, Status};
use super::node::{Ino, Kind};
use super::process::Task;
use super::{Model, NOT_OPEN};
use rustix::fs::FileType;
use rustix::io::{Errno, Result};

impl Model {
    /// What is known about a node.
    #[must_use]
    pub fn status(&self, ino: Ino) -> Status {
        let node = self.node(ino);
        let kind = match node.kind {
            Kind::Directory { .. } => FileType::Directory,
            Kind::File { .. } => FileType::RegularFile,
            Kind::Symlink(_) => FileType::Symlink,
            Kind::Fifo => FileType::Fifo,
            Kind::Socket => FileType::Socket,
        };
        let (mode, uid, gid, links) = (node.mode, node.uid, node.gid, node.links);
        Status { ino: ino.0 as u64, kind, mode, uid, gid, links, size: node.size() }
    }

    pub(super) fn act_on_node(&mut self, task: Task, call: &Call, ino: Ino) -> Result<Reply> {
        match call {
            Call::Stat { .. } | Call::Fstat { .. } => return Ok(Reply::Status(self.status(ino))),
            Call::Chmod { mode, .. } | Call::Fchmod { mode, .. } => self.chmod(task, ino, *mode)?,
            Call::Chown { uid, gid, .. } | Call::Fchown { uid, gid, .. } => {
                self.chown(task, ino, *uid, *gid)?;
            }
            Call::Readlink { .. } => {
                let Kind::Symlink(target) = &self.node(ino).kind else { return Err(Errno::INVAL) };
                return Ok(Reply::Bytes(target.clone()));
            }
            _ => return Err(Errno::INVAL),
        }
        Ok(Reply::Done)
    }

    fn chmod(&mut self, task: Task, ino: Ino, mode: u32) -> Result<()> {
        if self.process(task).uid != self.node(ino).uid {
            return Err(Errno::PERM);
        }
        self.alter(ino).mode = mode & 0o1777;
        Ok(())
    }

    /// Nobody gives a file away. Its owner may give it to another of their groups, of which there is one here.
    fn chown(&mut self, task: Task, ino: Ino, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        let (who, node) = (self.process(task), self.node(ino));
        let owns = who.uid == node.uid;
        let may_uid = uid.is_none_or(|uid| owns && uid == node.uid);
        let may_gid = gid.is_none_or(|gid| owns && (gid == node.gid || gid == who.gid));
        if !may_uid || !may_gid {
            return Err(Errno::PERM);
        }
        let node = self.alter(ino);
        node.gid = gid.unwrap_or(node.gid);
        Ok(())
    }

    /// The node behind a descriptor that is more than a place.
    pub(super) fn file(&self, task: Task, file: Fd) -> Result<Ino> {
        let open = self.opened(task, file)?;
        if open.place_only { Err(NOT_OPEN) } else { Ok(open.node) }
    }
}
