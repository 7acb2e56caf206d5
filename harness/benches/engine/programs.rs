//! What a trial of a program costs: bare, under strace, started anew under supervision, and as a copy.

use crate::table::{Promise, Table};
use crate::turns::{Job, Turns};
use linkbait::{Class, Error, Host, Judge, Program, Schedule, Victim};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 15;

/// A program left alone under supervision, of the same program bare.
const PROMISED: f64 = 1.4;

const PROGRAMS: [(&str, &[&str]); 4] = [
    ("mktemp", &["mktemp"]),
    ("bash", &["bash", "-c", "echo x > $TMPDIR/a; read y < $TMPDIR/a"]),
    ("python3", &["/usr/bin/python3", "-c", PYTHON]),
    ("python3 that ends with os._exit", &["/usr/bin/python3", "-c", PYTHON_ENDED]),
];

const PYTHON: &str = "import tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x')";
const PYTHON_ENDED: &str =
    "import os, tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x')\nos._exit(0)";

pub(crate) fn measure(host: &Host, table: &mut Table) -> Result<(), Error> {
    for (name, argv) in PROGRAMS {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        // Without rules, because a copy with a finding is followed by a start anew.
        let judge = Judge::new(host.clone()).rules(&[]);
        let anew = turns(&judge.clone().start_anew(), &argv)?;
        let copied = turns(&judge, &argv)?;
        table.head(&format!("a trial of {name}"));
        table.rate("bare", anew.median(|t| t[0]));
        table.ratio("strace -f, of bare", anew.median(|t| t[1]), anew.median(|t| t[1] / t[0]), None);
        let promise = Some(Promise::AtMost(PROMISED));
        table.ratio("started anew, of bare", anew.median(|t| t[2]), anew.median(|t| t[2] / t[0]), promise);
        table.ratio_of_rates(
            "copied, of bare",
            copied.median(|t| t[2]),
            copied.median(|t| t[2] / t[0]),
            None,
        );
    }
    Ok(())
}

/// Bare, under strace and left alone by this judge, in turn. Without strace, its time is that of the bare run.
fn turns(judge: &Judge, argv: &[String]) -> Result<Turns, Error> {
    let program = Program { argv: argv.to_vec(), ..Program::default() };
    judge.session(&Victim::program("benched", program), Class::None, 0o022, |session| {
        // The engine's thread is in a mount namespace in which only the arena can be written to.
        let place = Path::new("/mnt/private");
        let traced: Vec<String> = ["strace", "-f", "-o", "/dev/null"]
            .map(str::to_owned)
            .into_iter()
            .chain(argv.iter().cloned())
            .collect();
        let has_strace = spawn(&traced, place);
        let mut bare = || assert!(spawn(argv, place));
        let mut traced = || assert!(spawn(if has_strace { &traced } else { argv }, place));
        let mut held = || drop(session.run(&Schedule::default()).expect("the engine works"));
        let one = |work| Job { repeat: 1, work };
        Ok(Turns::take(ROUNDS, &mut [one(&mut bare), one(&mut traced), one(&mut held)]))
    })
}

/// Runs a command to its end and removes what it left; false when it cannot be started or fails.
fn spawn(argv: &[String], place: &Path) -> bool {
    let run = Command::new(&argv[0]).args(&argv[1..]).env("TMPDIR", place).stdout(Stdio::null()).status();
    for left in fs::read_dir(place).into_iter().flatten().flatten() {
        fs::remove_file(left.path()).expect("a file of this run");
    }
    run.is_ok_and(|status| status.success())
}
