//! A victim kept ready under one attacker and umask, so that a caller can run schedules of its own at full speed.

use super::engine::Engine;
use crate::class::Class;
use crate::error::Error;
#[cfg(feature = "arbitrary")]
use crate::evidence::{CallStep, Evidence};
#[cfg(feature = "arbitrary")]
use crate::explore::faults::{KILL, faults_at};
#[cfg(feature = "arbitrary")]
use crate::explore::improvise::Improviser;
#[cfg(feature = "arbitrary")]
use crate::fault::Fault;
use crate::finding::Finding;
use crate::schedule::{Act, Key, Schedule};

/// Made by [`super::Judge::session`].
pub struct Session<'a> {
    engine: Engine<'a>,
    stops: Vec<Key>,
    schedules: Vec<Schedule>,
    faults: Vec<Act>,
    #[cfg(feature = "arbitrary")]
    shown: u64,
    /// Most stops of a brief trial.
    #[cfg(feature = "arbitrary")]
    brief: u32,
}

/// What one schedule came to.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The schedule.
    pub schedule: Schedule,
    /// All its moves happened. If not, nothing follows from there being no findings.
    pub landed: bool,
    /// The rules broken; each finding's schedule is the smallest part of this one that shows it.
    pub findings: Vec<Finding>,
    /// What stood below `shared/` of the victim's own making at the end and is not meant to stay (`keeps`), by label. After
    /// SIGKILL it is no finding.
    pub stays: Vec<String>,
}

impl Engine<'_> {
    /// Every fault that a call of the run on the bench can meet, and every signal.
    fn faults(&self) -> Vec<Act> {
        self.next_faults().into_iter().chain(self.next_signals()).map(|next| next.act).collect()
    }
}

impl<'a> Session<'a> {
    /// Takes over an engine that has just recorded.
    pub(super) fn new(engine: Engine<'a>) -> Session<'a> {
        let mut session = Session {
            engine,
            stops: Vec::new(),
            schedules: Vec::new(),
            faults: Vec::new(),
            #[cfg(feature = "arbitrary")]
            shown: 0,
            #[cfg(feature = "arbitrary")]
            brief: u32::MAX,
        };
        session.list();
        session
    }

    /// Notes what can be tried with the run that was just recorded.
    fn list(&mut self) {
        self.stops = self.engine.stops().collect();
        self.schedules = self.engine.schedules();
        self.faults = self.engine.faults();
    }

    /// The attacker.
    #[must_use]
    pub fn class(&self) -> Class {
        self.engine.class
    }

    /// The stops of a run in which no one interferes, in order.
    #[must_use]
    pub fn stops(&self) -> Vec<Key> {
        self.stops.clone()
    }

    /// Every schedule of one move that can matter.
    #[must_use]
    pub fn schedules(&self) -> Vec<Schedule> {
        self.schedules.clone()
    }

    /// Every fault that a call can meet, and every signal, where they are asked for.
    #[must_use]
    pub fn faults(&self) -> Vec<Act> {
        self.faults.clone()
    }

    /// A number for what the last schedule showed, the same for two that a fuzzer cannot tell apart.
    #[cfg(feature = "arbitrary")]
    #[must_use]
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Runs one schedule.
    ///
    /// # Errors
    /// Of kind ours when our own work fails.
    pub fn run(&mut self, schedule: &Schedule) -> Result<Tried, Error> {
        self.engine.run_whole(schedule)?;
        self.settle(schedule)
    }

    /// Judges the trial on the bench, in which these acts were made.
    fn settle(&mut self, schedule: &Schedule) -> Result<Tried, Error> {
        self.engine.report.findings.clear();
        let stays = self.engine.left_behind(schedule);
        #[cfg(feature = "arbitrary")]
        {
            let (victim, evidence) = (self.engine.victim.name(), &self.engine.bench.evidence);
            self.shown = crate::explore::guide::tell(victim, evidence, schedule);
        }
        let landed = self.engine.settle(schedule)?;
        let findings = std::mem::take(&mut self.engine.report.findings);
        Ok(Tried { schedule: schedule.clone(), landed, findings, stays })
    }

    /// Learns and records anew, as the victim's body has become another.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn start_over(&mut self) -> Result<(), Error> {
        let (class, umask) = (self.engine.class, self.engine.umask);
        self.engine.forget();
        self.engine.must_record(class, umask)?;
        self.list();
        Ok(())
    }

    /// Lets no improvised trial make more than this many stops.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn bound(&mut self, stops: u32) {
        self.brief = stops;
    }

    /// Runs a trial in which this decides, within the bound, unless it goes round at a few names: that may be for ever, which
    /// takes longer to see.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn improvise(&mut self, improviser: Box<dyn Improviser>) -> Result<Tried, Error> {
        let bound = self.engine.limits.stops;
        self.engine.limits.stops = bound.min(self.brief);
        (self.engine.bench.improviser, self.engine.bench.made) = (Some(improviser), Vec::new());
        let ran = self.engine.run(&Schedule::default());
        self.engine.bench.improviser = None;
        self.engine.limits.stops = bound;
        ran?;
        let schedule = Schedule { acts: std::mem::take(&mut self.engine.bench.made), second: false };
        let evidence = &self.engine.bench.evidence;
        if evidence.endless && evidence.goes_round(self.brief as usize / 2) {
            return self.run(&schedule);
        }
        self.settle(&schedule)
    }

    /// The errors and signals that a call of the victim can meet, as far as they are asked for.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn disturbances(&self) -> impl Fn(&Evidence, &CallStep) -> Vec<Fault> + use<> {
        let (judge, victim) = (self.engine.judge, self.engine.victim);
        let (faults, signals) = (judge.tries_faults(victim), judge.tries_signals(victim));
        let forgets = victim.is_program();
        move |evidence, call| {
            let errors = if faults { faults_at(evidence, call, forgets) } else { Vec::new() };
            errors.into_iter().chain(signals.then_some(KILL)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Judge;
    use crate::host::Host;
    use std::env::set_current_dir;
    use std::fs::File;

    #[cfg(feature = "arbitrary")]
    #[test]
    fn what_a_fuzzer_is_told_is_the_same_for_the_same_schedule_and_tells_moves_apart() {
        let victim = crate::victim("draws", |dir| tempfile::NamedTempFile::new_in(dir).map(drop));
        let shown = Judge::new(Host::detect()).session(&victim, Class::DirWriter, 0o022, |session| {
            let all = session.schedules();
            let mut shown = |schedule| session.run(schedule).map(|_| session.shown());
            Ok([shown(&all[0])?, shown(&all[1])?, shown(&all[0])?])
        });
        let [one, other, again] = shown.expect("this machine can judge");
        assert!(one == again && one != other, "{one} {other} {again}");
    }

    /// A victim that leaves the arena by chdir(2) must not be taken to be in it still.
    #[test]
    fn a_relative_path_means_what_it_says_after_the_victim_has_left_the_arena() {
        let victim = crate::victim("leaves", |dir| {
            set_current_dir(dir)?;
            File::create_new("in-the-arena")?;
            set_current_dir("/")?;
            File::create_new("linkbait-was-let-out")
        });
        let stops = Judge::new(Host::detect())
            .session(&victim, Class::None, 0o022, |session| Ok(session.stops()))
            .expect("this machine can judge");
        let let_out = std::fs::remove_file("/linkbait-was-let-out").is_ok();
        assert!(!let_out, "a file was made at the root of this machine");
        let paths: Vec<&str> = stops.iter().map(|key| key.path.as_str()).collect();
        assert_eq!(paths, ["shared", "shared/in-the-arena"]);
    }
}
