//! A file system in memory, of which one knows what must hold: the part of POSIX, with what Linux makes of it, that matters
//! to temporary files. Its users have no capabilities, as the attackers and victims here have none over each other.
//!
//! A call is made of steps, one for each name on the way and one for what it does at the end, and between any two of them
//! another process may act: in the kernel too, but nothing can stop it there. What the steps of one call come to, errno for
//! errno, is compared with the kernel by a test.
//!
//! ```
//! use linkbait::model::{Call, Errno, Guards, Model, OFlags, Place, Reply};
//!
//! // A sticky directory that everyone may write, as /tmp is, with a link that user 2000 has planted there.
//! let mut model = Model::new(Guards::default(), 0, 0, 0o1777);
//! let (attacker, victim) = (model.enter(2000, 2000, 0o022), model.enter(1000, 1000, 0o022));
//! model.perform(attacker, &Call::Symlink { target: b"elsewhere".into(), at: Place::at("app.log") })?;
//!
//! let create = OFlags::WRONLY | OFlags::CREATE;
//! let open = |flags| Call::Open { at: Place::at("app.log"), flags, mode: 0o600 };
//! assert_eq!(model.perform(victim, &open(create | OFlags::EXCL)), Err(Errno::EXIST));
//! assert!(matches!(model.perform(victim, &open(create)), Ok(Reply::Descriptor(_))));
//! # Ok::<(), Errno>(())
//! ```
//!
//! A victim that makes its calls through [`Files`] ([`Victim::protocol`](crate::Victim::protocol)) is judged on it by
//! [`Judge::on_model`](crate::Judge::on_model); [`interleave`](crate::interleave) runs several processes in every order of their steps.
//!
//! Not in it: set-id bits, access control lists, mounts, time, quotas, and what is written to a FIFO.

mod access;
mod attributes;
mod call;
mod content;
mod differences;
mod differential;
mod files;
mod held_walk;
mod kernel;
mod names;
mod node;
mod open;
mod pending;
mod process;
mod walk;

pub use access::Guards;
pub use call::{Call, Fd, Place, Reply, Status};
pub use files::Files;
pub(crate) use kernel::ALWAYS;
pub use kernel::Kernel;
pub use node::{Ino, Kind};
pub use pending::Pending;
pub use process::Task;
pub use rustix::fs::{FileType, OFlags, RenameFlags};
pub use rustix::io::Errno;

use access::Access;
use node::Node;
use process::Process;
use rustix::io::Result;

/// A file system and the processes that use it.
#[derive(Clone, Debug)]
pub struct Model {
    nodes: Vec<Node>,
    processes: Vec<Process>,
    guards: Guards,
    /// Counts what changes.
    ticks: u64,
}

impl Model {
    /// The root of every model.
    pub const ROOT: Ino = Ino(0);

    /// A file system with nothing in it but its root, which is of this owner and mode.
    #[must_use]
    pub fn new(guards: Guards, uid: u32, gid: u32, mode: u32) -> Model {
        let root = Node::new(Kind::directory(Model::ROOT), mode, uid, gid);
        Model { nodes: vec![root], processes: Vec::new(), guards, ticks: 0 }
    }

    /// A process more, which begins in the root directory.
    pub fn enter(&mut self, uid: u32, gid: u32, umask: u32) -> Task {
        self.processes.push(Process::new(uid, gid, umask));
        Task(self.processes.len() - 1)
    }

    /// Makes a whole call, with nobody else about.
    ///
    /// # Errors
    /// The errno that the call fails with.
    pub fn perform(&mut self, task: Task, call: &Call) -> Result<Reply> {
        let mut pending = self.begin(task, call.clone());
        loop {
            if let Some(answer) = self.step(&mut pending) {
                return answer;
            }
        }
    }

    /// The first step of a call is to come.
    #[must_use]
    pub fn begin(&self, task: Task, call: Call) -> Pending {
        Pending::new(task, call)
    }

    /// Another directory than the root is where this process begins its paths.
    pub(crate) fn begin_in(&mut self, task: Task, dir: &str) {
        if let Ok(Reply::Status(found)) = self.perform(task, &Call::Stat { at: Place::at(dir), follow: true })
        {
            self.processes[task.0].cwd = Ino(found.ino as usize);
        }
    }

