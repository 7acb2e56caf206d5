//! What the target begins with: programs, each with a name that says what it is about.

use super::op::{Does, Op};
use super::program::Program;
use Does::{
    Close, DisableCleanup, Drop, DropElsewhere, FromParts, IntoFile, IntoParts, IntoTempPath, IsRolled, Keep,
    MakeIn, Metadata, NewIn, Persist, PersistNoclobber, Read, Reopen, Roll, Seek, SetLen, SpooledIn,
    TempdirIn, Tempfile, Write,
};
use linkbait::fuzz::Plan;

/// In the crate's default directory, in the one that programs are given, in the first temporary one.
const DEFAULT: u8 = 0;
const SHARED: u8 = 1;
const NESTED: u8 = 2;

/// Details of what is made: one of all prefixes and suffixes, modes and so on.
const FIXED_NAME: u8 = 2;
const NO_NAME: u8 = 4;
const MODE_0640: u8 = 10;
const MODE_0700: u8 = 5;
const APPENDS: u8 = 20;
const KEPT: u8 = 40;

/// Classes of attackers.
const OTHER_USER: u8 = 1;
const DIR_WRITER: u8 = 2;

fn op(does: Does, place: u8, detail: u8) -> Op {
    Op { does, at: 0, place, detail }
}

/// One input, with a name, for each.
#[must_use]
pub fn tempfile_api_seeds() -> Vec<(&'static str, Vec<u8>)> {
    files()
        .into_iter()
        .chain(spooled_and_directories())
        .chain(attacked())
        .map(|(name, program)| (name, program.bytes()))
        .collect()
}

/// A program that nobody attacks.
fn alone(ops: &[Op]) -> Program {
    Program { ops: ops.to_vec(), ..Program::default() }
}

fn files() -> Vec<(&'static str, Program)> {
    let (write, read) = (op(Write, SHARED, 9), op(Read, SHARED, 40));
    let (begin, end) = (op(Seek, 0, 0), op(Seek, 2, 32));
    vec![
        ("tempfile", alone(&[op(Tempfile, DEFAULT, 0), write, begin, read, op(Metadata, 0, 0)])),
        ("new-in", alone(&[op(NewIn, SHARED, 0), write, op(Metadata, 0, 0), op(Close, 0, 0)])),
        ("dropped", alone(&[op(NewIn, DEFAULT, 0), write, op(Drop, 0, 0)])),
        (
            "dropped-elsewhere",
            alone(&[op(TempdirIn, SHARED, 0), op(NewIn, NESTED, 0), op(DropElsewhere, 0, 0)]),
        ),
        ("builder", alone(&[op(NewIn, SHARED, 1 + MODE_0640), op(Metadata, 0, 0), op(Keep, 0, 0)])),
        ("make-in", alone(&[op(MakeIn, SHARED, 1), op(Metadata, 0, 0)])),
        (
            "no-name",
            alone(&[
                op(NewIn, SHARED, NO_NAME),
                op(NewIn, DEFAULT, NO_NAME),
                op(TempdirIn, DEFAULT, NO_NAME),
            ]),
        ),
        ("appends", alone(&[op(NewIn, SHARED, APPENDS), write, begin, write, read, op(Metadata, 0, 0)])),
        (
            "cleanup-disabled",
            alone(&[op(NewIn, SHARED, KEPT), op(TempdirIn, SHARED, 0), op(DisableCleanup, 0, 0)]),
        ),
        (
            "reopen",
            alone(&[op(NewIn, SHARED, 0), write, op(Reopen, 0, 0), read, end, write, op(Metadata, 0, 0)]),
        ),
        ("parts", alone(&[op(NewIn, SHARED, 0), op(IntoParts, 0, 0), op(FromParts, 0, 0), op(Reopen, 0, 0)])),
        ("temp-path", alone(&[op(NewIn, SHARED, 0), op(IntoTempPath, 0, 0), op(Persist, SHARED, 0)])),
        ("persist", alone(&[op(NewIn, SHARED, 0), write, op(Persist, SHARED, 0), write, op(Metadata, 0, 0)])),
        (
            "persist-twice",
            alone(&[
                op(NewIn, SHARED, 0),
                op(NewIn, SHARED, 0),
                op(Persist, SHARED, 0),
                op(PersistNoclobber, 1, 0),
            ]),
        ),
    ]
}

fn spooled_and_directories() -> Vec<(&'static str, Program)> {
    let (write, read, begin) = (op(Write, SHARED, 9), op(Read, SHARED, 40), op(Seek, 0, 0));
    vec![
        (
            "rolls-by-write",
            alone(&[op(SpooledIn, SHARED, 10), write, op(IsRolled, 0, 0), write, begin, read]),
        ),
        ("rolls-by-length", alone(&[op(SpooledIn, SHARED, 4), op(SetLen, 0, 5), op(IsRolled, 0, 0), write])),
        ("rolls-when-asked", alone(&[op(SpooledIn, DEFAULT, 40), write, op(Roll, 0, 0), begin, read])),
        (
            "spooled-into-file",
            alone(&[op(SpooledIn, SHARED, 40), write, op(IntoFile, 0, 0), op(Metadata, 0, 0)]),
        ),
        (
            "rolls-without-directory",
            alone(&[
                op(TempdirIn, SHARED, 0),
                op(SpooledIn, NESTED, 4),
                op(Close, 0, 0),
                write,
                op(IntoFile, 0, 0),
            ]),
        ),
        (
            "nested",
            alone(&[
                op(TempdirIn, SHARED, MODE_0700),
                op(TempdirIn, NESTED, 0),
                op(NewIn, NESTED + 1, 0),
                write,
                op(Close, 0, 0),
            ]),
        ),
        ("persists-into-directory", alone(&[op(TempdirIn, 1, 0), op(NewIn, 1, 0), op(Persist, NESTED, 1)])),
    ]
}

/// What a broken crate does not stand: each breaks one of [`super::Fault::ALL`].
fn attacked() -> Vec<(&'static str, Program)> {
    let by = |class, acts: [u8; 5], ops: &[Op]| {
        let [stop, name, verb, bait, way] = acts;
        let plans = vec![Plan { stop, name, verb, bait, way }];
        Program { class, umask: 0, plans, ops: ops.to_vec() }
    };
    let (new, write) = (op(NewIn, SHARED, 0), op(Write, 0, 9));
    vec![
        // At the rename, also where the name is looked up before.
        (
            "noclobber-target-taken.other-user",
            by(OTHER_USER, [2, 1, 0, 6, 7], &[new, op(PersistNoclobber, SHARED, 0)]),
        ),
        (
            "persist-target-is-link.other-user",
            by(OTHER_USER, [1, 1, 0, 0, 0], &[new, write, op(Persist, SHARED, 0)]),
        ),
        ("fixed-name-taken.other-user", by(OTHER_USER, [0; 5], &[op(NewIn, SHARED, FIXED_NAME), write])),
        (
            "reopen-replaced.dir-writer",
            by(DIR_WRITER, [2, 0, 5, 6, 7], &[new, write, op(Reopen, 0, 0), Op { at: 1, ..op(Read, 0, 9) }]),
        ),
    ]
}
