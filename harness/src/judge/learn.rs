//! Which names of a victim mean the same in every run, learned by running it alone.

use super::engine::Engine;
#[cfg(feature = "arbitrary")]
use super::names::Watched;
use crate::arena::Stage;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::evidence::{CallStep, Evidence};
use crate::explore::trial::Bench;
use crate::finding::Alone;
use crate::names::looks_drawn;
use crate::schedule::Schedule;
use crate::world::calls::Op;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Runs in which no one interferes, made to learn which names stay the same.
pub(super) const RECORDINGS: usize = 3;

/// Long enough for a clock that counts seconds to go on.
pub(super) const A_SECOND: Duration = Duration::from_millis(1_001);

/// What is known about the names of one victim; true for directories.
#[derive(Default)]
pub(super) struct Names {
    /// What follows was learned. A victim takes its names whoever interferes, so it is once for all attackers.
    learned: bool,
    constant: BTreeMap<Vec<u8>, bool>,
    /// There were others, left alone.
    pub(super) differ: bool,
    /// Names with a number in them that were there again a second later.
    settled: BTreeSet<Vec<u8>>,
    /// Shapes of names that have changed although they looked constant.
    changing: BTreeSet<Vec<u8>>,
}

impl Names {
    /// Takes a further run into account.
    fn narrow(&mut self, seen: &BTreeMap<Vec<u8>, bool>) {
        self.differ |= !seen.keys().eq(self.constant.keys());
        self.constant.retain(|name, _| {
            let again = seen.contains_key(name);
            if !again && has_number(name) {
                self.changing.insert(shape(name));
            }
            again
        });
    }

    /// True when a name could hold the time in seconds, which three quick runs cannot tell.
    fn may_tell_time(&self) -> bool {
        self.constant
            .keys()
            .any(|name| (has_number(name) || looks_drawn(name)) && !self.settled.contains(name))
    }
}

impl Engine<'_> {
    /// Forgets what was learned of the victim.
    #[cfg(feature = "arbitrary")]
    pub(super) fn forget(&mut self) {
        (self.names, self.watched) = (Names::default(), Watched::default());
        self.replaced.clear();
    }

    /// Learns which names stay the same, then records one run with labels; its evidence stays on the bench.
    pub(super) fn record(&mut self, class: Class, umask: u32) -> Result<(), Error> {
        (self.class, self.umask, self.bench.class) = (class, umask, class);
        let files = self.victim.stage.clone();
        if !self.names.learned {
            self.bench.labels.know(Vec::new());
            self.world.prepare(class, umask, Stage { files: files.clone(), decoys: Vec::new() })?;
            self.anew(Self::learn)?;
            self.watch_replaced();
            self.names.learned = true;
            if self.untouched {
                return Ok(());
            }
        }
        let decoys = self.names.constant.iter();
        let decoys = decoys.filter_map(|(name, dir)| Some((String::from_utf8(name.clone()).ok()?, *dir)));
        let decoys = decoys.collect();
        self.bench.labels.know(self.names.constant.keys().cloned().collect());
        self.world.prepare(class, umask, Stage { files, decoys })?;
        self.run_alone()?;
        let first = self.stops().next();
        self.first = first;
        let evidence = &self.bench.evidence;
        self.ended_alone = evidence.ending.clone();
        self.winds = evidence.winding;
        self.clean = clean_modes(evidence);
        Ok(())
    }

    /// Records for those who have no use for a victim that hangs.
    pub(super) fn must_record(&mut self, class: Class, umask: u32) -> Result<(), Error> {
        self.record(class, umask)?;
        if let Some(why) = self.world.spoiled() {
            return Err(Error::input(&self.victim.name, why));
        }
        if !self.report.hangs_alone {
            return Ok(());
        }
        Err(Error::input(
            &self.victim.name,
            "it hangs although no one interferes; a longer time limit may help",
        ))
    }

    fn run_alone(&mut self) -> Result<(), Error> {
        let before = self.clock();
        self.run(&Schedule::default())?;
        self.learn_contents();
        if !self.names.learned && !self.sets_clocks() {
            let entries = self.staged();
            self.watch(before, entries);
        }
        let evidence = &self.bench.evidence;
        let spoiled = self.world.spoiled().is_some();
        self.report.hangs_alone |= evidence.ending == Ending::Hung && !evidence.endless && !spoiled;
        self.report.alone = self.world.printed().map(|(output, cut)| Alone {
            ending: evidence.ending.clone(),
            output: String::from_utf8_lossy(output).into_owned(),
            cut,
        });
        Ok(())
    }

    /// Runs it alone with luck that no other run has: what a seed makes the same in all trials is not the same for those
    /// who have another.
    fn run_with_other_luck(&mut self) -> Result<(), Error> {
        self.luck += 1;
        self.world.vary(self.luck);
        let ran = self.run_alone();
        self.world.vary(0);
        ran
    }

    fn learn(&mut self) -> Result<(), Error> {
        self.run_with_other_luck()?;
        if self.judge.looks_first && self.does_nothing_here() {
            self.run_with_other_luck()?;
            self.untouched = self.does_nothing_here();
            if self.untouched {
                if self.bench.evidence.ending != Ending::Success {
                    // It may do more when it does not fail.
                    self.miss("it failed when left alone, before it did anything that could be attacked");
                }
                return Ok(());
            }
        }
        let mut first = names_of(&self.bench);
        first.retain(|name, _| !self.names.changing.contains(&shape(name)));
        self.names.constant = first;
        for _ in 1..RECORDINGS {
            if self.report.hangs_alone || self.world.spoiled().is_some() {
                return Ok(());
            }
            self.run_with_other_luck()?;
            self.names.narrow(&names_of(&self.bench));
        }
        if self.names.may_tell_time() {
            std::thread::sleep(A_SECOND);
            self.run_with_other_luck()?;
            self.names.narrow(&names_of(&self.bench));
            self.names.settled.extend(self.names.constant.keys().cloned());
        }
        Ok(())
    }

    /// True when the run on the bench ended and did no more in the arena than to look for something at home, as what looks for
    /// a user's settings does.
    fn does_nothing_here(&self) -> bool {
        let evidence = &self.bench.evidence;
        let at_home = |path: &[u8]| path.starts_with(b"private/");
        let looks = |call: &CallStep| call.sys.op == Op::Look && evidence.paths(call).all(at_home);
        let idle = evidence.calls().all(|(_, call)| looks(call));
        idle && evidence.ending != Ending::Hung && !evidence.full && self.world.spoiled().is_none()
    }

    /// Runs the victim alone once more; true when a name that was taken for constant is not there any more.
    pub(super) fn a_name_has_changed(&mut self) -> Result<bool, Error> {
        self.anew(Self::run_with_other_luck)?;
        let seen = names_of(&self.bench);
        let gone: Vec<_> = self.names.constant.keys().filter(|name| !seen.contains_key(*name)).collect();
        self.names.changing.extend(gone.iter().map(|name| shape(name)));
        self.names.learned &= gone.is_empty();
        Ok(!gone.is_empty())
    }
}

