//! What stands between choosing victims and judging them: those that are code of others are built, one after the other, before the
//! first is judged. Code that does not compile ends the run; what this machine lacks costs the verdict on that victim alone.

use crate::apart::{Apart, Built, must_be_program};
use crate::args::Judging;
use crate::cache::Cache;
use crate::crew::{self, Judged};
use crate::package::{Failure, Kind, Package};
use crate::progress::Progress;
use crate::select::Chosen;
use crate::source::Reader;
use linkbait::{Judge, Victim};
use std::time::Instant;

/// A victim, and how it is judged.
pub(crate) struct Subject {
    victim: Victim,
    way: Way,
}

/// What judges, and what is known already.
pub(crate) struct By<'r> {
    pub(crate) judge: &'r Judge,
    pub(crate) apart: &'r Apart<'r>,
    pub(crate) cache: Option<&'r Cache>,
}

enum Way {
    /// By this process.
    Here,
    /// By a linkbait of its own.
    Apart(Package, Built),
    /// Not at all, for want of this.
    Lacks(String),
}

/// Builds what has to be built.
pub(crate) fn all(asked: &Judging, victims: Vec<Chosen>) -> anyhow::Result<Vec<Subject>> {
    let is_made = |chosen: &&Chosen| chosen.package.is_some() || !chosen.installs.is_empty();
    let made = victims.iter().filter(is_made).count();
    let progress = Progress::building(!asked.no_progress && made > 0, made);
    let mut subjects = Vec::with_capacity(victims.len());
    for chosen in victims {
        if is_made(&&chosen) {
            progress.begins(chosen.victim.name());
        }
        subjects.push(subject(asked, chosen)?);
    }
    progress.end();
    Ok(subjects)
}

fn subject(asked: &Judging, chosen: Chosen) -> anyhow::Result<Subject> {
    let Chosen { victim, package, installs } = chosen;
    if let Some(package) = package {
        return Ok(Subject { victim, way: way(asked, package)? });
    }
    match installs.install(victim.clone()) {
        Ok(victim) => Ok(Subject { victim, way: Way::Here }),
        Err(Failure::Unsupported(what)) => Ok(Subject { victim, way: Way::Lacks(what) }),
        Err(other) => Err(other.into()),
    }
}

fn way(asked: &Judging, package: Package) -> anyhow::Result<Way> {
    let kind = if must_be_program(asked, &package).is_some() { Kind::Program } else { Kind::Library };
    match package.build(kind) {
        Ok(path) => Ok(Way::Apart(package, Built { kind, path })),
        Err(Failure::Unsupported(what)) => Ok(Way::Lacks(what)),
        Err(other) => Err(other.into()),
    }
}

impl Subject {
    /// True for what this process has to contain.
    pub(crate) fn is_program_here(&self) -> bool {
        matches!(self.way, Way::Here) && self.victim.is_program()
    }

    /// The result of an earlier run that would come to the same, or else of this one, which a later one may take.
    pub(crate) fn judge(&self, by: &By<'_>, reader: &mut Reader) -> Judged {
        let built = match &self.way {
            Way::Apart(_, built) => Some(built.path.as_path()),
            Way::Here | Way::Lacks(_) => None,
        };
        if let Some(known) = by.cache.and_then(|cache| cache.get(&self.victim, built)) {
            return known;
        }
        let start = Instant::now();
        let mut judged = match &self.way {
            Way::Here => crew::judge_here(by.judge, &self.victim, reader),
            Way::Apart(package, built) => by.apart.judge(&self.victim, package, built),
            Way::Lacks(what) => crew::unsupported(&self.victim, what),
        };
        judged.seconds = start.elapsed().as_secs_f64();
        // What was being judged when an interrupt came may have ended early.
        let whole = by.cache.filter(|_| !by.apart.interrupt.came());
        whole.into_iter().for_each(|cache| cache.put(&self.victim, built, &judged));
        judged
    }
}
