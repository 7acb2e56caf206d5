//! What a trial costs: the victim's body bare, stepped and left alone, and stepped with a move that is undone.

use crate::Setup;
use crate::floor::PingPong;
use crate::rows::{Promise, Row, Section};
use crate::stops::ask;
use crate::turns::{Turns, repeated};
use anyhow::Context;
use linkbait::{Class, Judge, Schedule, Session};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

const ROUNDS: usize = 800;

/// Runs in a row of each kind, in each round: so few that most rounds are over before anybody else gets the core.
const RUNS: u32 = 6;

/// Trials per second, of what the same work makes when nobody holds it.
const PROMISED: Promise = Promise::AtLeast(0.5);

pub(crate) type Body = fn(&Path) -> io::Result<()>;

const VICTIMS: [(&str, Body); 3] =
    [("create_new", create_new), ("NamedTempFile", named_temp_file), ("TempDir", temp_dir)];

fn create_new(dir: &Path) -> io::Result<()> {
    let path = dir.join("app.tmp");
    File::create_new(&path)?.write_all(b"sixteen bytes...")?;
    fs::remove_file(path)
}

pub(crate) fn named_temp_file(dir: &Path) -> io::Result<()> {
    tempfile::NamedTempFile::new_in(dir)?.write_all(b"sixteen bytes...")
}

fn temp_dir(dir: &Path) -> io::Result<()> {
    let made = tempfile::tempdir_in(dir)?;
    File::create_new(made.path().join("app.tmp"))?.write_all(b"sixteen bytes...")
}

/// Asks about a name, and goes on whatever stands there.
pub(crate) fn asks(dir: &Path) -> io::Result<()> {
    ask(&dir.join("app.tmp"), 1);
    Ok(())
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let judge = Judge::new(setup.host.clone());
    let mut sections = vec![nothing(setup, &judge)?, a_move(&turns(setup, &judge, "asks", asks)?.turns)];
    for (name, body) in VICTIMS {
        sections.push(section(name, &turns(setup, &judge, name, body)?));
    }
    Ok(sections)
}

/// What took turns, with the stops of a trial in which nothing is planted.
struct Measured {
    turns: Turns,
    stops: usize,
}

fn turns(setup: &Setup, judge: &Judge, name: &str, body: Body) -> anyhow::Result<Measured> {
    let victim = linkbait::victim(name, body);
    let place = beside_the_arenas(setup)?;
    judge.session(&victim, Class::OtherUser, 0o022, |session| {
        Ok(on_engine(session, setup, body, place.path()))
    })?
}

/// A directory on the file system that arenas are on.
pub(crate) fn beside_the_arenas(setup: &Setup) -> anyhow::Result<tempfile::TempDir> {
    tempfile::tempdir_in(setup.host.place()).context("make a directory beside the arenas")
}

/// What a trial costs before the victim makes a call: the marker, the beginning, the look at the end.
fn nothing(setup: &Setup, judge: &Judge) -> anyhow::Result<Section> {
    let victim = linkbait::victim("does nothing", |_| {});
    let alone = Schedule::default();
    let turns = judge.session(&victim, Class::OtherUser, 0o022, |session| {
        let floor = PingPong::start();
        let trial = || session.run(&alone).map(drop).map_err(Into::into);
        Ok(Turns::take(setup, ROUNDS, &mut [&mut repeated(RUNS, floor.job()), &mut repeated(RUNS, trial)]))
    })??;
    let mut section = Section::new("a trial without any call");
    section.row(Row::time("futex ping-pong on one core", turns.median(|t| t[0])));
    let row = Row::each("marker, begin, look at the end", turns.median(|t| t[1]));
    section.row(row.ratio(turns.median(|t| t[1] / t[0]), "ping-pong"));
    Ok(section)
}

/// What a move costs that changes nothing of what the victim does.
fn a_move(turns: &Turns) -> Section {
    let mut section = Section::new("a move, at a victim that asks about one name");
    let cost = |t: &[f64]| t[3] - t[2];
    section.row(Row::time("symlink and unlink, bare", turns.median(|t| t[1] - t[0])));
    section.row(Row::each("a trial left alone", turns.median(|t| t[2])));
    section.row(Row::each("a trial planted and undone, the mean of all moves", turns.median(|t| t[3])));
    let row = Row::time("the move and its undoing", turns.median(cost));
    section.row(row.ratio(turns.median(|t| cost(t) / (t[1] - t[0])), "symlink and unlink"));
    section
}

/// What a planted trial does to the file system, with nobody watching.
fn planted_bare(body: Body, place: &Path) -> io::Result<()> {
    let bait = place.join("bait");
    symlink("/nowhere", &bait)?;
    body(place)?;
    fs::remove_file(bait)
}

fn on_engine(session: &mut Session<'_>, setup: &Setup, body: Body, place: &Path) -> anyhow::Result<Measured> {
    let schedules = session.schedules();
    // One more for the marker.
    let stops = session.stops().len() + 1;
    let floor = PingPong::start();
    let alone = Schedule::default();
    let session = RefCell::new(session);
    let try_one = |schedule: &Schedule| session.borrow_mut().run(schedule).map(drop).map_err(Into::into);
    let mut next = schedules.iter().cycle();
    // As many as there are schedules, so that every round does the same.
    let planted = repeated(schedules.len() as u32, || next.next().map_or(Ok(()), try_one));
    let turns = Turns::take(
        setup,
        ROUNDS,
        &mut [
            &mut repeated(RUNS, || body(place).context("the work, bare")),
            &mut repeated(RUNS, || planted_bare(body, place).context("the work, bare")),
            &mut repeated(RUNS, || try_one(&alone)),
            &mut { planted },
            &mut repeated(RUNS, floor.job()),
        ],
    )?;
    Ok(Measured { turns, stops })
}

fn section(name: &str, Measured { turns, stops }: &Measured) -> Section {
    let mut section = Section::new(format!("a trial of {name}"));
    let rate_of = |what, job: usize, floor: usize, of| {
        let ratio = turns.median(|t| t[floor] / t[job]);
        Row::each(what, turns.median(|t| t[job])).ratio(ratio, of)
    };
    let least = |t: &[f64]| t[0] + *stops as f64 * t[4];
    section.row(Row::each("bare", turns.median(|t| t[0])));
    section.row(Row::each("bare, with symlink and unlink", turns.median(|t| t[1])));
    let row = Row::each(format!("bare, and two switches for each of {stops} stops"), turns.median(least));
    section.row(row.ratio(turns.median(|t| t[0] / least(t)), "the rate bare"));
    section.row(rate_of("stepped and left alone", 2, 0, "the rate bare"));
    section.row(rate_of("planted and undone", 3, 0, "the rate bare").promised(PROMISED));
    section.row(rate_of("the same, of the same file work", 3, 1, "bare with symlink and unlink"));
    section
}