/// True for a name with six digits in a row, decimal or hexadecimal: long enough for a time of day.
pub(super) fn has_number(name: &[u8]) -> bool {
    name.split(|b| !b.is_ascii_hexdigit()).any(|run| run.len() >= 6 && run.iter().any(u8::is_ascii_digit))
}

/// The name with every run of digits, decimal or hexadecimal, replaced by `#`.
fn shape(name: &[u8]) -> Vec<u8> {
    let mut shape = Vec::with_capacity(name.len());
    for run in name.chunk_by(|a, b| a.is_ascii_hexdigit() == b.is_ascii_hexdigit()) {
        let number = run[0].is_ascii_hexdigit() && run.iter().any(u8::is_ascii_digit);
        shape.extend_from_slice(if number { b"#" } else { run });
    }
    shape
}

/// Every name of the trial on the bench, be it of a call or of what changed, with true for directories.
fn names_of(bench: &Bench) -> BTreeMap<Vec<u8>, bool> {
    let mut names = BTreeMap::new();
    let evidence = &bench.evidence;
    let named = evidence.calls().flat_map(|(_, call)| evidence.paths(call));
    let changes = evidence.steps.iter().flat_map(|step| evidence.changes(step));
    let changed = changes.map(|change| evidence.changed_path(change));
    let inside = |p: &&[u8]| p.starts_with(b"shared/") || p.starts_with(b"private/");
    for path in named.chain(changed).filter(inside) {
        let parts: Vec<&[u8]> = path.split(|&b| b == b'/').skip(1).collect();
        for (at, part) in parts.iter().enumerate() {
            *names.entry(part.to_vec()).or_insert(false) |= at + 1 < parts.len();
        }
    }
    names
}

fn clean_modes(evidence: &Evidence) -> Vec<(String, u32, u32)> {
    let mut modes = BTreeMap::new();
    for (at, _) in evidence.calls() {
        for change in evidence.changes(&evidence.steps[at]) {
            if let Some(is) = change.is.filter(|e| e.maker.is_victim()) {
                modes.insert(evidence.changed(change).to_owned(), (is.mode, is.uid));
            }
        }
    }
    modes.into_iter().map(|(label, (mode, uid))| (label, mode, uid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_their_numbers_only_have_one_shape() {
        assert_eq!(shape(b"app.1763900000.log"), shape(b"app.1763900001.log"));
        assert_ne!(shape(b"app.1.log"), shape(b"lib.1.log"));
        assert!(has_number(b"app.1763900000") && has_number(b"x-65a1b2c3"));
        assert!(!has_number(b"app.conf") && !has_number(b"facade") && !has_number(b"v2"));
    }
}