    /// Makes a file another's, which no call does here.
    pub(crate) fn give(&mut self, path: &str, uid: Option<u32>, gid: u32) {
        let found = self.all().into_iter().find(|(known, _)| known == path.as_bytes());
        if let Some((_, ino)) = found {
            let node = self.alter(ino);
            (node.uid, node.gid) = (uid.unwrap_or(node.uid), gid);
        }
    }

    /// The directory in which a process begins its paths.
    pub(crate) fn directory(&self, task: Task) -> Ino {
        self.process(task).cwd
    }

    /// What stands behind a descriptor.
    pub(crate) fn behind(&self, task: Task, file: Fd) -> Option<Ino> {
        self.process(task).open.get(&file).map(|open| open.node)
    }

    /// Whose process it is.
    #[must_use]
    pub fn uid(&self, task: Task) -> u32 {
        self.process(task).uid
    }

    /// What a node is.
    #[must_use]
    pub fn kind(&self, ino: Ino) -> &Kind {
        &self.node(ino).kind
    }

    /// When a node was read last, when its content changed and when anything of it did, as numbers that grow.
    pub(crate) fn times(&self, ino: Ino) -> [u64; 3] {
        let node = self.node(ino);
        [node.read, node.changed, node.altered]
    }

    /// The nodes that had a name and have none any more.
    pub fn nameless(&self) -> impl Iterator<Item = Ino> {
        let lost = |node: &Node| node.links == 0 && !matches!(node.kind, Kind::File { linkable: true, .. });
        self.nodes.iter().enumerate().filter(move |(_, node)| lost(node)).map(|(at, _)| Ino(at))
    }

    /// Every path from the root, which is empty itself, in order, and where it leads without following links.
    #[must_use]
    pub fn all(&self) -> Vec<(Vec<u8>, Ino)> {
        let (mut all, mut left) = (Vec::new(), vec![(Vec::new(), Model::ROOT)]);
        while let Some((path, ino)) = left.pop() {
            for (name, below) in self.node(ino).entries().into_iter().flatten().rev() {
                left.push(([&path, b"/".as_slice(), name].concat(), *below));
            }
            all.push((path, ino));
        }
        all
    }

    fn node(&self, ino: Ino) -> &Node {
        &self.nodes[ino.0]
    }

    fn process(&self, task: Task) -> &Process {
        &self.processes[task.0]
    }

    fn process_mut(&mut self, task: Task) -> &mut Process {
        &mut self.processes[task.0]
    }

    /// Something about a node is to change.
    fn alter(&mut self, ino: Ino) -> &mut Node {
        self.ticks += 1;
        let node = &mut self.nodes[ino.0];
        node.altered = self.ticks;
        node
    }

    fn may(&self, task: Task, ino: Ino, access: Access) -> Result<()> {
        access::may(self.process(task), self.node(ino), access)
    }

    /// The node of a name in a directory.
    fn lookup(&self, dir: Ino, name: &[u8]) -> Option<Ino> {
        self.node(dir).entries().and_then(|entries| entries.get(name)).copied()
    }

    fn add(&mut self, node: Node) -> Ino {
        self.ticks += 1;
        self.nodes.push(Node { altered: self.ticks, changed: self.ticks, ..node });
        Ino(self.nodes.len() - 1)
    }

    /// Gives a node a name that is free.
    fn enter_name(&mut self, dir: Ino, name: &[u8], ino: Ino) {
        if let Kind::Directory { parent, .. } = &mut self.alter(ino).kind {
            *parent = dir;
        }
        if let Some(entries) = self.alter(dir).entries_mut() {
            entries.insert(name.to_vec(), ino);
        }
    }

    /// Takes a name away, not the node.
    fn leave_name(&mut self, dir: Ino, name: &[u8]) {
        if let Some(entries) = self.alter(dir).entries_mut() {
            entries.remove(name);
        }
    }

    /// A node has a name less.
    fn unlink_node(&mut self, ino: Ino) {
        let node = self.alter(ino);
        node.links = if node.is_dir() { 0 } else { node.links - 1 };
    }
}

/// What a directory must let one do to change its names.
fn change_names(model: &Model, task: Task, dir: Ino) -> Result<()> {
    model.may(task, dir, Access::WRITE | Access::EXECUTE)
}

/// A descriptor that is not open.
const NOT_OPEN: Errno = Errno::BADF;
