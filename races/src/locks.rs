//! Lock files: waiting for a name to become free, giving up, writing the pid.
//!
//! Does not own locks on open descriptors, which no one can race by name.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};

use linkbait::{Class, Dirs, Victim};

use crate::parts::{RemoveOnDrop, SECRET, create_private, takes_what_is_planted, trusts_the_umask};

/// Lock files that wait for their turn and never give up.
fn create_new_forever(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let mut file = loop {
        match create_private(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => std::thread::yield_now(),
            other => break other?,
        }
    };
    file.write_all(SECRET)?;
    fs::remove_file(&path)
}

/// The good twin: after some tries the caller is told.
fn create_new_some_times(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let mut tries = (0..16).map(|_| create_private(&path));
    let taken = |made: &io::Result<_>| matches!(made, Err(error) if error.kind() == ErrorKind::AlreadyExists);
    let mut file = tries.find(|made| !taken(made)).ok_or(ErrorKind::TimedOut)??;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)
}

/// A lock file that holds the pid, as daemons write it.
fn lock_file_truncate(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    // In one write of one width, so that runs can be compared.
    file.write_all(format!("{:>10}\n", std::process::id()).as_bytes())?;
    drop(file);
    fs::remove_file(&path)
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = &["bad", "idiom"];
    vec![
        Victim::new("create-new-forever", create_new_forever)
            .summary("while create_new(\"app.lock\") is AlreadyExists {}")
            .tags(bad)
            .expect("hangs", Class::OtherUser),
        Victim::new("create-new-some-times", create_new_some_times)
            .summary("(0..16).find(create_new(\"app.lock\") is not AlreadyExists)")
            .tags(&["safe", "idiom"]),
        trusts_the_umask(takes_what_is_planted(Victim::new("lock-file-truncate", lock_file_truncate)))
            .summary("OpenOptions::new().create(true).truncate(true).open(\"app.lock\")")
            .expect("predictable-name", Class::OtherUser)
            .tags(bad),
    ]
}
