//! Whether the victim's names can be predicted, proved: schemes learned from runs, candidates made before further runs
//! begin, and something planted at them.
//!
//! Real clocks, pids and random bytes are what is learned and predicted here: these runs are those of determinism level 0,
//! whatever the level of all others. They start programs anew and hold pids no stiller than a machine does.

use super::engine::Engine;
use super::learn::{A_SECOND, RECORDINGS, has_number};
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::determinism::Level;
use crate::error::Error;
use crate::evidence::Foretold;
use crate::explore::foresight::{Foresight, created};
use crate::explore::key_of;
use crate::names::{self, Clock, Facts, Known, MOST_CANDIDATES, Run, Scheme};
use crate::rules::PREDICTABLE_NAME;
use crate::schedule::{Key, Schedule};
use crate::stream::Stream;
use std::time::Duration;

/// Fresh runs in which a name must be hit, every time, before it is said that it can be predicted.
const ATTEMPTS: u32 = 5;

/// What is planted: a link to something, and one to nothing for those who look whether a name is free.
const BAITS: [Bait; 2] = [Bait::Link, Bait::LinkMissing];

/// Schemes of one victim that are tried; names made alike show the same.
const MOST_SCHEMES: usize = 3;

/// Runs under other pids and beside more entries, when names look constant.
const VARIED: usize = 2;

/// Pids after the last one in use that a task of the victim may get: so many processes may begin in between.
const PIDS_AHEAD: u32 = 64;

/// Time for planting and for a busy machine, beside twice the longest run.
const SLACK: u128 = 700_000_000;

/// Times that a run may end in another second than the attacker's own did: then the attacker knows to have been late.
pub(super) const TWINS: usize = 4;

/// A second that has less of it left is waited for to end.
const ENOUGH_OF_A_SECOND: u128 = 600_000_000;

/// The runs that names are learned from.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) runs: Vec<Run>,
    /// Runs of all kinds so far.
    pub(super) serial: u64,
    /// The pid that was the last in use before the runs to come.
    last_pid: u32,
}

