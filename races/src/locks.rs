//! Lock files: waiting for a name to become free, giving up, writing the pid.
//!
//! Does not own locks on open descriptors, which no one can race by name.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

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

/// Opens what is there, asks what it is, and gives up unless it can only be its own: new, empty, and of one name.
fn lock_file_checked(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut open = OpenOptions::new();
    open.create(true).truncate(false).read(true).write(true).mode(0o600).custom_flags(flags);
    let mut file = open.open(&path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > 0 || found.nlink() != 1 {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)
}

/// The bad twin: what is there is read before it is asked what it is.
fn lock_file_read(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
        Ok(file) => Err(io::Error::other(io::read_to_string(file)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut file = create_private(&path)?;
            let _guard = RemoveOnDrop::new(&path);
            file.write_all(SECRET)
        }
        Err(error) => Err(error),
    }
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
        Victim::new("lock-file-checked", lock_file_checked)
            .summary("open(\"app.lock\", O_CREAT|O_NOFOLLOW), fstat, give up unless it is new")
            .tags(&["safe", "idiom"]),
        Victim::new("lock-file-read", lock_file_read)
            .summary("open(\"app.lock\", O_NOFOLLOW), read, give up")
            .tags(bad)
            .expect("uses-foreign", Class::OtherUser),
    ]
}
