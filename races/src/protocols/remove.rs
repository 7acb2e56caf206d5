//! Removing a tree: by the paths of what is in it, or from open directories.

use super::{Attack, DIR, Pair, Result};
use linkbait::Class;
use linkbait::model::{Errno, Fd, FileType, Files, OFlags, Place};

const TOP: &str = "tree";

/// Looks what is a directory, then goes in by its path, where a link can stand by then (CVE-2022-21658).
pub(super) const TREE: Pair = Pair {
    name: "remove a tree",
    class: Class::DirWriter,
    rule: "deletes-foreign",
    broken: by_path,
    repaired: by_descriptor,
    target: TOP,
    attack: Attack::ExchangeForLink,
    stage: &[("tree/keep", "1"), ("tree/sub/keep", "2")],
    keeps: &[],
    noclobber: &[],
};

fn by_path(files: &dyn Files) -> Result<()> {
    remove_at(files, TOP.as_bytes())
}

fn remove_at(files: &dyn Files, path: &[u8]) -> Result<()> {
    let kind = files.stat(Place::at(path), false)?.kind;
    if kind != FileType::Directory {
        return files.unlink(Place::at(path));
    }
    let dir = files.open(Place::at(path), OFlags::RDONLY | OFlags::DIRECTORY, 0)?;
    let names = files.list(dir);
    files.close(dir)?;
    for name in names? {
        remove_at(files, &[path, b"/", &name].concat())?;
    }
    files.rmdir(Place::at(path))
}

fn by_descriptor(files: &dyn Files) -> Result<()> {
    remove_below(files, None, TOP.as_bytes())
}

fn remove_below(files: &dyn Files, above: Option<Fd>, name: &[u8]) -> Result<()> {
    let at = || Place { dir: above, path: name.to_vec() };
    match files.open(at(), DIR, 0) {
        Ok(dir) => {
            let emptied = files
                .list(dir)
                .and_then(|names| names.iter().try_for_each(|name| remove_below(files, Some(dir), name)));
            files.close(dir)?;
            emptied?;
            files.rmdir(at())
        }
        Err(Errno::NOTDIR | Errno::LOOP) => files.unlink(at()),
        Err(errno) => Err(errno),
    }
}
