//! Giving a finished file its name without taking the name from another.

use super::{Attack, Pair, Result, SECRET, make};
use linkbait::Class;
use linkbait::model::{Errno, Files, Place, RenameFlags};

const TARGET: &str = "app.out";
const BESIDE: &str = "app.out.part";

/// Looks whether the name is free, then renames over what has come there since.
pub(super) const KEPT: Pair = Pair {
    name: "persist without clobber",
    class: Class::OtherUser,
    rule: "torn-replace",
    broken: checked,
    repaired: never_over,
    target: TARGET,
    attack: Attack::File,
    stage: &[],
    keeps: &[TARGET],
    noclobber: &[TARGET],
};

fn checked(files: &dyn Files) -> Result<()> {
    make(files, Place::at(BESIDE), SECRET)?;
    let free = match files.stat(Place::at(TARGET), false) {
        Err(Errno::NOENT) => Ok(()),
        other => other.and(Err(Errno::EXIST)),
    };
    or_remove(files, free.and_then(|()| rename(files, RenameFlags::empty())))
}

fn never_over(files: &dyn Files) -> Result<()> {
    make(files, Place::at(BESIDE), SECRET)?;
    or_remove(files, rename(files, RenameFlags::NOREPLACE))
}

fn rename(files: &dyn Files, flags: RenameFlags) -> Result<()> {
    files.rename(Place::at(BESIDE), Place::at(TARGET), flags)
}

fn or_remove(files: &dyn Files, renamed: Result<()>) -> Result<()> {
    renamed.or_else(|errno| files.unlink(Place::at(BESIDE)).and(Err(errno)))
}
