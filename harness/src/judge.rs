//! What a caller sets up and asks for: classes, umasks, rules, bounds; to judge, replay, minimise, or hold a session.

mod begin;
mod deep;
mod draw;
mod engine;
mod faults;
mod file_systems;
mod findings;
mod forecast;
mod instances;
mod learn;
mod names;
mod replaced;
mod replay;
mod sample;
mod scene;
mod session;
mod stacks;
mod sure;
mod tally;

pub use forecast::{Forecast, NameForecast, Told};
pub use replay::Replay;
pub use sample::Sampled;
pub use session::{Session, Tried};

use crate::class::Class;
use crate::determinism::{Determinism, Level};
use crate::error::{Error, ErrorKind};
use crate::file_system::FileSystem;
use crate::finding::{Report, Samples, Verdict};
use crate::host::{self, Host};
use crate::limits::Limits;
use crate::rules::{RULES, Rule};
use crate::timeline::Timeline;
use crate::victim::{Victim, Work, on_kernel};
use crate::world::calls::Watch;
use crate::world::model::{ModelWorld, Stops};
use crate::world::process::ProcessWorld;
use crate::world::thread::ThreadWorld;
use crate::world::{Start, Terms, World};
use engine::Engine;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Judges victims. Made by [`Judge::new`], set up by its methods, run by [`Judge::judge`].
#[derive(Clone)]
pub struct Judge {
    host: Host,
    umasks: Vec<u32>,
    attackers: Option<Vec<Class>>,
    limits: Limits,
    rules: Vec<&'static Rule>,
    everywhere: bool,
    /// Those to judge on; none for where arenas lie by default.
    file_systems: Vec<FileSystem>,
    determinism: Option<Determinism>,
    seed: Option<u64>,
    start: Start,
    faults: bool,
    signals: bool,
    depth: u32,
    reduces: bool,
    samples: Option<Samples>,
    instances: u8,
    looks_first: bool,
    model: Option<Stops>,
    stop: Arc<AtomicBool>,
}

