//! What an attacker does in a model, as calls of the attacker's own.

use crate::attacker::{Bait, Move, Verb};
use crate::model::{Call, Model, Place, Reply, Status, Task};
use rustix::fs::{FileType, OFlags, RenameFlags};
use rustix::io::{Errno, Result};

/// Names for the links in a hostile directory.
const MOST_KNOWN: usize = 16;

/// The attacker at work in a model.
pub(super) struct Hands {
    task: Task,
    known: Vec<String>,
    serial: u32,
}

impl Hands {
    pub(super) fn new(task: Task) -> Hands {
        Hands { task, known: Vec::new(), serial: 0 }
    }

    /// Tells the names that the victim is known to use.
    pub(super) fn know(&mut self, names: impl Iterator<Item = String>) {
        self.known = names.take(MOST_KNOWN).collect();
    }

    /// Makes a move at a path of the arena.
    pub(super) fn act(&mut self, model: &mut Model, act: &Move, path: &[u8]) -> Result<()> {
        self.serial += 1;
        self.stay_in_shared(model, act, path)?;
        let (bait, at) = (act.bait, absolute(path));
        match act.verb {
            Verb::Plant | Verb::TakeNames | Verb::PlantPredicted => self.make(model, bait, &at),
            Verb::SwapOver => self.swap(model, bait, &at, RenameFlags::empty()),
            Verb::Exchange => self.swap(model, bait, &at, RenameFlags::EXCHANGE),
            Verb::Unlink => self.does(model, Call::Unlink { at: Place::at(at) }),
            Verb::Recreate => {
                self.does(model, Call::Unlink { at: Place::at(&at) })?;
                self.make(model, bait, &at)
            }
            Verb::MoveAway => {
                let to = Place::at(self.sibling(&at));
                self.does(model, Call::Rename { from: Place::at(at), to, flags: RenameFlags::NOREPLACE })
            }
            Verb::Chmod => self.does(model, Call::Chmod { at: Place::at(at), mode: 0o777 }),
        }
    }

    fn does(&self, model: &mut Model, call: Call) -> Result<()> {
        model.perform(self.task, &call).map(drop)
    }

    /// No path out of `shared/`, nor through a link, is the attacker's business; a link has no mode of its own.
    fn stay_in_shared(&self, model: &mut Model, act: &Move, path: &[u8]) -> Result<()> {
        let plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        let inside = path.strip_prefix(b"shared/").unwrap_or_default();
        if !inside.split(|&byte| byte == b'/').all(plain) {
            return Err(Errno::XDEV);
        }
        let slashes: Vec<usize> =
            path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).collect();
        if slashes.into_iter().any(|slash| self.is_link(model, &path[..slash])) {
            return Err(Errno::NOTDIR);
        }
        if act.verb == Verb::Chmod && self.is_link(model, path) { Err(Errno::PERM) } else { Ok(()) }
    }

    fn is_link(&self, model: &mut Model, path: &[u8]) -> bool {
        let look = Call::Stat { at: Place::at(absolute(path)), follow: false };
        let found = model.perform(self.task, &look);
        matches!(found, Ok(Reply::Status(Status { kind: FileType::Symlink, .. })))
    }

    /// A fresh name beside the target.
    fn sibling(&self, path: &[u8]) -> Vec<u8> {
        let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        [&path[..=slash], format!(".bait-{:010}", self.serial).as_bytes()].concat()
    }

    fn swap(&self, model: &mut Model, bait: Bait, path: &[u8], flags: RenameFlags) -> Result<()> {
        let made = self.sibling(path);
        self.make(model, bait, &made)?;
        self.does(model, Call::Rename { from: Place::at(made), to: Place::at(path), flags })
    }

    fn make(&self, model: &mut Model, bait: Bait, path: &[u8]) -> Result<()> {
        let at = Place::at(path);
        let link = |target: &str| Call::Symlink { target: target.into(), at: at.clone() };
        let call = match bait {
            Bait::Link => link("/outside/canary"),
            Bait::RelativeLink => link("../../../../../../../../outside/canary"),
            Bait::LinkMissing => link("/outside/missing"),
            Bait::LinkDir => link("/outside/dir"),
            Bait::LinkDecoy => link("/outside/decoy"),
            Bait::HardLink => Call::Link { from: Place::at("/outside/canary"), to: at, follow: false },
            Bait::OpenFile => return self.file(model, at, 0o666),
            Bait::PrivateFile => return self.file(model, at, 0o600),
            Bait::Dir => Call::Mkdir { at, mode: 0o777 },
            Bait::HostileDir => return self.hostile_dir(model, path),
            Bait::Fifo => Call::Mkfifo { at, mode: 0o666 },
            Bait::Socket => Call::Mksocket { at, mode: 0o777 },
        };
        self.does(model, call)
    }

    fn file(&self, model: &mut Model, at: Place, mode: u32) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let Reply::Descriptor(file) = model.perform(self.task, &Call::Open { at, flags, mode })? else {
            return Err(Errno::PROTO);
        };
        self.does(model, Call::Write { file, bytes: b"attacker's\n".to_vec() })?;
        self.does(model, Call::Close { file })
    }

    fn hostile_dir(&self, model: &mut Model, path: &[u8]) -> Result<()> {
        self.does(model, Call::Mkdir { at: Place::at(path), mode: 0o777 })?;
        self.known.iter().try_for_each(|name| {
            let at = Place::at([path, b"/", name.as_bytes()].concat());
            self.does(model, Call::Symlink { target: b"/outside/canary".to_vec(), at })
        })
    }
}

/// A path of the arena from the root of the model.
fn absolute(path: &[u8]) -> Vec<u8> {
    [b"/", path].concat()
}
