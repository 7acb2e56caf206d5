//! What stands between choosing victims and judging them: those that are code of others are built, one after the other, before the
//! first is judged. Code that does not compile ends the run; what this machine lacks costs the verdict on that victim alone.

use crate::apart::{Apart, Built, must_be_program};
use crate::args::Judging;
use crate::crew::{self, Judged};
use crate::package::{Failure, Kind, Package};
use crate::progress::Progress;
use crate::select::Chosen;
use linkbait::{Judge, Victim};

/// A victim, and how it is judged.
pub(crate) struct Subject {
    victim: Victim,
    way: Way,
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
    let packages = victims.iter().filter(|chosen| chosen.package.is_some()).count();
    let progress = Progress::building(!asked.no_progress && packages > 0, packages);
    let mut subjects = Vec::with_capacity(victims.len());
    for Chosen { victim, package } in victims {
        let way = match package {
            None => Way::Here,
            Some(package) => {
                progress.begins(&package.name);
                way(asked, package)?
            }
        };
        subjects.push(Subject { victim, way });
    }
    progress.end();
    Ok(subjects)
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

    pub(crate) fn judge(&self, judge: &Judge, apart: &Apart<'_>) -> Judged {
        match &self.way {
            Way::Here => crew::judge_here(judge, &self.victim),
            Way::Apart(package, built) => apart.judge(&self.victim, package, built),
            Way::Lacks(what) => crew::unsupported(&self.victim, what),
        }
    }
}
