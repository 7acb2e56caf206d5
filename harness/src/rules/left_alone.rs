//! Telling use from a look. The secure way to open what may be another's is to open it, to ask fstat(2) what it is, and to
//! give up (CERT POS35-C, FIO22-C); such a victim neither reads nor changes what it has opened.
//!
//! A change shows in the tree. That a file was read shows in its access time, which attackers set back when they plant one;
//! where the file system keeps no such times, everything counts as read. What the attacker has taken away again by the end can
//! be asked nothing then, so its last sight counts.

use super::Case;
use crate::arena::tree::{Entry, Ident, Maker};
use crate::evidence::{CallStep, Change, Deed};
use crate::world::calls::Op;
use rustix::fs::FileType;

impl Case<'_> {
    /// True when a file that the attacker had planted was opened and then left alone.
    pub(crate) fn left_alone(&self, call: &CallStep, ident: Ident) -> bool {
        let gave_up = self.evidence.ending != *self.alone;
        let meant_to_take = call.writes || call.flags & libc::O_CREAT as u32 != 0;
        let hides = !self.reads_show || call.flags & libc::O_NOATIME as u32 != 0;
        let last = self.evidence.last.by_ident(ident).copied().or_else(|| self.taken_away(ident));
        let (Some(planted), Some(last)) = (self.planted(ident), last) else {
            return false;
        };
        let used = match planted.kind {
            FileType::RegularFile => {
                hides || last.atime != planted.atime || self.changed(ident) || self.writes_to(call)
            }
            // There is nothing in it to be read.
            FileType::Fifo => self.writes_to(call),
            _ => true,
        };
        !used && (gave_up || !meant_to_take)
    }

    /// True when something that stood there before was opened by a name of its own, a hard link, and then given up
    /// unchanged. Whether it was read is not known.
    pub(crate) fn left_unchanged(&self, call: &CallStep, ident: Ident) -> bool {
        let gave_up = self.evidence.ending != *self.alone;
        let named = self.evidence.paths(call).next().and_then(|path| self.evidence.last.get(path));
        let by_name = named.is_some_and(|entry| entry.ident == ident);
        by_name && call.writes && gave_up && !self.changed(ident)
    }

    /// True when something was written to what this call has opened.
    fn writes_to(&self, opened: &CallStep) -> bool {
        let path = |call: &CallStep| self.evidence.paths(call).next().map(<[u8]>::to_vec);
        self.successes().any(|(_, call)| call.sys.op == Op::Write && path(call) == path(opened))
    }

    /// The file as the attacker has put it there: as it was first seen.
    fn planted(&self, ident: Ident) -> Option<Entry> {
        let (all, _) = self.evidence.changes_from(None);
        let first = all.iter().find_map(|change| change.is.filter(|entry| entry.ident == ident));
        first.filter(|entry| entry.maker == Maker::Attacker)
    }

    /// The file as it was when a move took it away.
    fn taken_away(&self, ident: Ident) -> Option<Entry> {
        let gone = |change: &Change| change.was.filter(|was| was.ident == ident && change.is.is_none());
        self.changes_by_moves().filter_map(gone).last()
    }

    fn changes_by_moves(&self) -> impl Iterator<Item = &Change> {
        let moves = self.evidence.steps.iter().filter(|step| matches!(step.deed, Deed::Move(_)));
        moves.flat_map(|step| self.evidence.changes(step))
    }

    fn changed(&self, ident: Ident) -> bool {
        let is_it = |change: &Change| [change.was, change.is].into_iter().flatten().any(|e| e.ident == ident);
        self.victim_changes().any(|(_, change)| is_it(change))
    }
}
