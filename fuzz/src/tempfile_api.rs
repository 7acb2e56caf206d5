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
use program::Program;
use real::Real;
use reference::Reference;
use sequence::{Answer, carry_out};
use std::cell::RefCell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

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
        let trial = ready.get((program.clone(), fault), |(program, fault)| Trial::start(program, *fault));
        supported(trial.and_then(|trial| trial.attacked(&program, &plans)));
    });
}

/// Most programs that are kept ready at once.
const MOST_READY: usize = 64;

/// What a victim tells of its last run.
#[derive(Default)]
struct Notes {
    answers: Mutex<Vec<Answer>>,
    /// It is to look at what stands in the directory in the end.
    looks: AtomicBool,
}

/// A program of the crate as a victim, which is right as long as it is left alone.
struct Trial {
    attack: Attack,
    notes: Arc<Notes>,
}

impl Trial {
    fn start(program: &Program, fault: Option<Fault>) -> Result<Trial, Error> {
        static HOST: LazyLock<Host> = LazyLock::new(Host::detect);
        let notes = Arc::new(Notes { looks: AtomicBool::new(true), ..Notes::default() });
        let (told, ops) = (Arc::clone(&notes), program.ops.clone());
        let victim = linkbait::victim("tempfile-api", move |dir: &Path| {
            let lock = || told.answers.lock().unwrap_or_else(PoisonError::into_inner);
            lock().clear();
            let looks = told.looks.load(Ordering::Relaxed);
            let crate_itself =
                || carry_out(&mut Real::new(dir, fault), &ops, looks, |answer| lock().push(answer));
            if let Err(panic) = catch_unwind(AssertUnwindSafe(crate_itself)) {
                lock().push(Answer::Panicked);
                resume_unwind(panic);
            }
        });
        let judge = Judge::new(HOST.clone());
        let attack = Attack::start(judge, program.describe(victim), program.class(), program.umask())?;
        let trial = Trial { attack, notes };
        trial.alone(program)?;
        Ok(trial)
    }

    fn alone(&self, program: &Program) -> Result<(), Error> {
        let (tried, alone) = self.run(&[])?;
        assert_no_findings(&tried, |_| true);
        assert_eq!(alone, promised(program, None, true), "the crate left, the promise right, of {program:?}");
        // From here on what is there is the attacker's too, and none of the crate's affair.
        self.notes.looks.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn attacked(&self, program: &Program, plans: &[Plan]) -> Result<(), Error> {
        if plans.is_empty() || program.class() == Class::None {
            return Ok(());
        }
        let (tried, answers) = self.run(plans)?;
        assert_no_findings(&tried, |rule| match rule {
            // What is removed by a name in a directory that was exchanged, or removed and made anew, is removed in another's.
            "deletes-foreign" => !program.works_in_directories(),
            rule => !spoils_paths(program) || !BY_PATH.contains(&rule),
        });
        compare(program, plans, &answers);
        Ok(())
    }

    fn run(&self, plans: &[Plan]) -> Result<(Tried, Vec<Answer>), Error> {
        let tried = self.attack.try_plans(plans)?;
        let answers = self.notes.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((tried, answers.clone()))
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
