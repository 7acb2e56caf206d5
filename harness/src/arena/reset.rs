//! Putting an arena back as it was built: undoing where that is enough, making anew what was changed, or building everything.

use super::tree::{self, Entry, Tree};
use super::{Arena, CANARY, Canary, Staged, backdate, wipe};
use crate::error::Error;
use std::os::fd::AsFd;

/// How a reset went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// Everything was undone; the stage is as before, down to birth times.
    Undone,
    /// Staged files had changed, so they were made anew, and all else was undone.
    Restaged,
    /// A canary had changed, or more than staged files, so it, or the whole arena, was built anew.
    Rebuilt,
}

impl Arena {
    /// Puts everything back as it was built. `seen` is what [`Arena::look`] has just shown.
    pub(crate) fn reset(&mut self, seen: &Tree) -> Result<Reset, Error> {
        let as_before = self.undo(seen, b"shared");
        let undone = (as_before || self.restage(seen)) && self.undo_private();
        if undone && self.untouched {
            return Ok(if as_before { Reset::Undone } else { Reset::Restaged });
        }
        let one = undone && self.canaries.iter().all(|c| c.path == CANARY.0.as_bytes() || c.is_untouched());
        if !(one && self.renew_canary().is_ok()) {
            self.rebuild()?;
        }
        Ok(Reset::Rebuilt)
    }

    /// Makes the canary anew that links lead to, when nothing else was touched: a hard link that is gone again, and a
    /// write through a link, are too frequent for building everything.
    fn renew_canary(&mut self) -> rustix::io::Result<()> {
        let (path, content) = CANARY;
        let renewed = [path.as_bytes(), b"outside"];
        wipe::remove_one(self.root(), path.as_bytes(), false)?;
        self.file(path, 0o644, content)?;
        for path in renewed {
            backdate(self.root(), path)?;
            self.baseline.refresh(self.root.as_fd(), path);
        }
        for canary in self.canaries.iter_mut().filter(|c| renewed.contains(&c.path.as_slice())) {
            *canary = Canary::hold(self.root.as_fd(), &canary.path)?;
        }
        self.untouched = true;
        Ok(())
    }

    /// Makes those files of the stage anew that were removed, replaced or changed, as what saves does in every trial, and
    /// undoes all else. True when what remains is the stage.
    fn restage(&mut self, seen: &Tree) -> bool {
        if !self.as_built {
            return false;
        }
        let stage = std::mem::take(&mut self.stage.files);
        let restored = stage.iter().all(|staged| self.is_there(staged, seen) || self.restore(staged, seen));
        self.stage.files = stage;
        let mut now = std::mem::take(&mut self.scratch);
        now.clear();
        now.add(self.root(), c"shared");
        now.finish();
        let undone = restored && self.undo(&now, b"shared");
        self.scratch = now;
        undone
    }

    fn is_there(&self, staged: &Staged, seen: &Tree) -> bool {
        let path = staged.below_arena();
        let (was, is) = (self.baseline.get(path.as_bytes()), seen.get(path.as_bytes()));
        was.zip(is).is_some_and(|(was, is)| was.same_state(is))
    }

    /// True when it worked, which is not tried through a link: that leads elsewhere.
    fn restore(&mut self, staged: &Staged, seen: &Tree) -> bool {
        let path = staged.below_arena();
        if seen.dirs_above(path.as_bytes()).any(|dir| !dir.is_dir()) {
            return false;
        }
        // It may be gone already.
        let _ = wipe::remove_one(self.root(), path.as_bytes(), false);
        if self.put_on_stage(staged).is_err() {
            return false;
        }
        self.baseline.refresh(self.root.as_fd(), path.as_bytes());
        if staged.foreign {
            self.baseline.give_to_attacker(path.as_bytes(), self.attacker);
        }
        true
    }

    /// [`Arena::reset`] for those who have not looked.
    pub(crate) fn sweep(&mut self) -> Result<Reset, Error> {
        let mut seen = Tree::default();
        self.look(&mut seen);
        self.reset(&seen)
    }

    /// Removes what is not of the stage; true when what remains below `top` is the stage to the last bit.
    fn undo(&self, seen: &Tree, top: &[u8]) -> bool {
        let was = |path: &[u8], entry: &Entry| self.baseline.get(path).filter(|was| was.ident == entry.ident);
        let mut kept = 0;
        for entry in seen.entries().iter().rev().filter(|e| tree::is_below(seen.path(e), top)) {
            let path = seen.path(entry);
            let undone = match was(path, entry) {
                Some(was) => was.same_state(entry),
                None => wipe::remove_one(self.root(), path, entry.is_dir()).is_ok(),
            };
            if !undone {
                return false;
            }
            kept += usize::from(was(path, entry).is_some());
        }
        let staged = self.baseline.entries().iter().filter(|e| tree::is_below(self.baseline.path(e), top));
        !seen.is_full() && kept == staged.count()
    }

    /// The victim's home is looked at only when something happened in it.
    fn undo_private(&mut self) -> bool {
        if self.home.as_ref().is_some_and(Canary::is_untouched) {
            return true;
        }
        let mut tree = std::mem::take(&mut self.scratch);
        tree.clear();
        tree.add(self.root(), c"private");
        tree.finish();
        let undone = self.undo(&tree, b"private") && self.hold_home().is_ok();
        self.scratch = tree;
        undone
    }
}
