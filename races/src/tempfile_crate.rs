//! The `tempfile` crate, each way to make and to end what it makes.
//!
//! Does not own hand-written twins (`idioms`, `replace`). The crate is judged here; the harness does not stand on it.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use linkbait::{Class, Dirs, Victim};
use tempfile::{Builder, NamedTempFile, SpooledTempFile};

use crate::parts::{SECRET, create_private};

/// Scratch space without a name.
fn unnamed(_: &Dirs) -> io::Result<()> {
    tempfile::tempfile()?.write_all(SECRET)
}

/// The default named file, in `env::temp_dir()`.
fn named_new(_: &Dirs) -> io::Result<()> {
    NamedTempFile::new()?.write_all(SECRET)
}

/// A named file in a directory of the caller's choice.
fn named_new_in(dirs: &Dirs) -> io::Result<()> {
    NamedTempFile::new_in(&dirs.shared)?.write_all(SECRET)
}

/// A name that other programs recognise, such as an editor's.
fn builder(dirs: &Dirs) -> io::Result<()> {
    Builder::new().prefix("app-").suffix(".txt").tempfile_in(&dirs.shared)?.write_all(SECRET)
}

/// Small uploads: never leaves memory.
fn spooled_in_memory(dirs: &Dirs) -> io::Result<()> {
    SpooledTempFile::new_in(1024, &dirs.shared).write_all(SECRET)
}

/// Large uploads: rolls over to a file at the second write.
fn spooled_rolled(dirs: &Dirs) -> io::Result<()> {
    let mut file = SpooledTempFile::new_in(SECRET.len(), &dirs.shared);
    file.write_all(SECRET)?;
    file.write_all(SECRET)
}

/// The default directory; its mode is the umask's, which the documentation says.
fn tempdir(_: &Dirs) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    create_private(&dir.path().join("state"))?.write_all(SECRET)?;
    dir.close()
}

/// The same in a directory of the caller's choice.
fn tempdir_in(dirs: &Dirs) -> io::Result<()> {
    let dir = tempfile::tempdir_in(&dirs.shared)?;
    create_private(&dir.path().join("state"))?.write_all(SECRET)?;
    dir.close()
}

/// The good twin: the documented way to a private directory.
fn tempdir_private(dirs: &Dirs) -> io::Result<()> {
    let dir = Builder::new().permissions(Permissions::from_mode(0o700)).tempdir_in(&dirs.shared)?;
    create_private(&dir.path().join("state"))?.write_all(SECRET)?;
    dir.close()
}

/// Replacing a configuration file.
fn persist(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.persist(dirs.shared.join("target.conf"))?;
    Ok(())
}

/// Publishing a result that must not replace another.
fn persist_noclobber(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.persist_noclobber(dirs.shared.join("result"))?;
    Ok(())
}

/// Handing the file over to something that outlives this process.
fn keep(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.keep()?;
    Ok(())
}

/// A second, independent handle on the same file.
fn reopen(dirs: &Dirs) -> io::Result<()> {
    let file = NamedTempFile::new_in(&dirs.shared)?;
    file.reopen()?.write_all(SECRET)
}

/// Closing the descriptor while the name stays, as before starting a child that opens it.
fn into_temp_path(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.into_temp_path().close()
}

/// Removing where an error can still be told.
fn close(dirs: &Dirs) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.close()
}

pub(crate) fn victims() -> Vec<Victim> {
    let safe = |victim: Victim| victim.tags(&["safe", "tempfile"]);
    let in_table = |victim: Victim| victim.tags(&["safe", "phases", "tempfile"]);
    vec![
        in_table(Victim::new("tempfile", unnamed)).summary("tempfile()"),
        safe(Victim::new("named-new", named_new)).summary("NamedTempFile::new()"),
        in_table(Victim::new("named-new-in", named_new_in)).summary("NamedTempFile::new_in(dir)"),
        safe(Victim::new("builder", builder))
            .summary("Builder::new().prefix(\"app-\").suffix(\".txt\").tempfile_in(dir)"),
        safe(Victim::new("spooled-in-memory", spooled_in_memory))
            .summary("SpooledTempFile::new_in(1024, dir), less written"),
        safe(Victim::new("spooled-rolled", spooled_rolled))
            .summary("SpooledTempFile::new_in(6, dir), more written"),
        Victim::new("tempdir", tempdir)
            .summary("tempdir()")
            .tags(&["bad", "tempfile"])
            .expect("world-writable", Class::None),
        Victim::new("tempdir-in", tempdir_in)
            .summary("tempdir_in(dir)")
            .tags(&["bad", "tempfile"])
            .expect("world-writable", Class::None),
        in_table(Victim::new("tempdir-private", tempdir_private))
            .summary("Builder::new().permissions(0o700).tempdir_in(dir)"),
        in_table(Victim::new("persist", persist))
            .summary("NamedTempFile::new_in(dir)?.persist(target)")
            .stage("target.conf", 0o600, "old")
            .keeps("target.conf")
            .replaces("target.conf"),
        in_table(Victim::new("persist-noclobber", persist_noclobber))
            .summary("NamedTempFile::new_in(dir)?.persist_noclobber(target)")
            .keeps("result")
            .noclobber("result"),
        safe(Victim::new("keep", keep)).summary("NamedTempFile::new_in(dir)?.keep()").keeps(".tmp*"),
        safe(Victim::new("reopen", reopen)).summary("NamedTempFile::new_in(dir)?.reopen()"),
        safe(Victim::new("into-temp-path", into_temp_path))
            .summary("NamedTempFile::new_in(dir)?.into_temp_path().close()"),
        safe(Victim::new("close", close)).summary("NamedTempFile::new_in(dir)?.close()"),
    ]
}
