//! Hand-written ways to make a temporary file or directory, bad ones and their good twins.
//!
//! Does not own lock files (`locks`), replacing or copying (`replace`), deleting what was not just made (`remove`), nor library calls.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use linkbait::{Class, Dirs, Victim};

use crate::parts::{
    ALL, RemoveOnDrop, SECRET, create_private, random_name, takes_what_is_planted, trusts_the_umask,
};

/// What most bad idioms share once they have chosen a name.
fn create_write_remove(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(SECRET)?;
    drop(file);
    fs::remove_file(path)
}

/// Installers and scripts that look before they write.
fn check_then_create(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.tmp");
    if path.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    create_write_remove(&path)
}

/// Debug dumps and caches at `/tmp/app.tmp`.
fn create_fixed(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join("app.tmp"))
}

/// Shell's `/tmp/app.$$`, carried over into Rust.
fn create_pid(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join(format!("app.{}", std::process::id())))
}

/// Test helpers that call the clock unique.
fn create_clock(dirs: &Dirs) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    create_write_remove(&dirs.shared.join(format!("app.{}", now.as_nanos())))
}

/// `mktemp(3)` and Python's `tempfile.mktemp`: a good name, opened too late.
fn mktemp_style(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    if path.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    create_write_remove(&path)
}

/// What the bad ones above should have been: exclusive, private, removed on every way out.
fn create_new(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)
}

/// Key writers that remember the mode afterwards.
fn create_then_chmod(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.key");
    let mut file = File::create_new(&path)?;
    file.write_all(SECRET)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    fs::remove_file(&path)
}

/// Daemons that make their run directory and close it in a second step.
fn mkdir_then_chmod(dirs: &Dirs) -> io::Result<()> {
    let dir = dirs.shared.join("app.d");
    fs::create_dir(&dir)?;
    fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
    let path = dir.join("key");
    create_private(&path)?.write_all(SECRET)?;
    fs::remove_file(&path)?;
    fs::remove_dir(&dir)
}

/// The good twin of `mkdir_then_chmod`: the mode is given to mkdir.
fn mkdir_private(dirs: &Dirs) -> io::Result<()> {
    let dir = dirs.shared.join("app.d");
    DirBuilder::new().mode(0o700).create(&dir)?;
    let written = create_private(&dir.join("key")).and_then(|mut file| file.write_all(SECRET));
    fs::remove_dir_all(&dir)?;
    written
}

/// `File::create_new` taken for all that safety needs.
fn umask_file(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = File::create_new(&path)?;
    file.write_all(SECRET)?;
    fs::remove_file(&path)
}

/// Build tools that make a scratch directory and write in it as if it were private.
fn umask_dir(dirs: &Dirs) -> io::Result<()> {
    let dir = dirs.shared.join(random_name("app."));
    fs::create_dir(&dir)?;
    let path = dir.join("state");
    fs::write(&path, SECRET)?;
    fs::remove_file(&path)?;
    fs::remove_dir(&dir)
}

/// `$XDG_RUNTIME_DIR/app.tmp`: predictable where no one else can act.
fn fixed_in_private(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.private.join("app.tmp"))
}

/// The same line of code with `/tmp` as the fallback directory.
fn fixed_in_public(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join("app.tmp"))
}

/// Passing a temporary file by name to code that opens it again.
fn reopen_by_path(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    drop(create_private(&path)?);
    OpenOptions::new().write(true).open(&path)?.write_all(SECRET)?;
    fs::remove_file(&path)
}

pub(crate) fn victims() -> Vec<Victim> {
    let planted_and_open = |victim| trusts_the_umask(takes_what_is_planted(victim));
    let bad = &["bad", "idiom"];
    let safe = &["safe", "idiom"];
    vec![
        planted_and_open(Victim::new("check-then-create", check_then_create))
            .summary("if !path.exists() { File::create(path) }")
            .expect("predictable-name", Class::OtherUser)
            .tags(bad),
        planted_and_open(Victim::new("create-fixed", create_fixed))
            .summary("File::create(\"/tmp/app.tmp\")")
            .expect("predictable-name", Class::OtherUser)
            .tags(&["bad", "phases", "idiom"]),
        planted_and_open(Victim::new("create-pid", create_pid))
            .summary("File::create(format!(\"/tmp/app.{pid}\"))")
            .expect("predictable-name", Class::OtherUser)
            .tags(bad),
        planted_and_open(Victim::new("create-clock", create_clock))
            .summary("File::create(format!(\"/tmp/app.{nanos}\"))")
            .tags(bad),
        planted_and_open(Victim::new("mktemp-style", mktemp_style))
            .summary("if !random.exists() { File::create(random) }")
            .tags(bad),
        Victim::new("create-new", create_new)
            .summary("OpenOptions::new().write(true).create_new(true).mode(0o600)")
            .tags(&["safe", "phases", "idiom"]),
        trusts_the_umask(Victim::new("create-then-chmod", create_then_chmod))
            .summary("File::create_new(path); write; set_permissions(path, 0o600)")
            .tags(bad)
            .attackers(ALL)
            .expect("chmods-foreign", Class::DirWriter),
        Victim::new("mkdir-then-chmod", mkdir_then_chmod)
            .summary("create_dir(dir); set_permissions(dir, 0o700)")
            .tags(bad)
            .attackers(ALL)
            .expect("world-writable", Class::None)
            .expect("chmods-foreign", Class::DirWriter)
            .expect("follows-link", Class::DirWriter)
            .expect("uses-foreign", Class::DirWriter)
            .expect("deletes-foreign", Class::DirWriter),
        Victim::new("mkdir-private", mkdir_private)
            .summary("DirBuilder::new().mode(0o700).create(dir)")
            .tags(safe),
        trusts_the_umask(Victim::new("umask-file", umask_file)).summary("File::create_new(random)").tags(bad),
        trusts_the_umask(Victim::new("umask-dir", umask_dir))
            .expect("follows-link", Class::OtherUser)
            .expect("uses-foreign", Class::OtherUser)
            .expect("hangs", Class::OtherUser)
            .summary("create_dir(random); fs::write(random.join(\"state\"))")
            .tags(bad),
        Victim::new("fixed-in-private", fixed_in_private)
            .summary("File::create(private.join(\"app.tmp\"))")
            .tags(safe),
        planted_and_open(Victim::new("fixed-in-public", fixed_in_public))
            .summary("File::create(temp_dir().join(\"app.tmp\"))")
            .expect("predictable-name", Class::OtherUser)
            .tags(bad),
        Victim::new("reopen-by-path", reopen_by_path)
            .summary("create_new(path); drop; OpenOptions::new().write(true).open(path)")
            .tags(bad)
            .attackers(ALL)
            .expect("follows-link", Class::DirWriter)
            .expect("uses-foreign", Class::DirWriter)
            .expect("hangs", Class::DirWriter),
    ]
}
