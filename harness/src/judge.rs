//! The loop: victim × attacker × umask × schedules → verdict.

use crate::arena::Stage;
use crate::arena::tree::Maker;
use crate::attacker::Class;
use crate::error::Error;
use crate::explore::{enumerate, trial::Bench};
use crate::finding::{Finding, Report, Verdict, shape};
use crate::host::Host;
use crate::limits::Limits;
use crate::rules::{Case, Hit, RULES, Rule};
use crate::schedule::Schedule;
use crate::timeline::{self, Head, Timeline};
use crate::victim::Victim;
use crate::world::thread::ThreadWorld;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Judges victims. Made by [`Judge::new`], set up by its methods, run by [`Judge::judge`].
#[derive(Clone)]
pub struct Judge {
    host: Host,
    umasks: Vec<u32>,
    attackers: Option<Vec<Class>>,
    limits: Limits,
    rules: Vec<&'static Rule>,
    stop: Arc<AtomicBool>,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The steps are those of the file, one for one.
    pub same_steps: bool,
    /// The findings of the file were found again.
    pub same_findings: bool,
    /// The timeline of the replay.
    pub timeline: String,
}

/// Runs in which no one interferes, made to learn which names stay the same.
const RECORDINGS: usize = 3;

impl Judge {
    /// A judge for this machine: umasks 022 and 000, the victim's own classes of attacker, no suspicions.
    #[must_use]
    pub fn new(host: Host) -> Judge {
        let rules = RULES.iter().copied().filter(|r| !r.suspicion).collect();
        Judge {
            host,
            umasks: vec![0o022, 0o000],
            attackers: None,
            limits: Limits::default(),
            rules,
            stop: Arc::default(),
        }
    }

    /// Tries these umasks.
    #[must_use]
    pub fn umasks(mut self, umasks: &[u32]) -> Judge {
        self.umasks = umasks.to_vec();
        self
    }

    /// Tries these classes of attacker instead of the victim's own.
    #[must_use]
    pub fn attackers(mut self, classes: &[Class]) -> Judge {
        self.attackers = Some(classes.to_vec());
        self
    }

    /// Applies these rules only.
    #[must_use]
    pub fn rules(mut self, rules: &[&'static Rule]) -> Judge {
        self.rules = rules.to_vec();
        self
    }

    /// Bounds the work.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Judge {
        self.limits = limits;
        self
    }

    /// Ends the exploration between two trials once `stop` is true; what was not tried makes it inconclusive.
    #[must_use]
    pub fn until(mut self, stop: Arc<AtomicBool>) -> Judge {
        self.stop = stop;
        self
    }

    /// Judges a victim.
    ///
    /// # Errors
    /// Of kind unsupported where this machine has no seccomp notification, of kind ours when our own work fails.
    pub fn judge(&self, victim: &Victim) -> Result<Report, Error> {
        self.on_engine(victim, |engine| engine.judge())
    }

    /// Runs one schedule only: the trial that a fuzzer or a property test chose.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn try_schedule(
        &self,
        victim: &Victim,
        class: Class,
        umask: u32,
        schedule: &Schedule,
    ) -> Result<Report, Error> {
        self.on_engine(victim, |engine| {
            engine.record(class, umask)?;
            engine.try_one(class, umask, schedule)?;
            engine.conclude()
        })
    }

    /// Runs the schedule of a timeline again.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn replay(&self, victim: &Victim, file: &Timeline) -> Result<Replay, Error> {
        self.on_engine(victim, |engine| engine.replay(file))
    }

    /// Engines pin themselves and share a working directory and umask with their victim, so each has its own thread.
    fn on_engine<T: Send>(
        &self,
        victim: &Victim,
        work: impl FnOnce(&mut Engine<'_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        std::thread::scope(|scope| {
            let run = || {
                let world = ThreadWorld::new(&self.host, &victim.body, self.limits.silence)?;
                let report = Report {
                    name: victim.name.clone(),
                    verdict: Verdict::Pass,
                    trials: 0,
                    refused: 0,
                    unreached: 0,
                    stops: 0,
                    findings: Vec::new(),
                    not_examined: Vec::new(),
                };
                work(&mut Engine {
                    judge: self,
                    victim,
                    world,
                    bench: Bench::default(),
                    report,
                    clean: Vec::new(),
                })
            };
            let engine = std::thread::Builder::new().name("engine".into()).spawn_scoped(scope, run);
            let engine = engine.map_err(|e| Error::ours("start an engine", e))?;
            engine
                .join()
                .unwrap_or_else(|_| Err(Error::ours("judge", "the engine panicked; please report it")))
        })
    }
}

/// One victim being judged.
struct Engine<'a> {
    judge: &'a Judge,
    victim: &'a Victim,
    world: ThreadWorld,
    bench: Bench,
    report: Report,
    /// Mode and owner of the victim's files after an undisturbed run, by label.
    clean: Vec<(String, u32, u32)>,
}

