//! What a trial costs: the victim's body bare, stepped and left alone, and stepped with a move that is undone.

use crate::criterion;
use crate::table::{Promise, Table};
use crate::turns::{Job, Turns};
use linkbait::{Class, Error, Host, Judge, Schedule, Session};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

const ROUNDS: usize = 200;

/// Runs in a row of each kind, in each round.
const RUNS: u32 = 24;

/// Trials per second, of what the same work makes when nobody holds it.
const PROMISED: f64 = 0.5;

type Body = fn(&Path) -> io::Result<()>;

const VICTIMS: [(&str, Body); 3] =
    [("create_new", create_new), ("NamedTempFile", named_temp_file), ("TempDir", temp_dir)];

fn create_new(dir: &Path) -> io::Result<()> {
    let path = dir.join("app.tmp");
    File::create_new(&path)?.write_all(b"sixteen bytes...")?;
    fs::remove_file(path)
}

fn named_temp_file(dir: &Path) -> io::Result<()> {
    tempfile::NamedTempFile::new_in(dir)?.write_all(b"sixteen bytes...")
}

fn temp_dir(dir: &Path) -> io::Result<()> {
    let made = tempfile::tempdir_in(dir)?;
    File::create_new(made.path().join("app.tmp"))?.write_all(b"sixteen bytes...")
}

pub(crate) fn measure(host: &Host, table: &mut Table) -> Result<(), Error> {
    for (name, body) in VICTIMS {
        let victim = linkbait::victim(name, body);
        let turns = Judge::new(host.clone()).session(&victim, Class::OtherUser, 0o022, |session| {
            let place = tempfile::tempdir_in(host.place()).expect("a directory beside the arenas");
            Ok(on_engine(session, name, body, place.path()))
        })?;
        report(name, &turns, table);
    }
    Ok(())
}

/// What a planted trial does to the file system, with nobody watching.
fn planted_bare(body: Body, place: &Path) -> io::Result<()> {
    let bait = place.join("bait");
    symlink("/nowhere", &bait)?;
    body(place)?;
    fs::remove_file(bait)
}

fn on_engine(session: &mut Session<'_>, name: &str, body: Body, place: &Path) -> Turns {
    let schedules = session.schedules();
    let alone = Schedule::default();
    let session = RefCell::new(session);
    let try_one = |schedule: &Schedule| session.borrow_mut().run(schedule).expect("the engine works");
    let mut next = schedules.iter().cycle();
    let mut bare = || body(place).expect("bare");
    let mut bare_planted = || planted_bare(body, place).expect("bare");
    let mut left_alone = || drop(try_one(&alone));
    let mut planted = || next.next().into_iter().for_each(|schedule| drop(try_one(schedule)));
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group(format!("trial of {name}"));
    group.bench_function("bare", |b| b.iter(&mut bare));
    group.bench_function("bare, with symlink and unlink", |b| b.iter(&mut bare_planted));
    group.bench_function("stepped and left alone", |b| b.iter(&mut left_alone));
    group.bench_function("planted and undone", |b| b.iter(&mut planted));
    group.finish();
    criterion.final_summary();
    Turns::take(
        ROUNDS,
        &mut [
            Job { repeat: RUNS, work: &mut bare },
            Job { repeat: RUNS, work: &mut bare_planted },
            Job { repeat: RUNS, work: &mut left_alone },
            // As many as there are schedules, so that every round does the same.
            Job { repeat: schedules.len() as u32, work: &mut planted },
        ],
    )
}

fn report(name: &str, turns: &Turns, table: &mut Table) {
    table.head(&format!("a trial of {name}"));
    table.rate("bare", turns.median(|t| t[0]));
    table.rate("bare, with symlink and unlink", turns.median(|t| t[1]));
    table.ratio_of_rates(
        "stepped and left alone, of bare",
        turns.median(|t| t[2]),
        turns.median(|t| t[0] / t[2]),
        None,
    );
    let (time, promise) = (turns.median(|t| t[3]), Some(Promise::AtLeast(PROMISED)));
    table.ratio_of_rates("planted and undone, of bare", time, turns.median(|t| t[0] / t[3]), promise);
    let same_work = turns.median(|t| t[1] / t[3]);
    table.ratio_of_rates("planted and undone, of bare with symlink and unlink", time, same_work, promise);
}
