//! What the calls before the act cost a copy of a program. Each copy makes them all anew; trials that shared them could save
//! that much and no more.

use crate::Setup;
use crate::kept::{Kept, Runs};
use crate::programs::can_start;
use crate::rows::{Amount, Row, Section};
use crate::turns::Turns;
use linkbait::{Class, Host, Judge, Program, Victim};

const ROUNDS: usize = 60;

/// Calls in the arena before the last one.
const CALLS: [u32; 3] = [2, 10, 40];

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("calls before the act, of a copy of sh");
    if !can_start("sh") {
        section.note("not measured: no sh here");
        return Ok(vec![section]);
    }
    let judge = || Judge::new(Host::detect()).rules(&[]);
    let start = |calls| Kept::start_against(&judge(), &program(calls), Class::None, Runs::Alone);
    let [few, some, many] = CALLS;
    let (mut a, mut b, mut c) = (start(few)?, start(some)?, start(many)?);
    // What sh does beside these calls is the same in all of them.
    let more = (c.stops - a.stops) as f64;
    let jobs = [&mut a, &mut b, &mut c].map(|kept| move || kept.run(1));
    let [mut a, mut b, mut c] = jobs;
    let turns = Turns::take(setup, ROUNDS, &mut [&mut a, &mut b, &mut c])?;
    let call = |t: &[f64]| (t[2] - t[0]) / more;
    let copy = |t: &[f64]| t[0] - f64::from(few) * call(t);
    section.row(Row::each("the copy itself, its last call and its end", turns.median(copy)));
    for (job, calls) in CALLS.into_iter().enumerate() {
        let row = Row::each(format!("with {calls} calls before"), turns.median(|t| t[job]));
        section.row(row.ratio(turns.median(|t| t[job] / copy(t)), "the copy"));
    }
    let row = Row::time("a call more", turns.median(call));
    section.row(row.ratio(turns.median(|t| call(t) / copy(t)), "the copy"));
    for (job, calls) in CALLS.into_iter().enumerate() {
        let share = turns.median(|t| 100.0 * f64::from(calls) * call(t) / t[job]);
        section.row(Row::new(format!("most that sharing {calls} calls could save"), Amount::Share(share)));
    }
    Ok(vec![section])
}

/// Looks at its directory so often, then makes a file.
fn program(calls: u32) -> Victim {
    let looks = "[ -e \"$TMPDIR/a\" ]; ".repeat(calls as usize);
    let argv = ["sh".to_owned(), "-c".to_owned(), format!("{looks}: > \"$TMPDIR/b\"")];
    Victim::program(&format!("{calls} calls"), Program { argv: argv.to_vec(), ..Program::default() })
}
