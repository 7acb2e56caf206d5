//! What the attacker foresees of one trial: names to plant at before the victim begins, or right after it has made the name
//! that tells the next. The stops give no help: they only keep the victim from being faster.

use crate::arena::tree::{Maker, What};
use crate::attacker::permits::permits;
use crate::attacker::{Bait, Move, Verb};
use crate::evidence::{Deed, Evidence, Foretold};
use crate::explore::trial::Bench;
use crate::names::Sequence;
use crate::world::{Outcome, World};

/// Longest path that a predicted name can make.
const LONGEST: usize = 512;

/// The plants of one trial.
#[derive(Debug)]
pub(crate) struct Foresight {
    /// Paths to plant at before the start; sorted, and those that could not be planted at taken out.
    pub(crate) ahead: Vec<Vec<u8>>,
    /// How the wanted name follows from the one before, and which one of the run it is.
    pub(crate) follows: Option<(usize, Sequence)>,
    pub(crate) bait: Bait,
    /// What was planted during the run.
    planted: Vec<u8>,
    name: Vec<u8>,
    /// Goes into the evidence with the name that was hit.
    pub(crate) claim: Foretold,
    pub(crate) hit: bool,
}

impl Foresight {
    pub(crate) fn new(ahead: Vec<Vec<u8>>, follows: Option<(usize, Sequence)>, claim: Foretold) -> Foresight {
        let room = || Vec::with_capacity(LONGEST);
        Foresight { ahead, follows, bait: Bait::Link, planted: room(), name: room(), claim, hit: false }
    }

    /// Entries of no meaning, so that there are more of them.
    pub(crate) fn fillers(count: usize) -> Foresight {
        let ahead = (0..count).map(|number| format!("shared/entry-{number}").into_bytes()).collect();
        Foresight { bait: Bait::OpenFile, ..Foresight::new(ahead, None, Foretold::default()) }
    }

    pub(crate) fn plant(&self) -> Move {
        Move { verb: Verb::PlantPredicted, bait: self.bait, target: String::new() }
    }

    /// The path to plant at now, during the run. Allocates nothing.
    pub(crate) fn next(&mut self, evidence: &Evidence) -> Option<&[u8]> {
        let (at, sequence) = self.follows.as_ref()?;
        let mut made = created(evidence);
        let last = made.nth(at.checked_sub(1)?)?;
        if !self.planted.is_empty() || made.next().is_some() || last.len() * 2 > LONGEST {
            return None;
        }
        let slash = last.iter().rposition(|&byte| byte == b'/')?;
        if !sequence.next(&last[slash + 1..], &mut self.name) {
            return None;
        }
        self.planted.extend_from_slice(&last[..=slash]);
        self.planted.extend_from_slice(&self.name);
        Some(&self.planted)
    }

    /// True for a path that was planted at.
    pub(crate) fn foretold(&self, path: &[u8]) -> bool {
        !path.is_empty()
            && (self.planted == path
                || self.ahead.binary_search_by(|known| known.as_slice().cmp(path)).is_ok())
    }
}

/// The paths that the victim has made directly in the shared directory, in order.
pub(crate) fn created(evidence: &Evidence) -> impl Iterator<Item = &[u8]> {
    let changes = evidence.calls().flat_map(|(at, _)| evidence.changes(&evidence.steps[at]));
    let new = changes.filter(|change| {
        let made = change.is.is_some_and(|entry| entry.namer.is_victim());
        change.what == What::Appeared && made && !change.on_own_ground
    });
    new.map(|change| evidence.changed_path(change))
        .filter(|path| path.strip_prefix(b"shared/").is_some_and(|name| !name.contains(&b'/')))
}

impl Bench {
    /// Plants at every predicted name. What stands there then is for the victim to find, and no step of the trial.
    pub(super) fn plant_ahead(&mut self, world: &mut dyn World) {
        let Some(mut foresight) = self.foresight.take() else { return };
        let plant = foresight.plant();
        foresight.ahead.sort_unstable();
        foresight.ahead.dedup();
        let (class, decides) = (self.class, self.kernel_decides);
        foresight.ahead.retain(|path| {
            let may = decides || permits(class, &plant, path, &self.now);
            may && world.act(&plant, path).is_ok()
        });
        if !foresight.ahead.is_empty() {
            world.look(&mut self.next);
            self.next.succeed(&self.now, Maker::Attacker, |_| ());
            std::mem::swap(&mut self.now, &mut self.next);
        }
        self.foresight = Some(foresight);
    }

    /// The stop was noted as the last call: notes what was planted before the first, plants behind the name that tells
    /// the next, and sees whether a prediction comes true.
    pub(super) fn foresee(&mut self, world: &mut dyn World) {
        let Some(mut foresight) = self.foresight.take() else { return };
        let plant = foresight.plant();
        if !matches!(plant.bait, Bait::OpenFile)
            && self.evidence.steps.len() == 1
            && !foresight.ahead.is_empty()
        {
            self.note_plant(world, &plant, &[], true);
        }
        if let Some(path) = foresight.next(&self.evidence) {
            let may = self.kernel_decides || permits(self.class, &plant, path, &self.now);
            let done = may && world.act(&plant, path).is_ok();
            self.note_plant(world, &plant, path, done);
        }
        let hit = self.stop.places().iter().find(|place| foresight.foretold(&place.path));
        if let Some(place) = hit.filter(|_| !foresight.hit) {
            foresight.hit = true;
            self.evidence.landed = 1;
            self.evidence.note_target(0, &place.path);
        }
        self.foresight = Some(foresight);
    }

    fn note_plant(&mut self, world: &mut dyn World, plant: &Move, path: &[u8], done: bool) {
        let held = self.evidence.steps.pop();
        self.evidence.note_move(0, path);
        let outcome = if done { Outcome::Value(0) } else { Outcome::Failed(libc::EPERM) };
        self.evidence.note_outcome(outcome);
        if !path.is_empty() {
            self.path.clear();
            self.path.extend_from_slice(path);
            self.look_after_move(world, plant, done);
        }
        if let Some(mut step) = held {
            step.rebase(self.evidence.change_count());
            self.evidence.steps.push(step);
        }
    }

    /// Puts the prediction into the evidence if the victim came by the name. The victim is done, so this may allocate.
    pub(super) fn come_true(&mut self) {
        let is_plant = |deed: &Deed| matches!(deed, Deed::Move(0));
        let step = self.evidence.steps.iter().find(|step| is_plant(&step.deed));
        if let (Some(foresight), Some(step)) = (self.foresight.take().filter(|f| f.hit), step) {
            let path = self.evidence.target(step).to_vec();
            self.evidence.foretold = Some(Foretold { path, ..foresight.claim });
        }
    }
}
