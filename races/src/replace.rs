//! Putting new content at a known name: write and rename, an unnamed file linked in, copies.
//!
//! Does not own the tempfile crate's `persist` (`tempfile_crate`).

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use linkbait::libc_temp::link_unnamed;
use linkbait::{Class, Dirs, Victim};

use crate::parts::{
    ALL, RemoveOnDrop, SECRET, create_private, random_name, takes_what_is_planted, trusts_the_umask,
};

/// Configuration writers with `target.conf.tmp` beside `target.conf`.
fn rename_no_excl(dirs: &Dirs) -> io::Result<()> {
    let temp = dirs.shared.join("target.conf.tmp");
    File::create(&temp)?.write_all(SECRET)?;
    fs::rename(&temp, dirs.shared.join("target.conf"))
}

/// The careful writer: random, exclusive, private, synced, then renamed.
fn rename_excl(dirs: &Dirs) -> io::Result<()> {
    let temp = dirs.shared.join(random_name("target.conf."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    file.write_all(SECRET)?;
    file.sync_all()?;
    fs::rename(&temp, dirs.shared.join("target.conf"))?;
    guard.disarm();
    Ok(())
}

/// Savers that look at no result: after an error half of the content, or none, takes the place of the old.
fn rename_whatever_was_written(dirs: &Dirs) -> io::Result<()> {
    let temp = dirs.shared.join(random_name("target.conf."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    let _ = file.write_all(SECRET);
    fs::rename(&temp, dirs.shared.join("target.conf"))?;
    guard.disarm();
    Ok(())
}

/// Editors that keep the mode of what they replace, whoever made it.
fn rename_keeping_mode(dirs: &Dirs) -> io::Result<()> {
    let target = dirs.shared.join("target.conf");
    let temp = dirs.shared.join(random_name("target.conf."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    file.write_all(SECRET)?;
    if let Ok(old) = fs::metadata(&target) {
        file.set_permissions(old.permissions())?;
    }
    fs::rename(&temp, &target)?;
    guard.disarm();
    Ok(())
}

/// The good twin: the mode is the writer's own choice, whatever stands there.
fn rename_choosing_mode(dirs: &Dirs) -> io::Result<()> {
    let temp = dirs.shared.join(random_name("target.conf."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    file.write_all(SECRET)?;
    file.set_permissions(Permissions::from_mode(0o400))?;
    fs::rename(&temp, dirs.shared.join("target.conf"))?;
    guard.disarm();
    Ok(())
}

/// A file without a name until it is complete; a kill leaves nothing.
fn o_tmpfile_linkat(dirs: &Dirs) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(&dirs.shared)?;
    file.write_all(SECRET)?;
    file.sync_all()?;
    link_unnamed(&file, &dirs.shared.join("result"))
}

/// Most programs that save: the old content is gone before the new is there.
fn rewrite_in_place(dirs: &Dirs) -> io::Result<()> {
    fs::write(dirs.shared.join("target.conf"), SECRET)
}

/// Where rename is believed not to replace, as it does not on other systems.
fn remove_then_rename(dirs: &Dirs) -> io::Result<()> {
    let target = dirs.shared.join("target.conf");
    let temp = dirs.shared.join(random_name("target.conf."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    file.write_all(SECRET)?;
    fs::remove_file(&target)?;
    fs::rename(&temp, &target)?;
    guard.disarm();
    Ok(())
}

/// A promise not to replace, kept only as long as nobody else is about.
fn check_then_rename(dirs: &Dirs) -> io::Result<()> {
    let result = dirs.shared.join("result");
    if result.exists() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let temp = dirs.shared.join(random_name("result."));
    let mut file = create_private(&temp)?;
    let guard = RemoveOnDrop::new(&temp);
    file.write_all(SECRET)?;
    fs::rename(&temp, &result)?;
    guard.disarm();
    Ok(())
}

/// Back-ups and uploads spooled to a known name.
fn copy_to_known_name(dirs: &Dirs) -> io::Result<()> {
    let copy = dirs.shared.join("app.copy");
    fs::copy(dirs.shared.join("source.dat"), &copy)?;
    fs::remove_file(&copy)
}

/// One that puts new content at `target.conf`, where old content stands.
fn saver(name: &str, body: fn(&Dirs) -> io::Result<()>) -> Victim {
    let victim = Victim::new(name, body).stage("target.conf", 0o600, "old");
    victim.keeps("target.conf").replaces("target.conf")
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = &["bad", "idiom"];
    let safe = &["safe", "idiom"];
    vec![
        trusts_the_umask(takes_what_is_planted(saver("rename-no-excl", rename_no_excl)))
            .summary("File::create(\"target.tmp\"); rename(\"target.tmp\", \"target\")")
            .expect("predictable-name", Class::OtherUser)
            .tags(&["bad", "phases", "idiom"]),
        saver("rename-excl", rename_excl)
            .summary("create_new(random, 0o600); write; sync_all; rename(random, \"target\")")
            .tags(&["safe", "phases", "idiom"]),
        saver("rename-whatever-was-written", rename_whatever_was_written)
            .summary("create_new(random, 0o600); let _ = write; rename(random, \"target\")")
            .tags(bad)
            .faults(true)
            .expect("lost-write", Class::None)
            .expect("torn-replace", Class::None),
        saver("rename-keeping-mode", rename_keeping_mode)
            .summary(
                "create_new(random); set_permissions(metadata(\"target\").mode); rename(random, \"target\")",
            )
            .tags(bad)
            .attackers(ALL)
            .expect("copies-foreign-metadata", Class::DirWriter)
            .expect("world-readable", Class::DirWriter)
            .expect("world-writable", Class::DirWriter),
        saver("rename-choosing-mode", rename_choosing_mode)
            .summary("create_new(random); set_permissions(0o400); rename(random, \"target\")")
            .tags(safe),
        Victim::new("o-tmpfile-linkat", o_tmpfile_linkat)
            .summary("open(dir, O_TMPFILE, 0o600); write; sync_all; linkat(\"result\")")
            .tags(safe)
            .keeps("result")
            .noclobber("result"),
        saver("rewrite-in-place", rewrite_in_place)
            .summary("fs::write(\"target\")")
            .tags(&["bad", "phases", "idiom"])
            .expect("torn-replace", Class::None),
        saver("remove-then-rename", remove_then_rename)
            .summary("create_new(random); remove_file(\"target\"); rename(random, \"target\")")
            .tags(bad)
            .expect("torn-replace", Class::None),
        Victim::new("check-then-rename", check_then_rename)
            .summary("if !\"result\".exists() { create_new(random); rename(random, \"result\") }")
            .tags(bad)
            .keeps("result")
            .noclobber("result")
            .expect("torn-replace", Class::OtherUser),
        takes_what_is_planted(Victim::new("copy-to-known-name", copy_to_known_name))
            .summary("fs::copy(source, \"/tmp/app.copy\")")
            .expect("predictable-name", Class::OtherUser)
            .tags(bad)
            .stage("source.dat", 0o600, "secret")
            .keeps("source.dat")
            // std's copy gives the destination the source's mode, whoever made the destination.
            .expect("chmods-foreign", Class::OtherUser),
    ]
}
