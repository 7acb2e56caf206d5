//! The rule of POSIX directories that tells which moves each class of attacker may make.

use crate::arena::tree::{Entry, Maker, Tree};
use crate::attacker::hands::ATTACKER_UID;
use crate::attacker::moves::{Move, Verb};
use crate::class::Class;

/// Whether a class may make this move as things stand. Errs on no side: a property test holds it against the kernel.
///
/// The rule is that of unlink(2): to add a name one must be able to write and search the directory; to take one away
/// from a sticky directory one must also own the entry or the directory.
pub(crate) fn permits(class: Class, act: &Move, path: &[u8], tree: &Tree) -> bool {
    let (Some(dir), true) = (tree.parent(path), class != Class::None) else {
        return false;
    };
    let mine = |entry: &Entry| entry.maker == Maker::Attacker;
    let by_group = dir.gid == ATTACKER_UID && dir.mode & 0o030 == 0o030;
    let may_write = tree.reachable(path) && (mine(dir) || by_group || dir.mode & 0o003 == 0o003);
    let entry = tree.get(path);
    let may_take = |entry: &Entry| may_write && (dir.mode & 0o1000 == 0 || mine(dir) || mine(entry));
    match (act.verb, entry) {
        (Verb::Plant, None) | (Verb::TakeNames, _) => may_write,
        (Verb::Plant, Some(_)) => false,
        (Verb::Chmod, Some(entry)) => mine(entry) && tree.reachable(path),
        (Verb::Exchange | Verb::MoveAway, Some(entry)) => may_take(entry),
        (Verb::Unlink | Verb::SwapOver | Verb::Recreate, Some(entry)) => may_take(entry) && !entry.is_dir(),
        (_, None) => false,
    }
}