impl Engine<'_> {
    fn judge(&mut self) -> Result<Report, Error> {
        let mut classes = self.judge.attackers.clone().unwrap_or_else(|| self.victim.attackers.clone());
        classes.sort_unstable();
        for class in classes {
            for umask in self.judge.umasks.clone() {
                self.explore(class, umask)?;
            }
        }
        self.conclude()
    }

    /// The verdict on what was tried.
    fn conclude(&mut self) -> Result<Report, Error> {
        if let Some((times, first)) = self.world.refused() {
            self.note(format!(
                "changes outside of the arena were refused with EROFS, {times} times, first {first}"
            ));
        }
        self.report.verdict = match () {
            () if !self.report.findings.is_empty() => Verdict::Fail,
            () if self.report.unreached > 0 || self.report.trials == 0 => Verdict::Inconclusive,
            () => Verdict::Pass,
        };
        Ok(self.report.clone())
    }

    fn note(&mut self, what: String) {
        if !self.report.not_examined.contains(&what) {
            self.report.not_examined.push(what);
        }
    }

    /// All schedules of one class and umask.
    fn explore(&mut self, class: Class, umask: u32) -> Result<(), Error> {
        self.record(class, umask)?;
        let left_alone = Schedule::default();
        self.report.trials += 1;
        self.report.stops = self.report.stops.max(self.bench.evidence.steps.len());
        if class == Class::None {
            return self.collect(class, umask, &left_alone);
        }
        let staged: Vec<String> = self.victim.stage.iter().map(|s| s.path.clone()).collect();
        let schedules = enumerate(&self.bench.evidence, &staged, class);
        for schedule in schedules {
            if self.judge.stop.load(Ordering::Relaxed) {
                self.note("interrupted before every schedule was tried".to_owned());
                self.report.unreached += 1;
                break;
            }
            if self.report.trials >= self.judge.limits.trials {
                self.note("the limit on trials was reached".to_owned());
                self.report.unreached += 1;
                break;
            }
            self.try_one(class, umask, &schedule)?;
        }
        Ok(())
    }

    /// One trial, counted and judged.
    fn try_one(&mut self, class: Class, umask: u32, schedule: &Schedule) -> Result<(), Error> {
        self.bench.run(&mut self.world, schedule, &self.judge.limits)?;
        self.count(schedule);
        if self.bench.evidence.landed == schedule.acts.len() {
            self.collect(class, umask, schedule)?;
        }
        Ok(())
    }

    fn count(&mut self, schedule: &Schedule) {
        let evidence = &self.bench.evidence;
        let kernel_said_no =
            matches!(evidence.refused, Some(libc::EPERM | libc::EACCES | libc::EISDIR | libc::ENOTDIR));
        if evidence.full {
            self.report.unreached += 1;
            self.note("a trial had more steps or entries than fit".to_owned());
        } else if evidence.landed == schedule.acts.len() {
            self.report.trials += 1;
        } else if kernel_said_no {
            self.report.refused += 1;
        } else {
            self.report.unreached += 1;
            let missed = schedule.acts.get(evidence.landed);
            let note = missed.map(|act| format!("never came by: {} before {}", act.does, act.at));
            note.into_iter().take(1).for_each(|n| self.note(n));
        }
    }

    /// Learns which names stay the same, then records one run with labels; its evidence stays on the bench.
    fn record(&mut self, class: Class, umask: u32) -> Result<(), Error> {
        let files = self.victim.stage.clone();
        self.bench.class = (!self.judge.host.is_root()).then_some(class);
        self.bench.labels.know(Vec::new());
        self.world.prepare(class, umask, Stage { files: files.clone(), decoys: Vec::new() })?;
        let mut names: Option<BTreeMap<Vec<u8>, bool>> = None;
        for _ in 0..RECORDINGS {
            self.bench.run(&mut self.world, &Schedule::default(), &self.judge.limits)?;
            let seen = names_of(&self.bench);
            names = Some(match names {
                None => seen,
                Some(before) => before.into_iter().filter(|(name, _)| seen.contains_key(name)).collect(),
            });
        }
        let names = names.unwrap_or_default();
        let decoys = names
            .iter()
            .filter_map(|(name, dir)| Some((String::from_utf8(name.clone()).ok()?, *dir)))
            .collect();
        self.bench.labels.know(names.into_keys().collect());
        self.world.prepare(class, umask, Stage { files, decoys })?;
        self.bench.run(&mut self.world, &Schedule::default(), &self.judge.limits)?;
        self.clean = clean_modes(&self.bench.evidence);
        Ok(())
    }

    /// Applies the rules to the trial on the bench and keeps what is new.
    fn collect(&mut self, class: Class, umask: u32, schedule: &Schedule) -> Result<(), Error> {
        let hits = self.hits(class, schedule);
        let known = |report: &Report, rule: &Rule, hit: &Hit| {
            report.findings.iter().any(|f| f.identity() == (rule.id, shape(&hit.path)))
        };
        for (rule, hit) in &hits {
            if !known(&self.report, rule, hit) {
                let finding = self.finding(class, umask, schedule, rule, hit, &hits);
                self.report.findings.push(finding);
            }
        }
        Ok(())
    }

    fn hits(&self, class: Class, schedule: &Schedule) -> Vec<(&'static Rule, Hit)> {
        let case =
            Case { evidence: &self.bench.evidence, victim: self.victim, class, schedule, clean: &self.clean };
        let mut all: Vec<(&'static Rule, Hit)> = Vec::new();
        for rule in &self.judge.rules {
            let mut hits = Vec::new();
            (rule.check)(&case, &mut hits);
            for hit in hits {
                if !all.iter().any(|(r, h)| r.id == rule.id && h.path == hit.path) {
                    all.push((rule, hit));
                }
            }
        }
        all
    }

    fn finding(
        &self,
        class: Class,
        umask: u32,
        schedule: &Schedule,
        rule: &'static Rule,
        hit: &Hit,
        all: &[(&'static Rule, Hit)],
    ) -> Finding {
        let broken: Vec<String> =
            all.iter().map(|(rule, hit)| broken_line(rule, hit, self.between(schedule))).collect();
        let mut cwe = rule.cwe.to_vec();
        if self.between(schedule) && !cwe.contains(&367) {
            cwe.push(367);
        }
        Finding {
            rule: rule.id,
            cwe,
            attacker: class,
            phase: self.bench.evidence.ending.phase(),
            path: hit.path.clone(),
            example: hit.example.escape_ascii().to_string(),
            message: hit.message.clone(),
            step: hit.at.map(|at| at + 1),
            trial: self.report.trials,
            umask,
            suspicion: rule.suspicion,
            schedule: schedule.clone(),
            timeline: self.timeline(class, umask, schedule, &broken),
        }
    }

    /// True when a move happened after the victim's first call.
    fn between(&self, schedule: &Schedule) -> bool {
        let first = self.bench.evidence.calls().next().map(|(at, _)| at);
        !schedule.acts.is_empty() && first == Some(0)
    }

    fn timeline(&self, class: Class, umask: u32, schedule: &Schedule, broken: &[String]) -> String {
        let file_system = self.judge.host.file_system().to_owned();
        let head = Head { victim: self.victim.name.clone(), class, umask, file_system };
        let fresh: Vec<String> =
            self.bench.labels.fresh().map(|name| name.escape_ascii().to_string()).collect();
        timeline::render(&head, &self.bench.evidence, schedule, &fresh, broken)
    }

    fn replay(&mut self, file: &Timeline) -> Result<Replay, Error> {
        let (class, umask) = (file.head.class, file.head.umask);
        self.record(class, umask)?;
        self.bench.run(&mut self.world, &file.schedule, &self.judge.limits)?;
        let hits = self.hits(class, &file.schedule);
        let found =
            |(rule, path): &(String, String)| hits.iter().any(|(r, h)| r.id == rule && h.path == *path);
        let broken: Vec<String> =
            hits.iter().map(|(rule, hit)| broken_line(rule, hit, self.between(&file.schedule))).collect();
        Ok(Replay {
            same_steps: timeline::steps(&self.bench.evidence, &file.schedule) == file.steps,
            same_findings: file.broken.iter().all(found),
            timeline: self.timeline(class, umask, &file.schedule, &broken),
        })
    }
}

fn broken_line(rule: &Rule, hit: &Hit, between: bool) -> String {
    let race = if between && !rule.cwe.contains(&367) { Some(&367) } else { None };
    let cwe: Vec<String> = rule.cwe.iter().take(1).chain(race).map(|n| format!("CWE-{n}")).collect();
    format!("{}  {}  {}   {}", rule.id, hit.path, hit.message, cwe.join(" "))
}

/// Every name of the trial on the bench, with true for directories.
fn names_of(bench: &Bench) -> BTreeMap<Vec<u8>, bool> {
    let mut names = BTreeMap::new();
    for (_, call) in bench.evidence.calls() {
        for path in
            bench.evidence.paths(call).filter(|p| p.starts_with(b"shared/") || p.starts_with(b"private/"))
        {
            let parts: Vec<&[u8]> = path.split(|&b| b == b'/').skip(1).collect();
            for (at, part) in parts.iter().enumerate() {
                *names.entry(part.to_vec()).or_insert(false) |= at + 1 < parts.len();
            }
        }
    }
    names
}

fn clean_modes(evidence: &crate::evidence::Evidence) -> Vec<(String, u32, u32)> {
    let mut modes = BTreeMap::new();
    for (at, _) in evidence.calls() {
        for change in evidence.changes(&evidence.steps[at]) {
            if let Some(is) = change.is.filter(|e| e.maker == Maker::Victim) {
                modes.insert(evidence.changed(change).to_owned(), (is.mode, is.uid));
            }
        }
    }
    modes.into_iter().map(|(label, (mode, uid))| (label, mode, uid)).collect()
}