/// What timelines of the model have in the place of a file system.
const IN_THE_MODEL: &str = "model";

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
            everywhere: false,
            file_systems: Vec::new(),
            determinism: None,
            seed: None,
            start: Start::AtFirstCall,
            faults: false,
            signals: false,
            depth: 1,
            reduces: true,
            samples: None,
            instances: 1,
            looks_first: false,
            model: None,
            stop: Arc::default(),
        }
    }

    /// Judges victims made by [`Victim::protocol`] on the [model](crate::model) instead of the kernel, held at these stops.
    ///
    /// ```
    /// use linkbait::model::{OFlags, Place};
    /// use linkbait::{Host, Judge, Stops, Verdict, Victim};
    ///
    /// let victim = Victim::protocol("lock", |files| {
    ///     let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    ///     files.close(files.open(Place::at("app.lock"), new, 0o600)?)?;
    ///     files.unlink(Place::at("app.lock"))
    /// });
    /// let report = Judge::new(Host::detect()).on_model(Stops::Names).judge(&victim)?;
    /// assert_eq!(report.verdict, Verdict::Pass);
    /// # Ok::<(), linkbait::Error>(())
    /// ```
    #[must_use]
    pub fn on_model(mut self, stops: Stops) -> Judge {
        self.model = Some(stops);
        self
    }

    /// Tries these umasks.
    #[must_use]
    pub fn umasks(mut self, umasks: &[u32]) -> Judge {
        self.umasks = umasks.to_vec();
        self
    }

    /// Tries these classes of attacker instead of the victim's own. [`Class::None`] is always among those tried:
    /// what goes wrong when no one interferes is no attack's doing.
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

    /// Looks at the whole arena after every step, not only at what the step can have changed. Slower, and of no
    /// other effect unless linkbait is wrong about what a call can change.
    #[must_use]
    pub fn look_everywhere(mut self) -> Judge {
        self.everywhere = true;
        self
    }

    /// Fixes this much of the chance in programs; without this, as much as a victim asks for itself
    /// ([`Victim::determinism`]), or random bytes. Victims in this process have their own luck whatever is said here, and their
    /// reports say so.
    #[must_use]
    pub fn determinism(mut self, determinism: Determinism) -> Judge {
        self.determinism = Some(determinism);
        self
    }

    /// Draws what is fixed from this seed, however much that is.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Judge {
        self.seed = Some(seed);
        self
    }

    /// Also tries faults: every call fails with each errno that its man page gives, writes are short, calls of newer
    /// kernels are missing; and every move in what the victim does after such an error.
    #[must_use]
    pub fn faults(mut self, wanted: bool) -> Judge {
        self.faults = wanted;
        self
    }

    /// Also tries signals at every call: SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGKILL. A victim within this process is only
    /// killed, in that none of its calls is made any more; handlers would be this process's own.
    #[must_use]
    pub fn signals(mut self, wanted: bool) -> Judge {
        self.signals = wanted;
        self
    }

    /// Tries all schedules of up to this many acts, 1 to 3: moves, and faults and signals where they are asked for. Victims
    /// may ask for more themselves.
    #[must_use]
    pub fn depth(mut self, acts: u32) -> Judge {
        self.depth = acts.clamp(1, 3);
        self
    }

    /// Leaves no schedule out because others show the same. Slower, and of no other effect unless linkbait is wrong about
    /// what depends on what.
    #[must_use]
    pub fn without_reduction(mut self) -> Judge {
        self.reduces = false;
        self
    }

    /// Also draws this many schedules of up to `acts` acts, for each attacker and umask. The same seed gives the same ones.
    #[must_use]
    pub fn samples(mut self, count: u64, acts: u32, seed: u64) -> Judge {
        self.samples =
            (count > 0).then_some(Samples { drawn: count, landed: 0, acts: acts.clamp(2, 8), seed });
        self
    }

    /// With 2, also runs two copies of each program at once and tries the orders in which their calls can come. For programs
    /// only: two of a victim within this process would share what tells processes apart.
    #[must_use]
    pub fn instances(mut self, count: u8) -> Judge {
        self.instances = count;
        self
    }

    /// Runs each victim twice before anything else. One that does nothing in the arena either time, but to look for something at home, is left at that: its
    /// verdict is [`Verdict::NothingToAttack`].
    #[must_use]
    pub fn looks_first(mut self) -> Judge {
        self.looks_first = true;
        self
    }

    /// Starts programs anew for each trial. Otherwise, where it shows the same, what a program does before its first call
    /// in `shared/` is done once, and trials are copies of it (x86-64 only). Slower, and of no other effect.
    #[must_use]
    pub fn start_anew(mut self) -> Judge {
        self.start = Start::Anew;
        self
    }

    /// Ends the exploration between two trials once `stop` is true; what was not tried makes it inconclusive.
    #[must_use]
    pub fn until(mut self, stop: Arc<AtomicBool>) -> Judge {
        self.stop = stop;
        self
    }

    /// Judges a victim. Where this machine has no seccomp notification, free-running races of a body are sampled
    /// instead: the verdict then is unsupported, or fail when one of them hit, and never pass.
    ///
    /// # Errors
    /// Of kind unsupported where neither is possible, of kind ours when our own work fails.
    pub fn judge(&self, victim: &Victim) -> Result<Report, Error> {
        self.has_files()?;
        if let Some(lacking) = without_its_programs(victim) {
            return Ok(lacking);
        }
        self.on_each(victim, |judge| match judge.on_engine(victim, |mut engine| engine.judge()) {
            Err(error) if judge.may_sample(victim, &error) => judge.judge_by_luck(victim, &error),
            other => other,
        })
    }

    /// Keeps a victim ready under one attacker and umask, for many trials of the caller's choice: what a fuzzer or
    /// a property test does, on the first file system asked for. `work` runs on the engine's own thread.
    ///
    /// ```
    /// # use linkbait::{Class, Host, Judge};
    /// let victim = linkbait::victim("log", |dir| std::fs::write(dir.join("app.log"), "x"));
    /// let broken = Judge::new(Host::detect()).session(&victim, Class::OtherUser, 0o022, |session| {
    ///     let mut broken = 0;
    ///     for schedule in session.schedules() {
    ///         broken += usize::from(!session.run(&schedule)?.findings.is_empty());
    ///     }
    ///     Ok(broken)
    /// });
    /// assert!(broken.expect("this machine has seccomp notification") > 0);
    /// ```
    ///
    /// # Errors
    /// As [`Judge::judge`], and what `work` returns.
    pub fn session<T: Send>(
        &self,
        victim: &Victim,
        class: Class,
        umask: u32,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.on_first().on_engine(victim, |mut engine| {
            engine.must_record(class, umask)?;
            work(&mut Session::new(engine))
        })
    }

    /// Runs the schedule of a timeline again, on the file system that it names, at its level of determinism and with its
    /// seed unless others are set.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn replay(&self, victim: &Victim, file: &Timeline) -> Result<Replay, Error> {
        self.as_in(file)?.on_engine(victim, |mut engine| engine.replay(file))
    }

    /// Makes the schedule of a timeline as small as can be while the findings of the file stay.
    ///
    /// # Errors
    /// As [`Judge::judge`], and of kind input when the file's findings do not show here.
    pub fn minimize(&self, victim: &Victim, file: &Timeline) -> Result<Replay, Error> {
        self.as_in(file)?.on_engine(victim, |mut engine| engine.minimize(file))
    }

    /// A judge for the file system of a timeline.
    fn where_it_was(&self, file: &Timeline) -> Result<Judge, Error> {
        let name = &file.head.file_system;
        match FileSystem::named(name) {
            // What was found in one of the two may be looked for in the other.
            _ if self.model.is_some() || name == IN_THE_MODEL => Ok(self.clone()),
            _ if name == self.host.file_system() => Ok(self.clone()),
            Some(known) => Ok(self.on(known)),
            None => Err(Error::unsupported(
                "replay",
                format!("the timeline is of a file system {name:?}, on which nothing can be put here"),
            )),
        }
    }

    /// True where free runs may say what held ones cannot: of a body, where arenas lie by default.
    fn may_sample(&self, victim: &Victim, why: &Error) -> bool {
        let unsupported = matches!(why.kind(), ErrorKind::Unsupported(_));
        unsupported && !victim.is_program() && self.host.disk().is_none() && self.host.is_exclusive()
    }

    fn as_in(&self, file: &Timeline) -> Result<Judge, Error> {
        let judge = self.where_it_was(file)?.faults(self.faults || file.is_with_faults());
        let judge = if file.is_with_copies() { judge.instances(2) } else { judge };
        Ok(judge.determinism(self.determinism.unwrap_or(file.head.determinism)))
    }

    fn tries_faults(&self, victim: &Victim) -> bool {
        self.faults || victim.faults
    }

    fn depth_of(&self, victim: &Victim) -> u32 {
        self.depth.max(victim.depth)
    }

    fn tries_signals(&self, victim: &Victim) -> bool {
        self.signals || victim.signals
    }

    /// How many copies of this victim run at once.
    fn instances_of(&self, victim: &Victim) -> u8 {
        self.instances.max(victim.instances)
    }

    /// How much of this victim's chance is fixed.
    fn determinism_of(&self, victim: &Victim) -> Determinism {
        if !victim.is_program() {
            return Determinism::OFF;
        }
        let default = Determinism::default();
        let level = victim.determinism.map_or(default.level, |level| level.min(Level::HIGHEST));
        let fixed = self.determinism.unwrap_or(Determinism { level, ..default });
        Determinism { seed: self.seed.unwrap_or(fixed.seed), ..fixed }
    }

    /// Neither judging nor sampling is sound when the victim can run out of descriptors.
    fn has_files(&self) -> Result<(), Error> {
        self.host.lacks_files().map_or(Ok(()), |lack| Err(Error::unsupported("judge", lack)))
    }

    fn world(&self, victim: &Victim, terms: Terms) -> Result<Box<dyn World>, Error> {
        Ok(match (&victim.work, self.model) {
            (Work::Protocol(protocol), Some(stops)) => {
                Box::new(ModelWorld::new(&self.host, protocol, terms, stops))
            }
            (_, Some(_)) => {
                let advice = "it holds victims made by Victim::protocol only; judge this one on the kernel";
                return Err(Error::unsupported("the model", advice));
            }
            (Work::Program(program), None) => Box::new(ProcessWorld::new(&self.host, program, terms)?),
            (Work::Body(body), None) => Box::new(ThreadWorld::new(&self.host, body, terms)?),
            (Work::Protocol(protocol), None) => {
                Box::new(ThreadWorld::new(&self.host, &on_kernel(protocol), terms)?)
            }
        })
    }

    /// What victims are judged on, in timelines.
    fn ground(&self) -> &'static str {
        if self.model.is_some() { IN_THE_MODEL } else { self.host.file_system() }
    }

    /// Engines pin themselves and share a working directory and umask with their victim, so each has its own thread.
    fn on_engine<T: Send>(
        &self,
        victim: &Victim,
        work: impl FnOnce(Engine<'_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.has_files()?;
        std::thread::scope(|scope| {
            let terms = Terms {
                silence: self.limits.silence,
                watch: Watch {
                    faults: self.tries_faults(victim) || self.tries_signals(victim),
                    locks: self.instances_of(victim) > 1 && victim.is_program(),
                },
                fixed: self.determinism_of(victim),
            };
            let run = move || {
                let world = self.world(victim, terms)?;
                work(Engine::new(self, victim, world))
            };
            let engine = std::thread::Builder::new().name("engine".into()).spawn_scoped(scope, run);
            let engine = engine.map_err(|e| Error::ours("start an engine", e))?;
            engine
                .join()
                .unwrap_or_else(|_| Err(Error::ours("judge", "the engine panicked; please report it")))
        })
    }
}

/// The report on a victim that needs a program which is not here: that says nothing about the victim.
fn without_its_programs(victim: &Victim) -> Option<Report> {
    let missing = victim.needs.iter().find(|name| host::find_program(name).is_none())?;
    let not_examined = vec![format!("no {missing} here")];
    Some(Report { verdict: Verdict::Unsupported, not_examined, ..Report::new(&victim.name) })
}
