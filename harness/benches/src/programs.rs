//! What a trial of a program costs: bare, under strace, started anew under supervision, and as a copy.

use crate::Setup;
use crate::rows::{Amount, Promise, Row, Section};
use crate::turns::{Turns, repeated};
use anyhow::{Context, ensure};
use linkbait::{Class, Judge, Program, Schedule, Victim};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 45;

/// Copies are made one after the other, as the explorer makes them: right after another program's start each is a fifth slower.
const COPIES: u32 = 8;

/// A program left alone under supervision, of the same program bare.
const ANEW: Promise = Promise::AtMost(1.4);

/// A trial from the fork server.
const COPIED: Promise = Promise::Within(Amount::Time(500.0));
const COPIED_AND_ENDED: Promise = Promise::Within(Amount::Time(1500.0));

/// A program, with what is promised of it started anew and as a copy.
struct Measured {
    name: &'static str,
    argv: &'static [&'static str],
    anew: Option<Promise>,
    copy: Option<Promise>,
}

const PROGRAMS: [Measured; 4] = [
    Measured { name: "mktemp", argv: &["mktemp"], anew: Some(ANEW), copy: Some(COPIED) },
    Measured {
        name: "bash",
        argv: &["bash", "-c", "echo x > $TMPDIR/a; read y < $TMPDIR/a"],
        anew: None,
        copy: Some(COPIED),
    },
    Measured { name: "python3", argv: &["/usr/bin/python3", "-c", PYTHON], anew: Some(ANEW), copy: None },
    Measured {
        name: "python3 that ends with os._exit",
        argv: &["/usr/bin/python3", "-c", PYTHON_ENDED],
        anew: Some(ANEW),
        copy: Some(COPIED_AND_ENDED),
    },
];

const PYTHON: &str = "import tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x')";
const PYTHON_ENDED: &str =
    "import os, tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x')\nos._exit(0)";

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    PROGRAMS.iter().map(|measured| program(setup, measured)).collect()
}

fn program(setup: &Setup, measured: &Measured) -> anyhow::Result<Section> {
    let Measured { name, argv, .. } = measured;
    let mut section = Section::new(format!("a trial of {name}"));
    let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
    if !can_start(&argv[0]) {
        section.note(format!("not measured: no {} here", argv[0]));
        return Ok(section);
    }
    let has_strace = can_start("strace");
    // Without rules, because a copy with a finding is followed by a start anew.
    let judge = Judge::new(setup.host.clone()).rules(&[]);
    let anew = turns(setup, &judge.clone().start_anew(), &argv, 1, has_strace)?;
    let copied = turns(setup, &judge, &argv, COPIES, false)?;
    let of_bare = |what, turns: &Turns, job: usize| {
        Row::each(what, turns.median(|t| t[job])).ratio(turns.median(|t| t[job] / t[0]), "bare")
    };
    section.row(Row::each("bare", anew.median(|t| t[0])));
    if has_strace {
        section.row(of_bare("strace -f", &anew, 2));
    } else {
        section.note("not measured: strace -f; no strace here");
    }
    section.row(Row { promise: measured.anew, ..of_bare("started anew", &anew, 1) });
    let copy = of_bare("a copy, from the fork server", &copied, 1);
    section.row(Row { promise: measured.copy, ..copy });
    Ok(section)
}

pub(crate) fn can_start(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok()
}

/// Bare, left alone by this judge so often and, if wanted, under strace, in turn.
fn turns(setup: &Setup, judge: &Judge, argv: &[String], times: u32, strace: bool) -> anyhow::Result<Turns> {
    let program = Program { argv: argv.to_vec(), ..Program::default() };
    judge.session(&Victim::program("benched", program), Class::None, 0o022, |session| {
        // The engine's thread is in a mount namespace in which only the arena can be written to.
        let place = Path::new("/mnt/private");
        let traced = ["strace", "-f", "-o", "/dev/null"].map(str::to_owned);
        let traced: Vec<String> = traced.into_iter().chain(argv.iter().cloned()).collect();
        let mut bare = repeated(1, || spawn(argv, place));
        let mut held = repeated(times, || session.run(&Schedule::default()).map(drop).map_err(Into::into));
        let mut traced = repeated(1, || if strace { spawn(&traced, place) } else { Ok(()) });
        Ok(Turns::take(setup, ROUNDS, &mut [&mut bare, &mut held, &mut traced]))
    })?
}

/// Runs a command to its end and removes what it left.
fn spawn(argv: &[String], place: &Path) -> anyhow::Result<()> {
    let run = Command::new(&argv[0]).args(&argv[1..]).env("TMPDIR", place).stdout(Stdio::null()).status();
    for left in fs::read_dir(place).into_iter().flatten().flatten() {
        fs::remove_file(left.path()).context("remove what a program left")?;
    }
    let status = run.with_context(|| format!("start {:?}", argv[0]))?;
    ensure!(status.success(), "{:?} fails when it runs bare: {status}", argv[0]);
    Ok(())
}
