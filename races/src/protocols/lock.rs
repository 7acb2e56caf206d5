//! A lock file with the owner's pid in it, and what is done about one that nobody holds any more.

use super::{Attack, NEW, Pair, Result, fill};
use linkbait::Class;
use linkbait::model::{Errno, Files, OFlags, Place};

const NAME: &str = "app.lock";

/// Removes whatever stands at the name when what it has read there was stale (CWE-367).
pub(super) const STALE: Pair = Pair {
    name: "stale lock",
    class: Class::OtherUser,
    rule: "deletes-foreign",
    broken: by_name,
    repaired: own_only,
    target: NAME,
    attack: Attack::File,
    stage: &[],
    keeps: &[NAME],
    noclobber: &[],
};

fn by_name(files: &dyn Files) -> Result<()> {
    lock(files, |files| {
        let text = read(files, OFlags::RDONLY)?;
        if is_live(&text) { Err(Errno::AGAIN) } else { Ok(()) }
    })
}

/// In a sticky directory nobody but us can put another file where one of ours stands.
fn own_only(files: &dyn Files) -> Result<()> {
    lock(files, |files| {
        if files.stat(Place::at(NAME), false)?.uid != files.uid() {
            return Err(Errno::PERM);
        }
        let text = read(files, OFlags::RDONLY | OFlags::NOFOLLOW)?;
        if is_live(&text) { Err(Errno::AGAIN) } else { Ok(()) }
    })
}

/// Takes the lock, once more after a stale one is gone, and gives it back.
fn lock(files: &dyn Files, may_break: impl Fn(&dyn Files) -> Result<()>) -> Result<()> {
    let take = || files.open(Place::at(NAME), NEW, 0o600);
    let taken = take().or_else(|errno| {
        if errno != Errno::EXIST {
            return Err(errno);
        }
        may_break(files)?;
        files.unlink(Place::at(NAME))?;
        take()
    });
    let wrote = fill(files, taken?, format!("{}\n", files.pid()).as_bytes());
    wrote.and(files.unlink(Place::at(NAME)))
}

fn read(files: &dyn Files, flags: OFlags) -> Result<Vec<u8>> {
    const LONGEST: usize = 16;
    let file = files.open(Place::at(NAME), flags | OFlags::NONBLOCK, 0)?;
    let text = files.read(file, LONGEST);
    files.close(file)?;
    text
}

/// Only we hold it here, so a pid is live if it is ours.
fn is_live(text: &[u8]) -> bool {
    text == format!("{}\n", std::process::id()).as_bytes()
}
