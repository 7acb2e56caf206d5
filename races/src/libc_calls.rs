//! libc's own calls for temporary files, the ones to use and the ones its manual says never to use.
//!
//! Does not own the calls: `linkbait::libc_temp` wraps them, so that this package needs no `unsafe`.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use linkbait::{Dirs, Victim, libc_temp};

use crate::parts::{RemoveOnDrop, SECRET, create_private, takes_what_is_planted, trusts_the_umask};

pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

pub(crate) fn as_path(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}

fn create_write_remove(path: &Path) -> io::Result<()> {
    File::create(path)?.write_all(SECRET)?;
    fs::remove_file(path)
}

/// C's `fopen(tmpnam(NULL), "w")`.
fn tmpnam(dirs: &Dirs) -> io::Result<()> {
    let name = libc_temp::tmpnam()?;
    // tmpnam knows /tmp only, whatever TMPDIR says; the attacker acts in shared.
    let file_name = as_path(&name).file_name().ok_or(ErrorKind::InvalidData)?;
    create_write_remove(&dirs.shared.join(file_name))
}

/// C's `fopen(tempnam(dir, "app"), "w")`.
fn tempnam(dirs: &Dirs) -> io::Result<()> {
    let name = libc_temp::tempnam(&c_path(&dirs.shared)?, c"app")?;
    create_write_remove(as_path(&name))
}

/// C's `tmpfile()`: no name for anyone to race.
fn tmpfile(_: &Dirs) -> io::Result<()> {
    libc_temp::tmpfile()?.write_all(SECRET)
}

/// C's `mkstemp`, the call the manual recommends.
fn mkstemp(dirs: &Dirs) -> io::Result<()> {
    let template = c_path(&dirs.shared.join("app.XXXXXX"))?;
    let (fd, name) = libc_temp::mkstemp(&template)?;
    let _guard = RemoveOnDrop::new(as_path(&name));
    File::from(fd).write_all(SECRET)
}

/// C's `mkostemp` with the flag that keeps the descriptor out of children.
fn mkostemp(dirs: &Dirs) -> io::Result<()> {
    let template = c_path(&dirs.shared.join("app.XXXXXX"))?;
    let (fd, name) = libc_temp::mkostemp(&template, libc::O_CLOEXEC)?;
    let _guard = RemoveOnDrop::new(as_path(&name));
    File::from(fd).write_all(SECRET)
}

/// C's `mkdtemp`: mode 0700 whatever the umask.
fn mkdtemp(dirs: &Dirs) -> io::Result<()> {
    let template = c_path(&dirs.shared.join("app.XXXXXX"))?;
    let name = libc_temp::mkdtemp(&template)?;
    let written = create_private(&as_path(&name).join("state")).and_then(|mut file| file.write_all(SECRET));
    fs::remove_dir_all(as_path(&name))?;
    written
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = &["bad", "libc"];
    let safe = &["safe", "libc"];
    vec![
        trusts_the_umask(takes_what_is_planted(Victim::new("tmpnam", tmpnam)))
            .summary("File::create(tmpnam())")
            .tags(bad),
        trusts_the_umask(takes_what_is_planted(Victim::new("tempnam", tempnam)))
            .summary("File::create(tempnam(dir, \"app\"))")
            .tags(bad),
        Victim::new("tmpfile", tmpfile).summary("tmpfile()").tags(safe),
        Victim::new("mkstemp", mkstemp).summary("mkstemp(\"app.XXXXXX\")").tags(&["safe", "phases", "libc"]),
        Victim::new("mkostemp", mkostemp).summary("mkostemp(\"app.XXXXXX\", O_CLOEXEC)").tags(safe),
        Victim::new("mkdtemp", mkdtemp).summary("mkdtemp(\"app.XXXXXX\")").tags(safe),
    ]
}
