//! Protocols of temporary files, each broken and repaired, written once against [`Files`] and run in three worlds: on the
//! model under loom, on the model under our own explorer, and on the kernel.
//!
//! A protocol leaves nothing behind but what it is there to make, also when it fails.

mod attacks;
mod cleaner;
mod create;
mod directory;
mod lock;
mod persist;
mod remove;
mod replace;
mod walk;

pub use attacks::{Attack, harm};
pub use walk::WALKED;

use linkbait::model::{Errno, Fd, Files, OFlags, Place};
use linkbait::{Class, Victim};

/// What a call comes to.
pub type Result<T> = std::result::Result<T, Errno>;

/// A protocol as it is run.
pub type Run = fn(&dyn Files) -> Result<()>;

/// What it writes where nobody else is to read or to change it.
pub const SECRET: &[u8] = b"secret\n";

const NEW: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL);
const OVER: OFlags = OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC);
const DIR: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);

/// A protocol that is wrong, and the same put right.
pub struct Pair {
    /// What it is for.
    pub name: &'static str,
    /// The weakest attacker that it has to stand.
    pub class: Class,
    /// What the broken one does wrong.
    pub rule: &'static str,
    /// The wrong one.
    pub broken: Run,
    /// The right one.
    pub repaired: Run,
    /// The name in the shared directory that an attacker goes for.
    pub target: &'static str,
    /// What an attacker does to it in a model.
    pub attack: Attack,
    /// Files of its own that stand there before: path and content.
    pub stage: &'static [(&'static str, &'static str)],
    /// What it is meant to leave.
    pub keeps: &'static [&'static str],
    /// What it promises not to take from another.
    pub noclobber: &'static [&'static str],
}

/// All of them.
pub const PAIRS: [Pair; 9] = [
    create::CHECKED,
    create::LINKED,
    directory::MADE,
    directory::BELOW,
    replace::RENAMED,
    persist::KEPT,
    lock::STALE,
    remove::TREE,
    cleaner::REOPENED,
];

impl Pair {
    /// Both as victims, the broken one first.
    #[must_use]
    pub fn victims(&self) -> [Victim; 2] {
        let broken = self.victim("broken", self.broken).expect(self.rule, self.class);
        [broken, self.victim("repaired", self.repaired)]
    }

    fn victim(&self, which: &str, run: Run) -> Victim {
        let victim = Victim::protocol(&format!("{} {which}", self.name), run);
        let victim = victim.attackers(&[Class::None, self.class]);
        let victim = self.stage.iter().fold(victim, |victim, (path, text)| victim.stage(path, 0o600, text));
        let victim = self.keeps.iter().fold(victim, |victim, pattern| victim.keeps(pattern));
        self.noclobber.iter().fold(victim, |victim, pattern| victim.noclobber(pattern))
    }
}

/// Writes a new file and closes it.
fn fill(files: &dyn Files, file: Fd, bytes: &[u8]) -> Result<()> {
    let wrote = files.write(file, bytes).map(drop);
    files.close(file)?;
    wrote
}

/// Makes a file that is nobody else's.
fn make(files: &dyn Files, at: Place, bytes: &[u8]) -> Result<()> {
    let file = files.open(at, NEW, 0o600)?;
    fill(files, file, bytes)
}
