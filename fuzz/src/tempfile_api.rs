//! Sequences over the tempfile crate's whole API: left alone it does what it promises, and under attack it does that or fails.
//!
//! The promise is the documentation's, written in calls of the model (`reference`). What the crate documents that it cannot
//! promise where others may write its directory is no failure. Own are the oracle and what the two sides work through
//! (`sequence`); inputs are read by `program`, the crate is driven by `real`.

mod fault;
mod mutate;
mod op;
mod program;
mod real;
mod reference;
mod seeds;
mod sequence;

pub use fault::Fault;
pub use mutate::mutate_tempfile_api;
pub use seeds::tempfile_api_seeds;

use crate::ready::{Kept, supported};
use linkbait::fuzz::{Attack, Plan};
use linkbait::{Class, Error, Host, Judge, Tried};
use op::Op;
use program::Program;
use real::Real;
use reference::Reference;
use sequence::{Answer, carry_out};
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// Carries out a program, left alone and attacked.
///
/// # Panics
/// When the crate answers otherwise than it promises, or breaks a rule; or when our own work fails.
pub fn tempfile_api(bytes: &[u8]) {
    tempfile_api_with(bytes, Fault::put_back());
}

/// The same with a fault, which shows that it can fail.
///
/// # Panics
/// As [`tempfile_api`].
pub fn tempfile_api_with(bytes: &[u8], fault: Option<Fault>) {
    thread_local! {
        static READY: RefCell<Kept<(Program, Option<Fault>), Trial>> = RefCell::new(Kept::with_room(MOST_READY));
    }
    let Some(mut program) = Program::read(bytes) else { return };
    let plans = mem::take(&mut program.plans);
    READY.with_borrow_mut(|ready| {
        let alike = |(one, _): &(Program, _), (other, _): &(Program, _)| one.is_described_as(other);
        let trial = ready.get_or_turn((program.clone(), fault), alike, |(program, fault), old| match old {
            Some(old) => old.turn(program, *fault),
            None => Trial::start(program, *fault),
        });
        let all = [plans.clone()].into_iter().chain(more_plans(bytes).filter(|_| !plans.is_empty()));
        supported(
            trial.and_then(|trial| all.into_iter().try_for_each(|plans| trial.attacked(&program, &plans))),
        );
    });
}

