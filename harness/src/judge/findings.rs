//! From the evidence on the bench to findings with their timelines. Decides nothing about what is tried.

use super::engine::Engine;
use super::scene;
use crate::determinism::Level;
use crate::error::Error;
use crate::finding::{Finding, shape};
use crate::rules::{Case, Hit, Rule, TORN_REPLACE, phase};
use crate::schedule::Schedule;
use crate::timeline::{self, Head};
use crate::world::labels::PID;

impl Engine<'_> {
    /// Applies the rules to the trial on the bench and keeps what is new, shown by the easiest attack.
    pub(super) fn collect(&mut self, schedule: &Schedule) -> Result<(), Error> {
        let hits = self.hits(schedule);
        let phase = (!self.bench.evidence.full).then(|| self.tally(schedule));
        if !hits.iter().all(|(rule, hit)| self.knows(rule, hit)) {
            self.keep_new(schedule, &hits)?;
        }
        phase.into_iter().for_each(|phase| self.tally_broken(phase, &hits));
        Ok(())
    }

    /// Makes findings of what is new among the hits of the trial on the bench, once it is sure.
    pub(super) fn keep_new(
        &mut self,
        schedule: &Schedule,
        hits: &[(&'static Rule, Hit)],
    ) -> Result<(), Error> {
        if hits.iter().any(|(rule, _)| rule.id == TORN_REPLACE) && !schedule.acts.is_empty() {
            // The new content may tell the time, and have been another when it was learned.
            self.run(&Schedule::default())?;
            self.learn_contents();
            self.run(schedule)?;
        }
        let (schedule, sure) = self.make_sure(schedule, hits)?;
        let hits = if sure { self.hits(&schedule) } else { Vec::new() };
        if schedule.acts.len() > 1 {
            return self.collect_each(&schedule, &hits);
        }
        for (rule, hit) in &hits {
            self.keep(&schedule, rule, hit, &hits);
        }
        Ok(())
    }

    fn keep(&mut self, schedule: &Schedule, rule: &'static Rule, hit: &Hit, all: &[(&'static Rule, Hit)]) {
        if !self.knows(rule, hit) {
            let finding = self.finding(schedule, rule, hit, all);
            self.report.findings.push(finding);
        }
    }

    /// Keeps what is new, each shown by as few of these acts as can be.
    fn collect_each(&mut self, schedule: &Schedule, hits: &[(&'static Rule, Hit)]) -> Result<(), Error> {
        let new: Vec<_> = hits.iter().filter(|(rule, hit)| !self.knows(rule, hit)).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.anew(|engine| {
            new.into_iter().try_for_each(|(rule, hit)| engine.keep_fewest(schedule, rule, hit))
        })
    }

    fn keep_fewest(&mut self, schedule: &Schedule, rule: &'static Rule, hit: &Hit) -> Result<(), Error> {
        let fewest = self.fewest(schedule, &[(rule.id.to_owned(), hit.path.clone())])?;
        self.run(&fewest)?;
        let all = self.hits(&fewest);
        let same = |(r, h): &&(&Rule, Hit)| r.id == rule.id && shape(&h.path) == shape(&hit.path);
        match all.iter().find(same) {
            Some((_, hit)) => self.keep(&fewest, rule, hit, &all),
            None => self.note_unsure(),
        }
        Ok(())
    }

    pub(super) fn knows(&self, rule: &Rule, hit: &Hit) -> bool {
        self.report.findings.iter().any(|f| f.identity() == (rule.id, shape(&hit.path)))
    }

    /// The trial on the bench as the rules see it.
    pub(super) fn case<'c>(&'c self, schedule: &'c Schedule) -> Case<'c> {
        Case {
            evidence: &self.bench.evidence,
            victim: self.victim,
            class: self.class,
            schedule,
            clean: &self.clean,
            replaced: &self.replaced,
            alone: &self.ended_alone,
            reads_show: self.world.shows_reads(),
        }
    }

    pub(super) fn hits(&self, schedule: &Schedule) -> Vec<(&'static Rule, Hit)> {
        let case = self.case(schedule);
        let mut all: Vec<(&'static Rule, Hit)> = Vec::new();
        if self.bench.evidence.full {
            // What was left out once looks new when it is seen again, so nothing is proved either way.
            return all;
        }
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

    pub(super) fn finding(
        &self,
        schedule: &Schedule,
        rule: &'static Rule,
        hit: &Hit,
        all: &[(&'static Rule, Hit)],
    ) -> Finding {
        let broken: Vec<String> =
            all.iter().map(|(rule, hit)| broken_line(rule, hit, self.race(schedule))).collect();
        let [before, after] = scene::around(&self.bench.evidence, schedule, hit.at, &hit.example);
        let mut cwe = rule.cwe.to_vec();
        cwe.extend(self.race(schedule).filter(|race| !cwe.contains(race)));
        Finding {
            rule: rule.id,
            cwe,
            attacker: self.class,
            phase: phase(schedule, &self.bench.evidence, self.victim),
            path: hit.path.clone(),
            example: self.example(hit),
            message: hit.message.clone(),
            step: hit.at.map(|at| at + 1),
            trial: self.report.trials,
            umask: self.umask,
            raced: self.race(schedule).is_some(),
            file_system: self.judge.ground(),
            suspicion: rule.suspicion,
            before,
            after,
            site: self.site(hit),
            schedule: schedule.clone(),
            timeline: self.timeline(schedule, &[], &broken),
        }
    }

    /// The path of a hit as a report tells it: a report is the same each time, so where nothing of the victim's chance is fixed
    /// a path with names that differ is told by its label. A name that only an attack brings about is taken to be made as the
    /// others are.
    fn example(&self, hit: &Hit) -> String {
        let differs = hit.path.contains(PID) || (self.names.differ && hit.path.contains('<'));
        match self.report.determinism.level {
            Level::Off if differs => hit.path.clone(),
            Level::Off | Level::Random | Level::Full => hit.example.escape_ascii().to_string(),
        }
    }

    /// The CWE number of the race that the schedule is: between checking and using, or between two copies.
    pub(super) fn race(&self, schedule: &Schedule) -> Option<u16> {
        match () {
            () if schedule.switches() => Some(362),
            () if self.between(schedule) => Some(367),
            () => None,
        }
    }

    /// True when a move, and nothing before it, happened after the victim's first call.
    fn between(&self, schedule: &Schedule) -> bool {
        let first = self.bench.evidence.calls().next().map(|(at, _)| at);
        schedule.moves().next().is_some() && first == Some(0)
    }

    /// The trial on the bench. `names` are those that differ from run to run, where they are told: a report is the same each time.
    pub(super) fn timeline(&self, schedule: &Schedule, names: &[String], broken: &[String]) -> String {
        let file_system = self.judge.ground().to_owned();
        let victim = self.victim.name.clone();
        let determinism = self.report.determinism;
        let head = Head { victim, class: self.class, umask: self.umask, file_system, determinism };
        timeline::render(&head, &self.bench.evidence, schedule, names, broken)
    }
}

pub(super) fn broken_line(rule: &Rule, hit: &Hit, race: Option<u16>) -> String {
    let race = race.filter(|number| !rule.cwe.contains(number));
    let cwe: Vec<String> = rule.cwe.iter().take(1).copied().chain(race).map(|n| format!("CWE-{n}")).collect();
    format!("{}  {}  {}   {}", rule.id, hit.path, hit.message, cwe.join(" "))
}
