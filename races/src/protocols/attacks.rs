//! What an attacker does to the protocols in a model, and what harm is: said without rules, so that loom can ask, too.

use super::{NEW, Pair, Result, SECRET, fill};
use linkbait::model::{Files, Ino, Kind, Model, Place, RenameFlags};

const BAIT: &str = "bait";

/// What is done at the name that a protocol uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// A link to a file that is not to be touched takes the name.
    LinkToFile,
    /// A link to a directory that is not to be touched takes the name.
    LinkToDirectory,
    /// A link to such a directory stands at the name from one moment to the next.
    ExchangeForLink,
    /// A file of the attacker's own takes the name.
    File,
    /// The file at the name goes, and one of the attacker's own takes its place.
    Replace,
}

impl Pair {
    /// The attacker's part.
    ///
    /// # Errors
    /// The errno of the call that came too late or too early.
    pub fn attack(&self, files: &dyn Files) -> Result<()> {
        let at = || Place::at(self.target);
        match self.attack {
            Attack::LinkToFile => files.symlink(b"/outside/canary", at()),
            Attack::LinkToDirectory => files.symlink(b"/outside/dir", at()),
            Attack::ExchangeForLink => {
                files.symlink(b"/outside/dir", Place::at(BAIT))?;
                files.rename(Place::at(BAIT), at(), RenameFlags::EXCHANGE)
            }
            Attack::File => file(files, at()),
            Attack::Replace => files.unlink(at()).and_then(|()| file(files, at())),
        }
    }
}

fn file(files: &dyn Files, at: Place) -> Result<()> {
    let file = files.open(at, NEW, 0o666)?;
    fill(files, file, b"attacker's\n")
}

/// What must not have come about between two moments, if it has. `attacker` is the uid of theirs.
#[must_use]
pub fn harm(before: &Model, after: &Model, attacker: u32) -> Option<&'static str> {
    let theirs = |ino: Ino| after.status(ino).uid == attacker;
    let file = |ino: Ino| match after.kind(ino) {
        Kind::File { content, .. } => Some(content.clone()),
        _ => None,
    };
    let holds_secret = |ino| file(ino).is_some_and(|content| content.ends_with(SECRET));
    match () {
        () if outside(before) != outside(after) => Some("what lies outside was touched"),
        () if after.all().iter().any(|(_, ino)| theirs(*ino) && holds_secret(*ino)) => {
            Some("the secret is in a file of the attacker's")
        }
        () if after.nameless().any(|ino| theirs(ino) && file(ino).is_some()) => {
            Some("a file of the attacker's was removed")
        }
        () => None,
    }
}

/// All that stands outside, with what is in it.
fn outside(model: &Model) -> Vec<(Vec<u8>, Kind, u32)> {
    let all = model.all().into_iter().filter(|(path, _)| path.starts_with(b"/outside"));
    all.map(|(path, ino)| (path, model.kind(ino).clone(), model.status(ino).mode)).collect()
}
