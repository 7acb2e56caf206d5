//! `merge`: of the reports of all shards the report that one run would have made. What does not belong together is refused.

use crate::Exit;
use crate::args::{Printing, Usage};
use crate::crew::Judged;
use crate::files;
use crate::interrupt::Interrupt;
use crate::publish::{Target, publish};
use crate::report::origin::Part;
use crate::report::{Run, read};
use crate::values::Shard;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

pub(crate) fn merge(files: &[PathBuf], printing: &Printing) -> anyhow::Result<Exit> {
    let target = Target::prepare(printing)?;
    let shards = files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    publish(&joined(shards)?, printing, false, target, &Interrupt::default())
}

/// The report of a shard, and where it was.
struct Piece<'f> {
    file: &'f Path,
    part: Part,
    run: Run,
}

fn read(file: &Path) -> anyhow::Result<Piece<'_>> {
    let text = files::read(file, "name the JSON reports of the shards")?;
    let mut run = read::run(&text).map_err(|error| Usage(format!("{file:?}: {error:#}")))?;
    match run.part.take() {
        Some(part) => Ok(Piece { file, part, run }),
        None => Err(Usage(format!("{file:?}: it is no shard, but a report on all victims")).into()),
    }
}

fn joined(mut pieces: Vec<Piece<'_>>) -> Result<Run, Usage> {
    fit_together(&pieces)?;
    pieces.sort_by_key(|piece| piece.part.shard.k);
    let mut pieces = pieces.into_iter();
    let first = pieces.next().ok_or_else(|| Usage("there is nothing to merge".to_owned()))?;
    let (Part { of, shards: places, .. }, mut whole) = (first.part, first.run);
    whole.asked = of.len();
    let mut shards: Vec<VecDeque<Judged>> = vec![std::mem::take(&mut whole.judged).into()];
    shards.extend(pieces.map(|piece| VecDeque::from(piece.run.judged)));
    // A shard that was interrupted has no report on some of its victims, and so the whole has none.
    let judged = of.iter().zip(places).filter_map(|(name, place)| {
        let shard = shards.get_mut(place - 1)?;
        let is_next = shard.front().is_some_and(|judged| judged.report.name == *name);
        is_next.then(|| shard.pop_front()).flatten()
    });
    whole.judged = judged.collect();
    Ok(whole)
}

/// True to the order of the roster, every victim in its own shard and every shard there once.
fn fit_together(pieces: &[Piece<'_>]) -> Result<(), Usage> {
    let Some(first) = pieces.first() else { return Ok(()) };
    let n = first.part.shard.n;
    for piece in pieces {
        let other = |what: &str| Err(Usage(format!("{:?} and {:?} are of {what}", first.file, piece.file)));
        let (Piece { part, run, .. }, one) = (piece, &first.run);
        match () {
            () if part.shard.n != n => return other(&format!("{n} and of {} shards", part.shard.n)),
            () if part.of != first.part.of
                || run.left_out != one.left_out
                || run.narrowed != one.narrowed =>
            {
                return other("other victims");
            }
            () if part.shards != first.part.shards => {
                return other("shards dealt by other costs; give all the same --costs, or none");
            }
            () if run.ignores != one.ignores => return other("other ignores, or days"),
            () if run.settings != one.settings => return other("other settings"),
            () if run.environment != one.environment => return other("other machines, or other seeds"),
            () => {}
        }
        only_its_own(piece)?;
    }
    for k in 1..=n {
        let here = pieces.iter().filter(|piece| piece.part.shard.k == k).map(|piece| piece.file);
        match here.collect::<Vec<_>>().as_slice() {
            [_] => {}
            [] => return Err(Usage(format!("shard {k} of {n} is missing"))),
            [one, other, ..] => {
                return Err(Usage(format!("shard {k} of {n} is in {one:?} and in {other:?}")));
            }
        }
    }
    Ok(())
}

/// Refuses a shard that has another's victim, or fewer of its own although it was not interrupted.
fn only_its_own(piece: &Piece<'_>) -> Result<(), Usage> {
    let Piece { file, part: Part { shard, of, shards }, run } = piece;
    let Shard { k, n } = *shard;
    let is_one = |k| (1..=n).contains(&k);
    if !is_one(k) || of.len() != shards.len() || !shards.iter().all(|k| is_one(*k)) {
        return Err(Usage(format!("{file:?}: it does not say which victims its shard {k} of {n} has")));
    }
    let mut own = shard.own(of, shards);
    if run.asked != shards.iter().filter(|own| **own == k).count() {
        return Err(Usage(format!("{file:?}: shard {k} of {n} does not have {} victims", run.asked)));
    }
    match run.judged.iter().find(|judged| !own.any(|name| *name == judged.report.name)) {
        Some(judged) => {
            Err(Usage(format!("{file:?}: {:?} is no victim of shard {k} of {n}", judged.report.name)))
        }
        None => Ok(()),
    }
}
