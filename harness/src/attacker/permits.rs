//! The rule of POSIX directories that tells which moves each class of attacker may make.

use crate::arena::tree::{Entry, Maker, Tree};
use crate::attacker::moves::{Move, Verb};
use crate::class::Class;
use crate::host::ATTACKER_UID;
use rustix::fs::FileType;

/// Whether a class may make this move as things stand. Errs on no side: a property test holds it against the kernel.
///
/// The rule is that of unlink(2): to add a name one must be able to write and search the directory; to take one away
/// from a sticky directory one must also own the entry or the directory. Every directory on the way must let the
/// attacker pass; links lead out of `shared/`, where the attacker has no business.
pub(crate) fn permits(class: Class, act: &Move, path: &[u8], tree: &Tree) -> bool {
    let (Some(dir), true) = (tree.parent(path), class != Class::None) else {
        return false;
    };
    let mine = |entry: &Entry| entry.maker == Maker::Attacker;
    let reaches = tree.dirs_above(path).all(|dir| rights(dir) & 0o1 != 0);
    let may_write = reaches && rights(dir) & 0o3 == 0o3;
    let entry = tree.get(path);
    let may_take = |entry: &Entry| may_write && (dir.mode & 0o1000 == 0 || mine(dir) || mine(entry));
    match (act.verb, entry) {
        // A rename to a free name replaces nothing, but it is made.
        (Verb::Plant | Verb::PlantPredicted | Verb::SwapOver, None) | (Verb::TakeNames, _) => may_write,
        (Verb::Plant | Verb::PlantPredicted, Some(_)) => false,
        (Verb::Chmod, Some(entry)) => mine(entry) && reaches && entry.kind != FileType::Symlink,
        (Verb::Exchange | Verb::MoveAway, Some(entry)) => may_take(entry),
        (Verb::SwapOver, Some(entry)) => may_take(entry) && entry.is_dir() == act.bait.is_dir(),
        (Verb::Unlink | Verb::Recreate, Some(entry)) => may_take(entry) && !entry.is_dir(),
        (_, None) => false,
    }
}

/// What the attacker may do in a directory, as the three bits of a mode: as its owner, by the group that opens
/// `shared/` to it, or as one of the others. Nothing in what is no directory.
fn rights(dir: &Entry) -> u32 {
    let shift = match dir.maker {
        Maker::Attacker => 6,
        Maker::Stage if dir.gid == ATTACKER_UID => 3,
        Maker::Stage | Maker::Victim | Maker::Second => 0,
    };
    if dir.is_dir() { (dir.mode >> shift) & 0o7 } else { 0 }
}
