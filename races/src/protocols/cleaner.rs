//! A file that is needed for long, in a directory that is cleaned now and then: the name can be gone, and be another's.

use super::{Attack, NEW, Pair, Result, SECRET};
use linkbait::Class;
use linkbait::model::{Fd, Files, OFlags, Place};

const NAME: &str = "app.cache";

/// Opens it by its name again for each use.
pub(super) const REOPENED: Pair = Pair {
    name: "long-lived file",
    class: Class::DirWriter,
    rule: "uses-foreign",
    broken: reopened,
    repaired: held,
    target: NAME,
    attack: Attack::Replace,
    stage: &[],
    keeps: &[NAME],
    noclobber: &[],
};

fn reopened(files: &dyn Files) -> Result<()> {
    let file = files.open(Place::at(NAME), NEW, 0o600)?;
    files.close(file)?;
    // Hours later.
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = files.open(Place::at(NAME), flags, 0)?;
    write(files, file)
}

fn held(files: &dyn Files) -> Result<()> {
    let file = files.open(Place::at(NAME), NEW | OFlags::APPEND, 0o600)?;
    // Hours later.
    write(files, file)
}

fn write(files: &dyn Files, file: Fd) -> Result<()> {
    let wrote = files.write(file, SECRET).map(drop);
    files.close(file)?;
    wrote
}
