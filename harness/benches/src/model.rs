//! What the model costs: its calls against the kernel's, a trial on it against one on the kernel.

use crate::Setup;
use crate::kept::{Kept, Runs};
use crate::rows::{Row, Section};
use crate::trials::beside_the_arenas;
use crate::turns::{Turns, repeated};
use linkbait::model::{Call, Errno, Fd, Files, Kernel, Model, OFlags, Place, RenameFlags, Reply, Task};
use linkbait::{Class, Ground, Host, Judge, Stops};
use linkbait_races::protocols::PAIRS;
use std::cell::RefCell;

const ROUNDS: usize = 200;

/// How often the calls are made in each round.
const RUNS: u32 = 24;

/// Calls of [`work`].
const CALLS: f64 = 6.0;

/// The model as a process of it sees it.
struct OnModel {
    model: RefCell<Model>,
    task: Task,
}

impl Files for OnModel {
    fn call(&self, call: Call) -> Result<Reply, Errno> {
        self.model.borrow_mut().perform(self.task, &call)
    }

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn uid(&self) -> u32 {
        self.model.borrow().uid(self.task)
    }
}

/// Makes a file, writes it, closes it, looks at it, renames and removes it.
fn work(files: &dyn Files) -> Result<(), Errno> {
    let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let file: Fd = files.open(Place::at("app.tmp"), new, 0o600)?;
    files.write(file, b"sixteen bytes...")?;
    files.close(file)?;
    files.stat(Place::at("app.tmp"), false)?;
    files.rename(Place::at("app.tmp"), Place::at("app.conf"), RenameFlags::empty())?;
    files.unlink(Place::at("app.conf"))
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    Ok(vec![calls(setup)?, trials(setup)?])
}

fn calls(setup: &Setup) -> anyhow::Result<Section> {
    let place = beside_the_arenas(setup)?;
    let kernel = Kernel::at(place.path());
    let victim = linkbait::victim("works", |_| {});
    let ground = Ground::of(&victim, Class::OtherUser);
    let fresh = || OnModel { model: RefCell::new(ground.model.clone()), task: ground.victim };
    let mut model = fresh();
    let in_model = || {
        // What has no name any more stays in it, so it begins anew.
        model = fresh();
        (0..RUNS).try_for_each(|_| work(&model)).map_err(Into::into)
    };
    let in_kernel = || (0..RUNS).try_for_each(|_| work(&kernel)).map_err(Into::into);
    let turns = Turns::take(setup, ROUNDS, &mut [&mut repeated(1, in_kernel), &mut repeated(1, in_model)])?;
    let each = f64::from(RUNS) * CALLS;
    let mut section = Section::new("a call of the model");
    section.row(Row::each("by the kernel, on the file system of the arenas", turns.median(|t| t[0] / each)));
    let row = Row::each("by the model", turns.median(|t| t[1] / each));
    section.row(row.ratio(turns.median(|t| t[1] / t[0]), "the kernel"));
    Ok(section)
}

fn trials(setup: &Setup) -> anyhow::Result<Section> {
    let pair = &PAIRS[0];
    let [_, victim] = pair.victims();
    let judge = || Judge::new(Host::detect());
    let start = |judge: Judge| Kept::start_against(&judge, &victim, pair.class, Runs::Planted);
    let mut kernel = start(judge())?;
    let mut calls = start(judge().on_model(Stops::Calls))?;
    let mut names = start(judge().on_model(Stops::Names))?;
    let turns =
        Turns::take(setup, ROUNDS, &mut [&mut || kernel.run(4), &mut || calls.run(4), &mut || names.run(4)])?;
    let mut section = Section::new(format!("a trial of {:?}, repaired", pair.name));
    section.row(Row::each("on the kernel", turns.median(|t| t[0])));
    for (what, job) in [("on the model, a stop at each call", 1), ("on the model, a stop at each name", 2)] {
        let row = Row::each(what, turns.median(|t| t[job]));
        section.row(row.ratio(turns.median(|t| t[job] / t[0]), "the kernel"));
    }
    Ok(section)
}