/// Further plans, of one act each, that follow from an input: starting its program takes as long as some trials.
fn more_plans(bytes: &[u8]) -> impl Iterator<Item = Vec<Plan>> {
    const MORE: u64 = 6;
    // Within the first stops, where it does most.
    const STOPS: u8 = 24;
    let mixed = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |mixed, byte| {
        (mixed ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (1..=MORE).map(move |number| {
        let drawn = mixed.wrapping_mul(2 * number + 1);
        let [stop, name, verb, bait, way, ..] =
            (drawn ^ (drawn >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes();
        vec![Plan { stop: stop % STOPS, name, verb, bait, way }]
    })
}

/// Most programs that are kept ready at once.
const MOST_READY: usize = 64;

/// What a victim is to do, and what it tells of its last run.
#[derive(Default)]
struct Notes {
    ops: Mutex<(Vec<Op>, Option<Fault>)>,
    answers: Mutex<Vec<Answer>>,
    /// It is to look at what stands in the directory in the end.
    looks: AtomicBool,
}

impl Notes {
    fn prepare(&self, program: &Program, fault: Option<Fault>) {
        *lock(&self.ops) = (program.ops.clone(), fault);
        self.looks.store(true, Ordering::Relaxed);
    }

    fn answers(&self) -> Vec<Answer> {
        lock(&self.answers).clone()
    }

    /// The victim's body.
    fn carry_out(&self, dir: &Path) {
        lock(&self.answers).clear();
        let (ops, fault) = lock(&self.ops).clone();
        let looks = self.looks.load(Ordering::Relaxed);
        let tell = |answer| lock(&self.answers).push(answer);
        let crate_itself = || carry_out(&mut Real::new(dir, fault), &ops, looks, tell);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(crate_itself)) {
            tell(Answer::Panicked);
            resume_unwind(panic);
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program of the crate as a victim, which is right as long as it is left alone.
struct Trial {
    attack: Attack,
    notes: Arc<Notes>,
}

impl Trial {
    fn start(program: &Program, fault: Option<Fault>) -> Result<Trial, Error> {
        static HOST: LazyLock<Host> = LazyLock::new(Host::detect);
        let notes = Arc::new(Notes::default());
        notes.prepare(program, fault);
        let told = Arc::clone(&notes);
        let victim = linkbait::victim("tempfile-api", move |dir: &Path| told.carry_out(dir));
        let judge = Judge::new(HOST.clone());
        let attack = Attack::start(judge, program.describe(victim), program.class(), program.umask())?;
        let trial = Trial { attack, notes };
        let tried = trial.attack.try_plans(&[])?;
        trial.alone(program, &tried);
        Ok(trial)
    }

    /// Becomes that of another program, which is described in the same way.
    fn turn(self, program: &Program, fault: Option<Fault>) -> Result<Trial, Error> {
        self.notes.prepare(program, fault);
        let tried = self.attack.try_anew(&[])?;
        self.alone(program, &tried);
        Ok(self)
    }

    /// What came when it was left alone.
    fn alone(&self, program: &Program, tried: &Tried) {
        assert_no_findings(tried, |_| true);
        let promised = promised(program, None, true);
        assert_eq!(self.notes.answers(), promised, "the crate left, the promise right, of {program:?}");
        // From here on what is there is the attacker's too, and none of the crate's affair.
        self.notes.looks.store(false, Ordering::Relaxed);
    }

    fn attacked(&self, program: &Program, plans: &[Plan]) -> Result<(), Error> {
        if plans.is_empty() || program.class() == Class::None {
            return Ok(());
        }
        let tried = self.attack.try_plans(plans)?;
        assert_no_findings(&tried, |rule| match rule {
            // What is removed by a name in a directory that was exchanged, or removed and made anew, is removed in another's.
            "deletes-foreign" => !program.works_in_directories(),
            rule => !spoils_paths(program) || !BY_PATH.contains(&rule),
        });
        compare(program, plans, &self.notes.answers());
        Ok(())
    }
}

/// What a dir-writer can make the crate do, as it documents: `reopen` opens what stands at the path and compares then; and a
/// temporary directory is a path, so that things are made in what has been put there, be it a link. Once the directory is removed,
/// anyone can put something there: a spooled file that rolls over then does so where it was told to.
const BY_PATH: [&str; 2] = ["follows-link", "uses-foreign"];

/// True when the attacker may decide what stands at a path that the crate works by.
fn spoils_paths(program: &Program) -> bool {
    program.class() == Class::DirWriter || program.works_in_directories()
}

fn assert_no_findings(tried: &Tried, counts: impl Fn(&str) -> bool) {
    let counted = tried.findings.iter().filter(|finding| counts(finding.rule));
    let timelines: Vec<&str> = counted.map(|finding| finding.timeline.as_str()).collect();
    assert!(timelines.is_empty(), "{}", timelines.join("\n"));
}

/// What the crate should answer: left alone, or to an attack of this class to which it has answered so.
fn promised(program: &Program, attacked: Option<(Class, Vec<Answer>)>, looks: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut reference = Reference::new(program.umask(), attacked);
    carry_out(&mut reference, &program.ops, looks, |answer| answers.push(answer));
    answers
}

/// Compares what was answered under attack, as far as the victim came: one that the attacker keeps busy for ever is ended.
fn compare(program: &Program, plans: &[Plan], answers: &[Answer]) {
    let promised = promised(program, Some((program.class(), answers.to_vec())), false);
    for (number, answer) in answers.iter().enumerate() {
        let promised = promised.get(number);
        let has_failed = promised.is_some_and(Answer::has_failed);
        if has_failed && answer.has_failed() {
            // With which error is the attacker's choice: a removed directory's name is free for a file, say.
            continue;
        }
        if Some(answer) != promised && has_failed && spoils_paths(program) {
            // The attacker has taken away what would have been in the way, or made what was missing. From here on there is more than
            // is promised.
            return;
        }
        assert_eq!(
            Some(answer),
            promised,
            "attacked, the crate left, the promise right, operation {number} of {program:?} with {plans:?}: {answers:?}"
        );
    }
}
