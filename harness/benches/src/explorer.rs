//! What judging costs beyond its trials: starting an engine, learning, rules, findings and their proofs.

use crate::Setup;
use crate::kept::{Kept, Runs};
use crate::rows::{Row, Section};
use crate::trials::named_temp_file;
use crate::turns::{Turns, median, micros};
use anyhow::Result;
use linkbait::{Class, Host, Judge, Verdict, Victim};
use std::time::{Duration, Instant};

const ROUNDS: usize = 100;

/// How often each victim is judged.
const PASSES: usize = 3;

/// Time after which no other pass is begun.
const ENOUGH: Duration = Duration::from_secs(3);

pub(crate) fn measure(setup: &Setup) -> Result<Vec<Section>> {
    Ok(vec![rules(setup)?, victims(setup)?])
}

/// The schedules of one victim, with rules and without.
fn rules(setup: &Setup) -> Result<Section> {
    let victim = linkbait::victim("NamedTempFile", named_temp_file);
    let judge = || Judge::new(Host::detect());
    let mut with = Kept::start(&judge(), &victim, Runs::Planted)?;
    let mut without = Kept::start(&judge().rules(&[]), &victim, Runs::Planted)?;
    let turns = Turns::take(setup, ROUNDS, &mut [&mut || without.run(2), &mut || with.run(2)])?;
    let mut section = Section::new("rules, of NamedTempFile");
    section.row(Row::each("a trial without rules", turns.median(|t| t[0])));
    let row = Row::each("a trial with all rules", turns.median(|t| t[1]));
    section.row(row.ratio(turns.median(|t| t[1] / t[0]), "without rules"));
    Ok(section)
}

/// One victim, judged once and tried once by a session.
struct Judged {
    name: String,
    passed: bool,
    trials: u64,
    /// Microseconds of all of it, and of a trial of the session.
    whole: f64,
    alone: f64,
}

impl Judged {
    fn each(&self) -> f64 {
        self.whole / self.trials as f64
    }

    /// Microseconds that are not those of its trials.
    fn beyond(&self) -> f64 {
        self.whole - self.alone * self.trials as f64
    }
}

/// The built-in victims of this process, judged against another user, and the same schedules by a session.
fn victims(setup: &Setup) -> Result<Section> {
    // A host each, so that both get the same core for each victim.
    let judge = || Judge::new(Host::detect()).attackers(&[Class::OtherUser]).umasks(&[0o022]);
    let (whole, alone) = (judge(), judge());
    let within = setup.roster.iter().filter(|victim| !victim.is_program()).collect::<Vec<_>>();
    let (mut all, start) = (Vec::new(), Instant::now());
    for pass in 0..PASSES.min(setup.rounds).max(1) {
        if pass > 0 && start.elapsed() > ENOUGH {
            break;
        }
        for victim in &within {
            all.extend(judged(&whole, &alone, victim)?);
        }
    }
    let mut section = Section::new(format!("the explorer, of {} victims in this process", within.len()));
    for (what, passed) in [("that pass", true), ("with findings", false)] {
        of_these(&mut section, what, all.iter().filter(|judged| judged.passed == passed).collect());
    }
    let (trials, whole): (u64, f64) =
        all.iter().fold((0, 0.0), |(n, t), one| (n + one.trials, t + one.whole));
    let alone: f64 = all.iter().map(|one| one.alone * one.trials as f64).sum();
    let row = Row::each("a trial of all of them", whole / trials as f64);
    section.row(row.ratio(whole / alone, "by a session"));
    if let Some(most) = all.iter().max_by(|a, b| a.beyond().total_cmp(&b.beyond())) {
        section.row(
            Row::time("the most that a victim takes beyond its trials", most.beyond()).detail(&most.name),
        );
    }
    section.note(
        "left out: victims without a schedule against another user, and those of which not all was tried",
    );
    Ok(section)
}

fn of_these(section: &mut Section, what: &str, some: Vec<&Judged>) {
    if some.is_empty() {
        return;
    }
    let middle = |figure: &dyn Fn(&Judged) -> f64| median(some.iter().map(|one| figure(one)).collect());
    section.row(Row::each(format!("{what}: a trial by a session"), middle(&|one| one.alone)));
    let row = Row::each(format!("{what}: a trial by the judge"), middle(&Judged::each));
    section.row(row.ratio(middle(&|one| one.each() / one.alone), "by a session"));
    let row = Row::time(format!("{what}: beyond, for each trial"), middle(&|one| one.each() - one.alone));
    section.row(row.ratio(middle(&|one| one.each() / one.alone - 1.0), "by a session"));
    let row = Row::time(format!("{what}: beyond, for each victim"), middle(&Judged::beyond));
    section.row(row.ratio(middle(&|one| one.beyond() / one.alone), "by a session"));
}

/// `None` of a victim that has no schedules, or of which not all was tried.
fn judged(judge: &Judge, tries: &Judge, victim: &Victim) -> Result<Option<Judged>> {
    let start = Instant::now();
    let report = judge.judge(victim)?;
    let whole = micros(start);
    let trials = report.trials + report.refused;
    if !matches!(report.verdict, Verdict::Pass | Verdict::Fail) || trials == 0 {
        return Ok(None);
    }
    let alone = tries.session(victim, Class::OtherUser, 0o022, |session| {
        let schedules = session.schedules();
        let start = Instant::now();
        schedules.iter().try_for_each(|schedule| session.run(schedule).map(drop))?;
        Ok((!schedules.is_empty()).then(|| micros(start) / schedules.len() as f64))
    })?;
    let passed = report.verdict == Verdict::Pass;
    Ok(alone.map(|alone| Judged { name: victim.name().to_owned(), passed, trials, whole, alone }))
}