impl Engine<'_> {
    /// Notes the run on the bench, which began at `before`, with its names.
    pub(super) fn watch(&mut self, before: Clock, entries: u64) {
        let facts = Facts {
            before,
            after: self.clock(),
            pids: self.world.pids(),
            uid: self.judge.host.uid(),
            entries,
            serial: self.watched.serial - 1,
        };
        self.watched.runs.push(Run { facts, names: self.names_made() });
    }

    pub(super) fn clock(&self) -> Clock {
        let (wall, monotonic) = self.judge.host.clock();
        Clock { wall, monotonic }
    }

    pub(super) fn names_made(&self) -> Vec<Vec<u8>> {
        let name = |path: &[u8]| path.rsplit(|&byte| byte == b'/').next().unwrap_or(path).to_vec();
        created(&self.bench.evidence).take(names::MOST_NAMES).map(name).collect()
    }

    /// Entries in `shared/` before a run.
    pub(super) fn staged(&self) -> u64 {
        let mut stage = crate::arena::tree::Tree::default();
        self.world.look_at_stage(&mut stage);
        let direct = |path: &[u8]| path.strip_prefix(b"shared/").is_some_and(|name| !name.contains(&b'/'));
        stage.entries().iter().filter(|entry| direct(stage.path(entry))).count() as u64
    }

    /// Tries to predict the names of fresh runs, and says so if that works every time. Costs nothing where names are
    /// random beyond doubt: the runs that are there anyhow tell that.
    pub(super) fn prove_names(&mut self) -> Result<(), Error> {
        let wanted = self.judge.attackers.as_ref().unwrap_or(&self.victim.attackers);
        let class = wanted.iter().copied().filter(|class| *class != Class::None).min();
        let asked = self.judge.rules.iter().any(|rule| rule.id == PREDICTABLE_NAME);
        let (Some(class), true, false) = (class, asked, self.report.hangs_alone) else {
            return Ok(());
        };
        if !self.sets_clocks() && !names::learn(&self.watched.runs).iter().any(is_told) {
            self.tally_runs(PREDICTABLE_NAME, self.watched.runs.len() as u64);
            return Ok(());
        }
        if self.must_stop() {
            return Ok(());
        }
        self.record(class, self.judge.umasks.first().copied().unwrap_or(0o022))?;
        self.at_the_mercy_of_the_machine(Self::prove_all)
    }

    /// True when the ordinary runs have a clock that nobody else can read, so that names are not learned from them.
    pub(super) fn sets_clocks(&self) -> bool {
        self.report.determinism.level == Level::Full
    }

    fn prove_all(&mut self) -> Result<(), Error> {
        let schemes = self.learn_schemes()?;
        if !schemes.iter().any(is_told) {
            self.tally_runs(PREDICTABLE_NAME, self.watched.runs.len() as u64);
        }
        let mut tried: Vec<String> = Vec::new();
        for (at, scheme) in schemes.iter().enumerate().filter(|(_, scheme)| is_told(scheme)) {
            let words = scheme.to_string();
            if tried.contains(&words) {
                continue;
            }
            if tried.len() == MOST_SCHEMES || at + 1 == names::MOST_NAMES {
                self.note("it makes names in many ways; not all were tried to be predicted");
                break;
            }
            tried.push(words);
            self.prove(at, scheme)?;
        }
        Ok(())
    }

    /// What all runs so far, and a few more, tell about its names.
    fn learn_schemes(&mut self) -> Result<Vec<Scheme>, Error> {
        if self.sets_clocks() {
            for run in 0..RECORDINGS {
                self.vary(2 * run)?;
            }
            if self.watched.runs.iter().flat_map(|run| &run.names).any(|name| has_number(name)) {
                std::thread::sleep(A_SECOND);
            }
        }
        for run in 0..VARIED {
            self.vary(3 * run + 1)?;
        }
        Ok(names::learn(&self.watched.runs))
    }

    /// One more run to learn from, under another pid and beside more entries.
    pub(super) fn vary(&mut self, more: usize) -> Result<(), Error> {
        self.choose_pid()?;
        self.bench.foresight = Some(Foresight::fillers(more));
        let (before, entries) = (self.clock(), self.staged() + more as u64);
        self.run(&Schedule::default())?;
        self.watch(before, entries);
        Ok(())
    }

    /// What the attacker sees as the last pid in use, and how many processes begin after that was seen. Another for each run, and
    /// the same the next time, as reports are to be.
    fn choose_pid(&mut self) -> Result<(), Error> {
        const LEAST: u32 = 300;
        let drawn = Stream::new(self.report.determinism.seed ^ self.watched.serial).number();
        let [low, high, passed, ..] = drawn.to_le_bytes().map(u32::from);
        self.watched.last_pid = LEAST + low + 8 * high;
        self.world.start_after_pid(self.watched.last_pid + passed % (PIDS_AHEAD / 2))
    }

    /// What the attacker knows before the next run, which has this many entries beside it.
    pub(super) fn known(&mut self, scheme: &Scheme, entries: u64) -> Result<Known, Error> {
        let twin = if scheme.needs_twin() { self.twin()? } else { Vec::new() };
        self.choose_pid()?;
        let runs = self.watched.runs.iter();
        let longest = runs.map(|run| run.facts.after.wall.saturating_sub(run.facts.before.wall)).max();
        let last = self.watched.last_pid;
        Ok(Known {
            now: self.clock(),
            horizon: 2 * longest.unwrap_or(0) + SLACK,
            pids: if self.victim.is_program() {
                (last + 1..=last + PIDS_AHEAD).collect()
            } else {
                self.world.pids()
            },
            uid: self.judge.host.uid(),
            entries,
            serial: self.watched.serial,
            twin,
        })
    }

    /// The names of a run of the attacker's own, early in a second.
    fn twin(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        const SECOND: u128 = 1_000_000_000;
        let left = SECOND - self.clock().wall % SECOND;
        if left < ENOUGH_OF_A_SECOND {
            std::thread::sleep(Duration::from_nanos(left as u64 + 1_000_000));
        }
        self.run(&Schedule::default())?;
        Ok(self.names_made())
    }

    /// Attempts with the first bait that has an effect, each of which must have it.
    fn prove(&mut self, at: usize, scheme: &Scheme) -> Result<(), Error> {
        for bait in BAITS {
            for runs in 1..=ATTEMPTS {
                if self.must_stop() {
                    return Ok(());
                }
                let Some(schedule) = self.attempt(at, scheme, bait)? else {
                    self.tally_runs(PREDICTABLE_NAME, 1);
                    return Ok(());
                };
                self.report.trials += 1;
                let hits = self.hits(&schedule);
                let phase = self.tally(&schedule);
                let Some((rule, hit)) = hits.iter().find(|(rule, _)| rule.id == PREDICTABLE_NAME) else {
                    break;
                };
                if runs == ATTEMPTS {
                    if !self.knows(rule, hit) {
                        let mut finding = self.finding(&schedule, rule, hit, &hits);
                        if self.victim.is_program() {
                            finding.example = masked(scheme, &hit.example).escape_ascii().to_string();
                        }
                        self.report.findings.push(finding);
                    }
                    self.tally_broken(phase, &hits);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Plants by prediction in one fresh run; the schedule of it, with the name that was hit, or `None`.
    pub(super) fn attempt(
        &mut self,
        at: usize,
        scheme: &Scheme,
        bait: Bait,
    ) -> Result<Option<Schedule>, Error> {
        for _ in 0..TWINS {
            let Some(mut foresight) = self.foresee(at, scheme)? else { return Ok(None) };
            foresight.bait = bait;
            let planned = self.clock().second();
            self.bench.foresight = Some(foresight);
            self.run(&Schedule::default())?;
            let late = scheme.needs_twin() && self.clock().second() != planned;
            let hit = self.came_true(bait);
            if hit.is_some() || !late {
                return Ok(hit);
            }
        }
        Ok(None)
    }

    fn foresee(&mut self, at: usize, scheme: &Scheme) -> Result<Option<Foresight>, Error> {
        let (words, constant) = (scheme.to_string(), scheme.is_constant());
        let claim = Foretold { scheme: words, constant, ..Foretold::default() };
        if let Some(sequence) = &scheme.follows {
            self.choose_pid()?;
            return Ok(Some(Foresight::new(Vec::new(), Some((at, sequence.clone())), claim)));
        }
        let staged = self.staged();
        let mut known = self.known(scheme, staged)?;
        // What is planted is there to be counted.
        let count = scheme.candidates(at, &known).map_or(0, |all| all.len());
        known.entries += count as u64;
        let Some(all) =
            scheme.candidates(at, &known).filter(|all| (1..=MOST_CANDIDATES).contains(&all.len()))
        else {
            return Ok(None);
        };
        let ahead: Vec<Vec<u8>> = all.iter().map(|name| [b"shared/".as_slice(), name].concat()).collect();
        Ok(Some(Foresight::new(ahead, None, claim)))
    }

    /// The schedule of the run on the bench, told by what it hit.
    fn came_true(&self, bait: Bait) -> Option<Schedule> {
        let evidence = &self.bench.evidence;
        let told = evidence.foretold.as_ref()?;
        let target = evidence.label_of(&told.path)?.to_owned();
        let does = Move { verb: Verb::PlantPredicted, bait, target };
        let planted = evidence.steps.iter().position(|step| evidence.target(step) == told.path)?;
        let (_, call) = evidence.calls().find(|(step, _)| *step > planted)?;
        let at: Key = key_of(evidence, call);
        Some(Schedule::of(at, does))
    }

    /// Runs a schedule of a plant by prediction again: learns as the judge does, then predicts once.
    pub(super) fn predict_again(&mut self, schedule: &Schedule) -> Result<(), Error> {
        let Some(Move { bait, target, .. }) = schedule.moves().next().cloned() else {
            return Ok(());
        };
        self.at_the_mercy_of_the_machine(|engine| {
            let schemes = engine.learn_schemes()?;
            let evidence = &engine.bench.evidence;
            let is_it = |path: &[u8]| evidence.label_of(path) == Some(target.as_str());
            let at = created(evidence).position(is_it);
            if let Some((at, scheme)) = at.and_then(|at| Some((at, schemes.get(at)?))) {
                engine.attempt(at, scheme, bait)?;
            }
            Ok(())
        })
    }
}

/// True for names that something else than chance may tell.
fn is_told(scheme: &Scheme) -> bool {
    !scheme.is_random() || scheme.follows.is_some()
}

/// The path of a run that was at the mercy of the machine, as a report can tell it: without what of the name is another each time.
fn masked(scheme: &Scheme, path: &[u8]) -> Vec<u8> {
    let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (above, name) = path.split_at(start);
    [above, scheme.masked(name).as_deref().unwrap_or(name)].concat()
}
