//! A fault that no stop between calls reaches: rename(2) walks to two places, and what is on the way can be another for the
//! second of the two.

use super::{Attack, DIR, NEW, Pair, Result, SECRET, fill};
use linkbait::Class;
use linkbait::model::{Errno, Fd, Files, Place, RenameFlags};
use std::sync::atomic::{AtomicU64, Ordering};

const NAME: &str = "app.d";

/// Names both ends by paths through a directory that another can exchange (CWE-363). Before the call such an exchange does
/// nothing, as the names are new in every run and not to be found in any other directory.
pub const WALKED: Pair = Pair {
    name: "rename by two paths",
    class: Class::DirWriter,
    rule: "follows-link",
    broken: by_paths,
    repaired: by_descriptor,
    target: NAME,
    attack: Attack::ExchangeForLink,
    stage: &[],
    keeps: &[],
    noclobber: &[],
};

fn by_paths(files: &dyn Files) -> Result<()> {
    in_directory(files, |_, part, whole| {
        let below = |name: &str| Place::at(format!("{NAME}/{name}"));
        files.rename(below(part), below(whole), RenameFlags::empty())
    })
}

fn by_descriptor(files: &dyn Files) -> Result<()> {
    in_directory(files, |dir, part, whole| {
        files.rename(Place::below(dir, part), Place::below(dir, whole), RenameFlags::empty())
    })
}

/// Makes a file in a new directory, has it renamed, and takes all away again.
fn in_directory(files: &dyn Files, rename: impl Fn(Fd, &str, &str) -> Result<()>) -> Result<()> {
    files.mkdir(Place::at(NAME), 0o700)?;
    let dir = files.open(Place::at(NAME), DIR, 0)?;
    let own = files.fstat(dir)?.uid == files.uid();
    let used = if own { rename_in(files, dir, rename) } else { Err(Errno::PERM) };
    files.close(dir)?;
    used.and(files.rmdir(Place::at(NAME)))
}

fn rename_in(files: &dyn Files, dir: Fd, rename: impl Fn(Fd, &str, &str) -> Result<()>) -> Result<()> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let number = SERIAL.fetch_add(1, Ordering::Relaxed);
    let (part, whole) = (format!("{number:016x}.part"), format!("{number:016x}"));
    let file = files.open(Place::below(dir, &part), NEW, 0o600)?;
    let done = fill(files, file, SECRET).and_then(|()| rename(dir, &part, &whole));
    let gone = |name: &str| match files.unlink(Place::below(dir, name)) {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    };
    done.and(gone(&part)).and(gone(&whole))
}
