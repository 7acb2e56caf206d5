//! Which files a victim replaces, and with what: learned from runs in which no one interferes, of the luck that trials have.

use super::engine::Engine;
use crate::arena::sight::Sight;
use crate::arena::tree::Tree;
use crate::rules::Replaced;
use crate::victim::matches;

impl Engine<'_> {
    /// Finds the files of the stage that the victim says it replaces.
    pub(super) fn watch_replaced(&mut self) {
        let mut stage = Tree::default();
        self.world.look_at_stage(&mut stage);
        self.replaced.clear();
        for pattern in &self.victim.replaces {
            let fits = |path: &[u8]| {
                path.strip_prefix(b"shared/").is_some_and(|name| matches(pattern.as_bytes(), name))
            };
            let files = stage.entries().iter().filter(|entry| !entry.is_dir()).map(|entry| stage.path(entry));
            let (old, new) = (Sight::Unknown, Sight::Unknown);
            let all = files.filter(|path| fits(path));
            let all: Vec<Replaced> =
                all.map(|path| Replaced { path: path.to_vec(), old, new, varies: false }).collect();
            if all.is_empty() {
                let note =
                    format!("nothing that it replaces stands there at the start: no {pattern:?} in shared/");
                self.miss_once(note);
            }
            self.replaced.extend(all);
        }
        self.bench.replaced = self.replaced.iter().map(|replaced| replaced.path.clone()).collect();
    }

    /// Takes what was read in the run on the bench as the old content and the new.
    pub(super) fn learn_contents(&mut self) {
        let (mut missed, mut noted) = (Vec::new(), Vec::new());
        for (which, replaced) in self.replaced.iter_mut().enumerate() {
            let seen = self.bench.evidence.readings().iter().filter(|reading| reading.which == which);
            let mut seen = seen.map(|reading| reading.sight);
            let Some(old) = seen.next() else { continue };
            let path = replaced.path.escape_ascii();
            if old == Sight::Unknown || seen.clone().any(|sight| sight == Sight::Unknown) {
                missed.push(format!("{path} could not be read at every step"));
            }
            let new = seen.next_back().unwrap_or(old);
            replaced.varies |= replaced.new != Sight::Unknown && replaced.new != new;
            if replaced.varies {
                let note = "is another in every run, so only its being there was examined";
                noted.push(format!("the new content of {path} {note}"));
            }
            (replaced.old, replaced.new) = (old, new);
        }
        missed.into_iter().for_each(|what| self.miss_once(what));
        noted.into_iter().for_each(|what| self.note(what));
    }

    /// As `miss`, of what is looked at in many runs.
    fn miss_once(&mut self, what: String) {
        if !self.report.not_examined.contains(&what) {
            self.miss(what);
        }
    }
}
