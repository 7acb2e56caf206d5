//! How predictable a victim's names are, told to people: schemes, and for some fresh runs the prediction beside what came.
//! Nothing is planted here, so nothing is said about harm.

use super::Judge;
use super::engine::Engine;
use super::learn::A_SECOND;
use super::names::TWINS;
use crate::arena::Stage;
use crate::class::Class;
use crate::error::Error;
use crate::explore::foresight::Foresight;
use crate::finding::Report;
use crate::names::{self, Entropy, Scheme};
use crate::schedule::Schedule;
use crate::victim::Victim;

/// Runs in quick succession that begin it, and runs a second later, under other pids and beside more entries.
const QUICK: u64 = 3;
const LATER: u64 = 3;

/// What is known about the names of a victim.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The victim's name.
    pub name: String,
    /// Runs that the schemes were learned from.
    pub learned_from: usize,
    /// The names that it makes directly in the shared directory, in order.
    pub names: Vec<NameForecast>,
    /// What was not looked at, and why.
    pub not_examined: Vec<String>,
}

/// One name of each run.
#[derive(Clone, Debug)]
pub struct NameForecast {
    /// How it is made up, as far as it can be told.
    pub scheme: String,
    /// The chance in it, if it has any that was not seen through.
    pub entropy: Option<Entropy>,
    /// The same in every run.
    pub constant: bool,
    /// It is told by the name before it in the same run.
    pub follows: bool,
    /// One for each fresh run.
    pub runs: Vec<Told>,
}

/// A prediction beside what came.
#[derive(Clone, Debug)]
pub struct Told {
    /// How many names it may be; 0 when none could be told.
    pub candidates: usize,
    /// The first of them, escaped.
    pub first: Option<String>,
    /// What it was, escaped; `None` when the run made fewer names.
    pub real: Option<String>,
    /// It was one of them.
    pub hit: bool,
}

impl NameForecast {
    /// Fresh runs whose name was predicted.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.runs.iter().filter(|told| told.hit).count()
    }
}

impl Judge {
    /// Learns how the victim makes its names, then predicts those of `runs` fresh runs, each before it begins.
    ///
    /// # Errors
    /// As [`Judge::judge`], and of kind victim when it hangs when left alone.
    pub fn forecast(&self, victim: &Victim, runs: u32) -> Result<Forecast, Error> {
        if let Some(Report { not_examined, .. }) = super::without_its_programs(victim) {
            return Err(Error::unsupported("names", not_examined.join(", ")));
        }
        self.on_first().on_engine(victim, |mut engine| {
            engine.at_the_mercy_of_the_machine(|engine| engine.forecast(runs))
        })
    }
}

impl Engine<'_> {
    fn forecast(&mut self, runs: u32) -> Result<Forecast, Error> {
        self.class = Class::OtherUser;
        self.bench.class = self.class;
        let umask = self.judge.umasks.first().copied().unwrap_or(0o022);
        let stage = Stage { files: self.victim.stage.clone(), decoys: Vec::new() };
        self.world.prepare(self.class, umask, stage)?;
        for _ in 0..QUICK {
            self.vary(0)?;
            self.ended()?;
        }
        std::thread::sleep(A_SECOND);
        for run in 0..LATER {
            self.vary(2 * run as usize + 1)?;
        }
        let schemes = names::learn(&self.watched.runs);
        let learned_from = self.watched.runs.len();
        let mut told: Vec<Vec<Told>> = vec![Vec::new(); schemes.len()];
        for run in 0..runs as usize {
            for (told, new) in told.iter_mut().zip(self.fresh_run(&schemes, run % 5)?) {
                told.push(new);
            }
        }
        let names = schemes.iter().zip(told).map(|(scheme, runs)| NameForecast {
            scheme: scheme.to_string(),
            entropy: scheme.entropy,
            constant: scheme.is_constant(),
            follows: scheme.follows.is_some(),
            runs,
        });
        let name = self.victim.name.clone();
        let names = names.collect();
        Ok(Forecast { name, learned_from, names, not_examined: self.world.not_examined() })
    }

    fn ended(&self) -> Result<(), Error> {
        let hung = self.bench.evidence.ending == crate::ending::Ending::Hung;
        let what = "it hangs although no one interferes; a longer time limit may help";
        if hung { Err(Error::victim(&self.victim.name, what)) } else { Ok(()) }
    }

    /// Predicts, then runs it undisturbed but for some more entries.
    fn fresh_run(&mut self, schemes: &[Scheme], more: usize) -> Result<Vec<Told>, Error> {
        let twin = schemes.iter().find(|scheme| scheme.needs_twin()).or(schemes.first());
        let Some(twin) = twin else { return Ok(Vec::new()) };
        let entries = self.staged() + more as u64;
        let mut ahead: Vec<Vec<Vec<u8>>> = Vec::new();
        for _ in 0..TWINS {
            let known = self.known(twin, entries)?;
            let candidates =
                |(at, scheme): (usize, &Scheme)| scheme.candidates(at, &known).unwrap_or_default();
            ahead = schemes.iter().enumerate().map(candidates).collect();
            self.bench.foresight = Some(Foresight::fillers(more));
            self.run(&Schedule::default())?;
            if !twin.needs_twin() || self.clock().second() == known.now.second() {
                break;
            }
        }
        let made = self.names_made();
        let told = schemes.iter().zip(ahead).enumerate().map(|(at, (scheme, mut all))| {
            let before = at.checked_sub(1).and_then(|before| made.get(before));
            let mut next = Vec::new();
            if let (Some(sequence), Some(before)) = (&scheme.follows, before)
                && sequence.next(before, &mut next)
            {
                all = vec![next];
            }
            let text = |name: &Vec<u8>| name.escape_ascii().to_string();
            let real = made.get(at);
            let hit = real.is_some_and(|real| all.contains(real));
            Told { candidates: all.len(), first: all.first().map(text), real: real.map(text), hit }
        });
        Ok(told.collect())
    }
}
