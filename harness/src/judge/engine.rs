//! One victim being judged: every class of attacker, every umask, every schedule; what was tried is counted here.

use super::Judge;
use super::faults::singles;
use super::learn::Names;
use super::names::Watched;
use super::tally::Tally;
use crate::attacker::Verb;
use crate::class::Class;
use crate::ending::Ending;
use crate::error::Error;
use crate::explore::independence::{Known, Seen};
use crate::explore::trial::Bench;
use crate::finding::{Report, Verdict};
use crate::limits::Limits;
use crate::rules::Replaced;
use crate::schedule::{Key, Schedule};
use crate::victim::Victim;
use crate::world::{Start, World};
use std::sync::atomic::Ordering;

/// A victim, the world it runs in, and what came out so far.
pub(super) struct Engine<'a> {
    pub(super) judge: &'a Judge,
    pub(super) victim: &'a Victim,
    pub(super) world: Box<dyn World + 'a>,
    /// Where trials begin.
    pub(super) start: Start,
    pub(super) bench: Bench,
    pub(super) report: Report,
    pub(super) tally: Tally,
    pub(super) names: Names,
    /// Runs made to learn names.
    pub(super) luck: u64,
    pub(super) watched: Watched,
    pub(super) limits: Limits,
    /// The attacker and umask of the trials being run.
    pub(super) class: Class,
    pub(super) umask: u32,
    /// How the recorded run ended.
    pub(super) ended_alone: Ending,
    /// The first stop of the recorded run.
    pub(super) first: Option<Key>,
    /// Orders of the calls of two copies that were tried.
    pub(super) orders: u64,
    /// Faults after which the victim makes calls that it does not make otherwise.
    pub(super) error_paths: Vec<Schedule>,
    /// The recorded run looked up names that its calls do not show.
    pub(super) winds: bool,
    /// Mode and owner of the victim's files after an undisturbed run, by label.
    pub(super) clean: Vec<(String, u32, u32)>,
    /// The files that the victim replaces.
    pub(super) replaced: Vec<Replaced>,
    /// It was looked at first, and does nothing in the arena.
    pub(super) untouched: bool,
    /// Calls in all trials so far.
    pub(super) calls: u64,
}

