//! Making a file under a name that is free: looked for and then made, made if it is not there, made without a name first.

use super::{Attack, NEW, OVER, Pair, Result, SECRET, fill};
use linkbait::Class;
use linkbait::model::{Errno, Files, OFlags, Place};

const NAME: &str = "app.data";

/// Looks whether the name is free, then makes the file: between the two it can be taken (CWE-367).
pub(super) const CHECKED: Pair = Pair {
    name: "create after a check",
    class: Class::OtherUser,
    rule: "follows-link",
    broken: checked,
    repaired: exclusive,
    target: NAME,
    attack: Attack::LinkToFile,
    stage: &[],
    keeps: &[NAME],
    noclobber: &[],
};

/// As before, by a link to what has no name yet.
pub(super) const LINKED: Pair = Pair {
    name: "create by a link",
    class: Class::OtherUser,
    rule: "follows-link",
    broken: checked,
    repaired: linked,
    target: NAME,
    attack: Attack::LinkToFile,
    stage: &[],
    keeps: &[NAME],
    noclobber: &[],
};

fn checked(files: &dyn Files) -> Result<()> {
    match files.stat(Place::at(NAME), false) {
        Err(Errno::NOENT) => {}
        other => return other.and(Err(Errno::EXIST)),
    }
    let file = files.open(Place::at(NAME), OVER, 0o600)?;
    fill(files, file, SECRET)
}

fn exclusive(files: &dyn Files) -> Result<()> {
    let file = files.open(Place::at(NAME), NEW, 0o600)?;
    fill(files, file, SECRET)
}

fn linked(files: &dyn Files) -> Result<()> {
    let file = files.open(Place::at("."), OFlags::WRONLY | OFlags::TMPFILE, 0o600)?;
    let linked = files.write(file, SECRET).and_then(|_| files.link_open(file, Place::at(NAME)));
    files.close(file)?;
    linked
}
