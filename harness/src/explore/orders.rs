//! Which calls of two copies of a victim may change places with nothing changed: the relation by which orders of their
//! calls are left out.
//!
//! Two calls are independent when neither names what the other names, nor anything above or below it, or when both only
//! look. Where links stand in the arena a path does not tell what a call reaches, so nothing is independent there. What
//! comes after a lock was asked for depends on the other's locks, because it is given back unseen, by close(2). What
//! copies say to each other outside of the arena, by signals, sockets or pids, is not in the relation.

use super::key_of;
use crate::arena::tree::{Entry, What, is_below};
use crate::evidence::{CallStep, Deed, Evidence};
use crate::schedule::Key;
use crate::world::calls::Op;
use rustix::fs::FileType;

/// What a call names, and what it does there.
#[derive(Clone, Debug)]
struct Reach {
    paths: Vec<Vec<u8>>,
    only_looks: bool,
    locks: bool,
    /// The same copy has asked for a lock before.
    after_lock: bool,
}

impl Reach {
    fn of(evidence: &Evidence, call: &CallStep, after_lock: bool) -> Reach {
        let only_looks = match call.sys.op {
            Op::Look | Op::List | Op::Enter | Op::Run | Op::Sync | Op::Close => true,
            Op::Open => !call.creates && !call.writes,
            _ => false,
        };
        let paths = evidence.paths(call).map(<[u8]>::to_vec).collect();
        Reach { paths, only_looks, locks: call.sys.op == Op::Lock, after_lock }
    }

    fn is_independent_of(&self, other: &Reach) -> bool {
        let related = |a: &[u8], b: &[u8]| is_below(a, b) || is_below(b, a);
        let meets = || self.paths.iter().any(|a| other.paths.iter().any(|b| related(a, b)));
        let locked = (self.locks && other.after_lock) || (other.locks && self.after_lock);
        !locked && ((self.only_looks && other.only_looks) || !meets())
    }
}

/// The calls of two copies in one trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    copies: [Vec<(Key, Reach)>; 2],
    /// Links made paths mean other things than they say.
    linked: bool,
    /// Calls of each copy before it first waited for the other.
    free: [usize; 2],
}

impl Trace {
    /// Takes the calls of a trial.
    pub(crate) fn of(evidence: &Evidence) -> Trace {
        let mut trace = Trace { linked: evidence.winding || has_links(evidence), ..Trace::default() };
        let (mut locked, mut waited) = ([false; 2], [None; 2]);
        for step in &evidence.steps {
            match &step.deed {
                Deed::Call(call) => {
                    let copy = usize::from(call.second);
                    locked[copy] |= call.sys.op == Op::Lock;
                    let reach = Reach::of(evidence, call, locked[copy]);
                    trace.copies[copy].push((key_of(evidence, call), reach));
                }
                Deed::Waits(second) => {
                    let copy = usize::from(*second);
                    waited[copy].get_or_insert(trace.copies[copy].len());
                }
                Deed::Move(_) | Deed::Fault(_) | Deed::Switch(_) => {}
            }
        }
        trace.free = [0, 1].map(|copy| waited[copy].unwrap_or(trace.copies[copy].len()));
        trace
    }

    /// The stops of a copy before it first waited for the other, in order.
    pub(crate) fn stops(&self, second: bool) -> Vec<Key> {
        let copy = usize::from(second);
        self.copies[copy][..self.free[copy]].iter().map(|(key, _)| key.clone()).collect()
    }

    /// True when the call number `at` of a copy may change places with all calls of the other copy from `from` on.
    pub(crate) fn is_independent(&self, second: bool, at: usize, from: usize) -> bool {
        let (own, others) = (&self.copies[usize::from(second)], &self.copies[usize::from(!second)]);
        let Some((_, call)) = own.get(at).filter(|_| !self.linked) else { return false };
        others.iter().skip(from).all(|(_, other)| call.is_independent_of(other))
    }
}

/// True when a symbolic link or a second hard link was there at any time.
fn has_links(evidence: &Evidence) -> bool {
    let made = evidence.steps.iter().flat_map(|step| evidence.changes(step));
    let made = made.filter(|change| change.what == What::Appeared).filter_map(|change| change.is);
    let tree = &evidence.last;
    // The canaries are linked to each other.
    let apart = |entry: &&Entry| !tree.path(entry).starts_with(b"outside");
    let standing = tree.entries().iter().filter(apart).copied();
    let linked =
        |kind: FileType, links: u32| kind == FileType::Symlink || (kind != FileType::Directory && links > 1);
    made.chain(standing).any(|e| linked(e.kind, e.links))
}