impl<'a> Engine<'a> {
    pub(super) fn new(judge: &'a Judge, victim: &'a Victim, world: Box<dyn World + 'a>) -> Engine<'a> {
        let determinism = judge.determinism_of(victim);
        Engine {
            judge,
            victim,
            world,
            start: judge.start,
            bench: Bench::new(&judge.host, judge.everywhere),
            report: Report { determinism, depth: judge.depth_of(victim), ..Report::new(&victim.name) },
            tally: Tally::new(judge.rules.len()),
            names: Names::default(),
            luck: 0,
            watched: Watched::default(),
            limits: judge.limits,
            class: Class::None,
            umask: 0,
            ended_alone: Ending::Success,
            first: None,
            orders: 0,
            error_paths: Vec::new(),
            winds: false,
            clean: Vec::new(),
            replaced: Vec::new(),
            untouched: false,
            calls: 0,
        }
    }

    pub(super) fn judge(&mut self) -> Result<Report, Error> {
        let wanted = self.judge.attackers.as_ref().unwrap_or(&self.victim.attackers);
        let classes: Vec<Class> =
            Class::ALL.into_iter().filter(|c| *c == Class::None || wanted.contains(c)).collect();
        for class in classes {
            for umask in self.judge.umasks.clone() {
                if self.report.hangs_alone || self.untouched || self.must_stop() {
                    return Ok(self.conclude());
                }
                self.explore(class, umask)?;
            }
        }
        if !self.untouched {
            let known = self.report.findings.len();
            self.prove_names()?;
            self.take_stacks(known)?;
        }
        Ok(self.conclude())
    }

    /// The verdict on what was tried.
    pub(super) fn conclude(&mut self) -> Report {
        if self.judge.host.attacker().is_none() && self.victim.stage.iter().any(|staged| staged.foreign) {
            self.note("the attacker's staged files have our own uid, so the victim may do all with them");
        }
        self.world.not_examined().into_iter().for_each(|what| self.note(what));
        if let Some(why) = self.world.cramped() {
            self.miss(why);
        }
        let asked = self.judge.determinism.is_some_and(|asked| asked.level > self.report.determinism.level);
        if asked {
            self.note("it runs in this process, where nothing of its chance can be fixed: determinism 0");
        }
        self.report.verdict = match () {
            () if !self.report.findings.is_empty() => Verdict::Fail,
            () if self.untouched && self.report.unreached == 0 => Verdict::NothingToAttack,
            () if self.report.unreached > 0 || self.report.trials == 0 => Verdict::Inconclusive,
            () => Verdict::Pass,
        };
        self.report.cells = self.cells();
        self.report.file_systems = vec![(self.judge.ground(), self.report.verdict)];
        self.report.clone()
    }

    /// Tells of what was not examined and makes the verdict inconclusive unless there is a finding.
    pub(super) fn miss(&mut self, what: impl Into<String>) {
        self.report.unreached += 1;
        self.note(what);
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.report.not_examined.contains(&what) {
            self.report.not_examined.push(what);
        }
    }

    /// All schedules of one class and umask. When some stop never came by because a name that looked constant has
    /// changed since, that name is forgotten and all is tried anew.
    fn explore(&mut self, class: Class, umask: u32) -> Result<(), Error> {
        const ATTEMPTS: usize = 3;
        let before = (self.report.clone(), self.tally.clone());
        for attempt in 1..=ATTEMPTS {
            self.record(class, umask)?;
            if self.untouched {
                return Ok(());
            }
            self.try_all()?;
            let complete = self.report.unreached == before.0.unreached;
            let stopped = self.judge.stop.load(Ordering::Relaxed);
            if complete || stopped || attempt == ATTEMPTS || !self.a_name_has_changed()? {
                break;
            }
            (self.report, self.tally) = before.clone();
        }
        self.take_stacks(before.0.findings.len())
    }

    fn try_all(&mut self) -> Result<(), Error> {
        self.report.trials += 1;
        self.report.stops = self.report.stops.max(self.bench.evidence.steps.len());
        if self.bench.evidence.ending == Ending::Hung {
            self.note_hang();
        }
        if self.bench.evidence.full {
            self.note_full();
        }
        let alone = self.class == Class::None;
        if alone {
            self.collect(&Schedule::default())?;
        }
        let is_first_umask = self.judge.umasks.first() == Some(&self.umask);
        if self.report.hangs_alone || (alone && !is_first_umask) {
            // With nobody else about, faults and copies come to the same under every umask.
            return Ok(());
        }
        if alone {
            self.try_faults()?;
            self.try_deeper()?;
            self.try_samples()?;
            return self.try_copies();
        }
        if self.bench.evidence.winding {
            self.miss("names behind a link of the victim's own or before a `..` were not attacked");
        }
        let (schedules, recorded) = (self.schedules(), self.stops().collect());
        self.try_moves(schedules, &mut None)?;
        self.try_error_paths(&recorded)?;
        self.try_deeper()?;
        self.try_samples()
    }

    /// Tries schedules that share a beginning, whose run showed what is given, if anything is to be learned from them.
    pub(super) fn try_moves(
        &mut self,
        schedules: Vec<Schedule>,
        known: &mut Option<(&mut Known, &Seen)>,
    ) -> Result<(), Error> {
        let mut closed = None;
        for schedule in schedules {
            if self.must_stop() {
                break;
            }
            if closed.is_some() && closed == directory_at(&schedule) {
                self.report.refused += 1;
                continue;
            }
            self.try_and_learn(&schedule, known)?;
            closed = directory_at(&schedule).filter(|_| self.bench.evidence.refused == Some(libc::EACCES));
        }
        Ok(())
    }

    /// True when nothing more may be tried, which is noted and makes the verdict inconclusive.
    pub(super) fn must_stop(&mut self) -> bool {
        let why = match self.world.spoiled() {
            Some(why) => why,
            None if self.judge.stop.load(Ordering::Relaxed) => "interrupted before every schedule was tried",
            None if self.report.trials >= self.limits.trials => "the limit on trials was reached",
            None if self.calls >= self.limits.calls => "the limit on calls in all trials was reached",
            None => return false,
        };
        self.miss(why);
        true
    }

    /// The recorded run did not end, or was ended. After many calls it may yet have ended, so the attacks are tried all the same.
    fn note_hang(&mut self) {
        if let Some(why) = self.world.spoiled() {
            return self.miss(why);
        }
        self.miss(if self.report.hangs_alone {
            "it hung although no one interfered; a longer time limit may help".to_owned()
        } else {
            format!("it was ended after {} calls although no one interfered", self.limits.stops)
        });
    }

    fn note_full(&mut self) {
        self.miss("a trial had more steps or entries than fit");
    }

    /// Every schedule of one move for the run on the bench, which must be the recorded one.
    pub(super) fn schedules(&self) -> Vec<Schedule> {
        singles(self.next_moves())
    }

    /// One trial, counted and judged. True when all its acts happened.
    pub(super) fn try_one(&mut self, schedule: &Schedule) -> Result<bool, Error> {
        self.try_and_learn(schedule, &mut None)
    }

    fn try_and_learn(
        &mut self,
        schedule: &Schedule,
        known: &mut Option<(&mut Known, &Seen)>,
    ) -> Result<bool, Error> {
        self.run_whole(schedule)?;
        let landed = self.bench.evidence.has_happened(schedule);
        if let (Some((known, seen)), Some(act), true) = (known, schedule.acts.last(), landed) {
            known.learn(seen, act, &self.bench.evidence);
        }
        self.settle(schedule)
    }

    /// Runs a schedule. What a copy has behind it cannot fail any more, so that takes a start anew.
    pub(super) fn run_whole(&mut self, schedule: &Schedule) -> Result<(), Error> {
        self.run(schedule)?;
        let missed = self.bench.evidence.landed < schedule.acts.len();
        if missed && self.world.was_copied() && schedule.faults().next().is_some() {
            self.anew(|engine| engine.run(schedule))?;
        }
        Ok(())
    }

    /// Counts and judges the trial on the bench. True when all its acts happened.
    pub(super) fn settle(&mut self, schedule: &Schedule) -> Result<bool, Error> {
        self.count(schedule);
        let landed = self.bench.evidence.has_happened(schedule);
        if landed {
            self.collect(schedule)?;
        }
        Ok(landed)
    }

    pub(super) fn run(&mut self, schedule: &Schedule) -> Result<(), Error> {
        self.watched.serial += 1;
        let ran = self.bench.run(self.world.as_mut(), schedule, &self.limits).map(drop);
        self.calls += self.bench.evidence.steps.len() as u64;
        ran
    }

    pub(super) fn count(&mut self, schedule: &Schedule) {
        let evidence = &self.bench.evidence;
        let kernel_said_no =
            matches!(evidence.refused, Some(libc::EPERM | libc::EACCES | libc::EISDIR | libc::ENOTDIR));
        if evidence.full {
            self.note_full();
        } else if let Some(doubt) = evidence.doubt {
            self.miss(doubt);
        } else if evidence.landed == schedule.acts.len() {
            self.report.trials += 1;
        } else if kernel_said_no {
            self.report.refused += 1;
        } else {
            self.report.unreached += 1;
            let missed = schedule.acts.get(evidence.landed);
            let note = missed.map(|act| format!("never came by: {} at {}", act.does, act.at));
            note.into_iter().for_each(|n| self.note(n));
        }
    }
}

/// The stop of a schedule's last move, and the directory that the move changes. When the attacker may not change it, no
/// other move there at that stop can be made either.
fn directory_at(schedule: &Schedule) -> Option<(Key, String)> {
    let act = schedule.acts.last()?;
    let does = act.as_move()?;
    let (directory, _) = does.target.rsplit_once('/')?;
    (does.verb != Verb::Chmod).then(|| (act.at.clone(), directory.to_owned()))
}
