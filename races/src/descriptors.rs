//! What becomes of open descriptors: those that a started program gets, those that nobody closes.
//!
//! Does not own what is done with the names of the files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::process::Command;

use linkbait::libc_temp::mkstemp;
use linkbait::{Class, Dirs, Victim};

use crate::libc_calls::{as_path, c_path};
use crate::parts::{RemoveOnDrop, SECRET, create_private, random_name};

/// Runs a program that does nothing, found as a shell finds it.
fn run_a_program() -> io::Result<()> {
    Command::new("true").status().map(drop)
}

/// `mkstemp(3)` and `system(3)`: the C library opens without O_CLOEXEC, and every program that is started gets the file.
fn program_inherits(dirs: &Dirs) -> io::Result<()> {
    let (fd, name) = mkstemp(&c_path(&dirs.shared.join("app.XXXXXX"))?)?;
    let (mut file, _guard) = (File::from(fd), RemoveOnDrop::new(as_path(&name)));
    file.write_all(SECRET)?;
    run_a_program()
}

/// The good twin: std opens with O_CLOEXEC.
fn program_gets_nothing(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)?;
    run_a_program()
}

/// The same on purpose, as make's jobserver and systemd's socket activation pass descriptors.
fn program_is_passed(dirs: &Dirs) -> io::Result<()> {
    program_inherits(dirs)
}

/// A descriptor handed to a library that forgets it, as `into_raw_fd` without a matching close does.
fn nobody_closes(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = ManuallyDrop::new(create_private(&path)?);
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)
}

/// The good twin: the descriptor has one owner, also while it is lent.
fn owner_closes(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file: File = create_private(&path)?;
    fs::remove_file(&path)?;
    file.write_all(SECRET)
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = &["bad", "descriptors"];
    let safe = &["safe", "descriptors"];
    let safe_program = &["safe", "descriptors", "starts-programs"];
    vec![
        Victim::new("program-inherits", program_inherits)
            .summary("mkstemp(template); system(\"true\")")
            .tags(bad)
            .expect("inherited-descriptor", Class::None),
        Victim::new("program-gets-nothing", program_gets_nothing)
            .summary("create_new(path); Command::new(\"true\")")
            .tags(safe_program),
        Victim::new("program-is-passed", program_is_passed)
            .summary("mkstemp(template); system(\"true\"), which is meant to get the file")
            .tags(safe_program)
            .passes("app.*"),
        Victim::new("nobody-closes", nobody_closes)
            .summary("forget(create_new(path))")
            .tags(bad)
            .expect("leaked-descriptor", Class::None),
        Victim::new("owner-closes", owner_closes).summary("create_new(path); drop").tags(safe),
    ]
}
