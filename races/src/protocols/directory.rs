//! A directory of one's own in a shared one, and a file in it.

use super::{Attack, DIR, NEW, Pair, Result, SECRET, fill};
use linkbait::Class;
use linkbait::model::{Errno, Files, Place};

const NAME: &str = "app.d";
const FILE: &str = "app.d/data";

/// Takes a directory that is there already for its own (CWE-379).
pub(super) const MADE: Pair = Pair {
    name: "directory of one's own",
    class: Class::OtherUser,
    rule: "uses-foreign",
    broken: any_directory,
    repaired: own_directory,
    target: NAME,
    attack: Attack::LinkToDirectory,
    stage: &[],
    keeps: &[],
    noclobber: &[],
};

/// Goes below it by its path, under which another can stand by then.
pub(super) const BELOW: Pair = Pair {
    name: "file below it",
    class: Class::DirWriter,
    rule: "follows-link",
    broken: own_directory,
    repaired: held_directory,
    target: NAME,
    attack: Attack::ExchangeForLink,
    stage: &[],
    keeps: &[],
    noclobber: &[],
};

fn any_directory(files: &dyn Files) -> Result<()> {
    match files.mkdir(Place::at(NAME), 0o700) {
        Ok(()) | Err(Errno::EXIST) => below(files),
        Err(errno) => Err(errno),
    }
}

fn own_directory(files: &dyn Files) -> Result<()> {
    files.mkdir(Place::at(NAME), 0o700)?;
    below(files)
}

fn below(files: &dyn Files) -> Result<()> {
    let made = files.open(Place::at(FILE), NEW, 0o600).and_then(|file| fill(files, file, SECRET));
    let cleaned = files.unlink(Place::at(FILE));
    made.and(cleaned).and(files.rmdir(Place::at(NAME)))
}

/// Holds the directory open and goes on from there once it is known to be its own.
fn held_directory(files: &dyn Files) -> Result<()> {
    files.mkdir(Place::at(NAME), 0o700)?;
    let dir = files.open(Place::at(NAME), DIR, 0)?;
    let used = in_own(files, dir);
    files.close(dir)?;
    // Only an empty directory goes, and only by its own name.
    used.and(files.rmdir(Place::at(NAME)))
}

fn in_own(files: &dyn Files, dir: linkbait::model::Fd) -> Result<()> {
    if files.fstat(dir)?.uid != files.uid() {
        return Err(Errno::PERM);
    }
    let made = files.open(Place::below(dir, "data"), NEW, 0o600).and_then(|file| fill(files, file, SECRET));
    made.and(files.unlink(Place::below(dir, "data")))
}
