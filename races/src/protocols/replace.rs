//! Replacing a file as a whole: a new one is written beside it and renamed over it.

use super::{Attack, OVER, Pair, Result, SECRET, fill, make};
use linkbait::Class;
use linkbait::model::{Files, Place, RenameFlags};

const TARGET: &str = "app.conf";
const BESIDE: &str = "app.conf.new";

/// Writes into whatever stands at the name beside it.
pub(super) const RENAMED: Pair = Pair {
    name: "write and rename",
    class: Class::OtherUser,
    rule: "follows-link",
    broken: over,
    repaired: beside,
    target: BESIDE,
    attack: Attack::LinkToFile,
    stage: &[(TARGET, "old\n")],
    keeps: &[TARGET],
    noclobber: &[],
};

fn over(files: &dyn Files) -> Result<()> {
    let file = files.open(Place::at(BESIDE), OVER, 0o600)?;
    finish(files, fill(files, file, SECRET))
}

fn beside(files: &dyn Files) -> Result<()> {
    make(files, Place::at(BESIDE), SECRET)?;
    finish(files, Ok(()))
}

fn finish(files: &dyn Files, wrote: Result<()>) -> Result<()> {
    wrote?;
    files.rename(Place::at(BESIDE), Place::at(TARGET), RenameFlags::empty())
}
