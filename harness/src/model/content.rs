//! Calls on open descriptors: read(2), write(2), lseek(2), ftruncate(2), getdents64(2), close(2), and umask(2), which needs none.

use super::call::{Call, Fd, Place, Reply};
use super::node::{Ino, Kind};
use super::process::{Open, Task};
use super::{Model, NOT_OPEN};
use rustix::io::{Errno, Result};
use std::io::SeekFrom;

/// What a file can hold, as in an arena on disk. The model has no holes in files.
const LARGEST: usize = 256 << 20;

impl Model {
    pub(super) fn act_on_open(&mut self, task: Task, call: &Call) -> Result<Reply> {
        match call {
            Call::Fchmod { file, .. } | Call::Fchown { file, .. } => {
                let node = self.file(task, *file)?;
                self.act_on_node(task, call, node)
            }
            Call::Fstat { file } => {
                let node = self.opened(task, *file)?.node;
                self.act_on_node(task, call, node)
            }
            Call::Readlink { at: Place { dir: Some(file), .. } } => {
                let node = self.opened(task, *file)?.node;
                let is_link = matches!(self.node(node).kind, Kind::Symlink(_));
                if is_link { self.act_on_node(task, call, node) } else { Err(Errno::NOENT) }
            }
            Call::Read { file, length } => self.read(task, *file, *length),
            Call::Write { file, bytes } => self.write(task, *file, bytes),
            Call::Seek { file, to } => self.seek(task, *file, *to),
            Call::Truncate { file, length } => self.truncate(task, *file, *length),
            Call::List { file } => self.list(task, *file),
            Call::Close { file } => {
                self.process_mut(task).open.remove(file).ok_or(NOT_OPEN)?;
                Ok(Reply::Done)
            }
            Call::Umask { mask } => {
                self.process_mut(task).umask = mask & 0o777;
                Ok(Reply::Done)
            }
            _ => Err(Errno::INVAL),
        }
    }

    pub(super) fn opened(&self, task: Task, file: Fd) -> Result<&Open> {
        self.process(task).open.get(&file).ok_or(NOT_OPEN)
    }

    fn read(&mut self, task: Task, file: Fd, length: usize) -> Result<Reply> {
        let open = self.opened(task, file)?;
        if !open.reads {
            return Err(Errno::BADF);
        }
        let (node, position) = (open.node, open.position);
        let content = match &self.node(node).kind {
            Kind::File { content, .. } => content,
            Kind::Directory { .. } => return Err(Errno::ISDIR),
            _ => return Err(Errno::OPNOTSUPP),
        };
        let start = position.min(content.len());
        let bytes = content[start..].iter().take(length).copied().collect::<Vec<u8>>();
        self.ticks += 1;
        self.nodes[node.0].read = self.ticks;
        // Behind the end there is nothing, and one stays where one is.
        self.put(task, file, position + bytes.len());
        Ok(Reply::Bytes(bytes))
    }

    fn write(&mut self, task: Task, file: Fd, bytes: &[u8]) -> Result<Reply> {
        let open = self.opened(task, file)?;
        let (node, position, appends) = (open.node, open.position, open.appends);
        if !open.writes {
            return Err(Errno::BADF);
        }
        let content = self.content(node)?;
        let start = if appends { content.len() } else { position };
        if !bytes.is_empty() {
            let end = start + bytes.len();
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
            self.put(task, file, end);
        }
        Ok(Reply::Count(bytes.len()))
    }

    fn seek(&mut self, task: Task, file: Fd, to: SeekFrom) -> Result<Reply> {
        let open = self.opened(task, file)?;
        let size = match &self.node(open.node).kind {
            Kind::Directory { .. } => return Err(Errno::ISDIR),
            _ if open.place_only => return Err(NOT_OPEN),
            Kind::File { content, .. } => content.len(),
            _ => return Err(Errno::SPIPE),
        };
        let position = match to {
            SeekFrom::Start(from) => i64::try_from(from).ok(),
            SeekFrom::Current(by) => by.checked_add(open.position as i64),
            SeekFrom::End(by) => by.checked_add(size as i64),
        };
        let position = position.and_then(|position| usize::try_from(position).ok()).ok_or(Errno::INVAL)?;
        self.put(task, file, position);
        Ok(Reply::Count(position))
    }

    fn truncate(&mut self, task: Task, file: Fd, length: usize) -> Result<Reply> {
        let node = self.file(task, file)?;
        let is_file = matches!(self.node(node).kind, Kind::File { .. });
        if !is_file || !self.opened(task, file)?.writes {
            return Err(Errno::INVAL);
        }
        if length > LARGEST {
            return Err(Errno::FBIG);
        }
        self.content(node)?.resize(length, 0);
        Ok(Reply::Done)
    }

    fn list(&mut self, task: Task, file: Fd) -> Result<Reply> {
        let node = self.node(self.file(task, file)?);
        let entries = node.entries().ok_or(Errno::NOTDIR)?;
        if node.is_dead() { Err(Errno::NOENT) } else { Ok(Reply::Names(entries.keys().cloned().collect())) }
    }

    /// What is in a file, which is to change.
    fn content(&mut self, ino: Ino) -> Result<&mut Vec<u8>> {
        let node = self.alter(ino);
        node.changed = node.altered;
        match &mut node.kind {
            Kind::File { content, .. } => Ok(content),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    fn put(&mut self, task: Task, file: Fd, position: usize) {
        if let Some(open) = self.process_mut(task).open.get_mut(&file) {
            open.position = position;
        }
    }
}
