//! Victims that one act does not break, with the number of acts that it takes, and their repaired twins.
//!
//! Not in the roster, which is judged by schedules of one act.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use linkbait::{Class, Dirs, Victim};

use crate::parts::{ALL, RemoveOnDrop, SECRET, create_private, random_name};

/// Opens what is there, or makes it, for its owner only.
fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn is_taken<T>(made: &io::Result<T>) -> bool {
    matches!(made, Err(error) if error.kind() == ErrorKind::AlreadyExists)
}

fn fill_and_remove(made: io::Result<File>, path: &Path) -> io::Result<()> {
    let mut file = made?;
    let _guard = RemoveOnDrop::new(path);
    file.write_all(SECRET)
}

/// A name that nobody else may have had first, so that an attacker who takes every name gets nowhere.
fn lock(dirs: &Dirs) -> io::Result<RemoveOnDrop> {
    let path = dirs.shared.join("app.lock");
    create_private(&path).map(|_| RemoveOnDrop::new(&path))
}

/// Makes its file at `first`, or, when that is taken, at `second` in the way given.
fn two_names(dirs: &Dirs, again: fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let [first, second] = ["app.tmp", "app.tmp.1"].map(|name| dirs.shared.join(name));
    match create_private(&first) {
        made if is_taken(&made) => {
            let _lock = lock(dirs)?;
            fill_and_remove(again(&second), &second)
        }
        made => fill_and_remove(made, &first),
    }
}

/// Programs that are careful once, and then take the next number.
fn second_name(dirs: &Dirs) -> io::Result<()> {
    two_names(dirs, open_or_create)
}

fn second_name_excl(dirs: &Dirs) -> io::Result<()> {
    two_names(dirs, create_private)
}

/// Goes back to the first name when the second is taken, too, and then is less careful.
fn first_again(dirs: &Dirs, again: fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let [first, second] = ["app.tmp", "app.tmp.1"].map(|name| dirs.shared.join(name));
    match create_private(&first) {
        made if is_taken(&made) => {
            let _lock = lock(dirs)?;
            match create_private(&second) {
                made if is_taken(&made) => fill_and_remove(again(&first), &first),
                made => fill_and_remove(made, &second),
            }
        }
        made => fill_and_remove(made, &first),
    }
}

fn back_to_the_first(dirs: &Dirs) -> io::Result<()> {
    first_again(dirs, open_or_create)
}

fn back_to_the_first_excl(dirs: &Dirs) -> io::Result<()> {
    first_again(dirs, create_private)
}

/// A report, which is for all to read if `odd`.
fn report(dirs: &Dirs, odd: bool) -> io::Result<()> {
    let path = dirs.shared.join("report");
    fill_and_remove(if odd { File::create_new(&path) } else { create_private(&path) }, &path)
}

/// Makes two marks that stay, and gets loud when both were there: nothing else tells of a single one.
fn both_taken(dirs: &Dirs) -> io::Result<()> {
    let taken = ["one", "other"].map(|name| is_taken(&create_private(&dirs.shared.join(name))));
    let _lock = lock(dirs)?;
    report(dirs, taken == [true, true])
}

/// The good twin: the report is made in one way whatever went wrong.
fn both_taken_excl(dirs: &Dirs) -> io::Result<()> {
    let _ = ["one", "other"].map(|name| is_taken(&create_private(&dirs.shared.join(name))));
    let _lock = lock(dirs)?;
    report(dirs, false)
}

/// Remembers what a look told it, until something else goes wrong.
fn looks_and_remembers(dirs: &Dirs) -> io::Result<()> {
    let [one, other] = ["one", "other"].map(|name| dirs.shared.join(name));
    create_private(&one)?;
    let odd = fs::symlink_metadata(&one)?.file_type().is_socket();
    fs::remove_file(&one)?;
    let taken = is_taken(&create_private(&other));
    report(dirs, odd && taken)
}

/// Carries a file to where nobody else can go, and opens it there when something else goes wrong.
fn carries_in(dirs: &Dirs) -> io::Result<()> {
    let [inbox, mark] = ["inbox", "mark"].map(|name| dirs.shared.join(name));
    let kept = dirs.private.join("kept");
    create_private(&inbox)?;
    fs::rename(&inbox, &kept)?;
    let read = if is_taken(&create_private(&mark)) { fs::read(&kept).map(drop) } else { Ok(()) };
    fs::remove_file(kept).and(read)
}

/// Moves its result into place; between file systems it copies.
fn move_or_copy(dirs: &Dirs, copy: fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let source = dirs.private.join("result");
    let fill = |mut file: File| file.write_all(SECRET).and_then(|()| file.sync_all());
    fill(create_private(&source)?)?;
    let target = dirs.shared.join("result");
    match fs::rename(&source, &target) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let written = copy(&target).and_then(fill);
            fs::remove_file(&source).and(written)
        }
        moved => moved.or_else(|error| fs::remove_file(&source).and(Err(error))),
    }
}

/// `mv`, and every copy of it that copies to the name itself.
fn exdev_copy(dirs: &Dirs) -> io::Result<()> {
    move_or_copy(dirs, open_or_create)
}

fn exdev_copy_excl(dirs: &Dirs) -> io::Result<()> {
    move_or_copy(dirs, create_private)
}

/// Writes a state file; what is opened for the log afterwards depends on how that went.
fn state_then_log(dirs: &Dirs, after_an_error: fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let state = dirs.shared.join(random_name("state."));
    let done = fill_and_remove(create_private(&state), &state);
    let log = dirs.shared.join("app.log");
    fill_and_remove(if done.is_err() { after_an_error(&log) } else { create_private(&log) }, &log)?;
    done
}

/// Daemons that must get their last words out.
fn log_after_error(dirs: &Dirs) -> io::Result<()> {
    state_then_log(dirs, open_or_create)
}

fn log_after_error_excl(dirs: &Dirs) -> io::Result<()> {
    state_then_log(dirs, create_private)
}

/// Takes another name when one is taken, and on that way forgets to clean up after an error.
fn forgets_the_second(dirs: &Dirs) -> io::Result<()> {
    let [first, second] = ["app.tmp", "app.tmp.1"].map(|name| dirs.shared.join(name));
    match create_private(&first) {
        made if is_taken(&made) => {
            create_private(&second)?.write_all(SECRET)?;
            fs::remove_file(second)
        }
        made => fill_and_remove(made, &first),
    }
}

/// Waits for one round while the lock is taken, then makes it in the way given.
fn lock_after_a_wait(dirs: &Dirs, at_last: fn(&Path) -> io::Result<File>) -> io::Result<()> {
    let path = dirs.shared.join("app.lock");
    let is_there = || fs::symlink_metadata(&path).is_ok();
    match (is_there(), is_there()) {
        (false, _) => fill_and_remove(create_private(&path), &path),
        (true, false) => fill_and_remove(at_last(&path), &path),
        (true, true) => Err(ErrorKind::TimedOut.into()),
    }
}

/// Lock files that a waiting program takes over as its own.
fn checks_twice(dirs: &Dirs) -> io::Result<()> {
    lock_after_a_wait(dirs, open_or_create)
}

fn checks_twice_excl(dirs: &Dirs) -> io::Result<()> {
    lock_after_a_wait(dirs, create_private)
}

/// Every victim of this kind, with the depth that it takes to break it, or up to which it is to withstand.
pub fn deep() -> Vec<(u32, Victim)> {
    let other = Class::OtherUser;
    let opens_what_is_planted = |victim: Victim| {
        ["follows-link", "uses-foreign", "hangs"].iter().fold(victim, |v, rule| v.expect(rule, other))
    };
    let takes_what_is_planted = |victim| opens_what_is_planted(victim).expect("deletes-foreign", other);
    vec![
        (2, takes_what_is_planted(Victim::new("second-name", second_name))),
        (2, Victim::new("second-name-excl", second_name_excl)),
        (
            2,
            Victim::new("both-taken", both_taken)
                .expect("world-readable", other)
                .expect("world-writable", other)
                .keeps("o*"),
        ),
        (2, Victim::new("both-taken-excl", both_taken_excl).keeps("o*")),
        (2, takes_what_is_planted(Victim::new("back-to-the-first", back_to_the_first))),
        (2, Victim::new("back-to-the-first-excl", back_to_the_first_excl)),
        (
            2,
            Victim::new("looks-and-remembers", looks_and_remembers)
                .attackers(ALL)
                .expect("world-readable", Class::DirWriter)
                .expect("world-writable", Class::DirWriter)
                .keeps("other"),
        ),
        (
            2,
            Victim::new("carries-in", carries_in)
                .attackers(ALL)
                .expect("uses-foreign", Class::DirWriter)
                .expect("hangs", Class::DirWriter)
                .keeps("mark"),
        ),
        // What only an error brings about is attacked at depth 1 already.
        (1, opens_what_is_planted(Victim::new("exdev-copy", exdev_copy)).faults(true).keeps("result")),
        (1, Victim::new("exdev-copy-excl", exdev_copy_excl).faults(true).keeps("result")),
        (2, takes_what_is_planted(Victim::new("log-after-error", log_after_error)).faults(true)),
        (2, Victim::new("log-after-error-excl", log_after_error_excl).faults(true)),
        (
            2,
            Victim::new("forgets-the-second", forgets_the_second)
                .faults(true)
                .expect("leftover", Class::None),
        ),
        (3, takes_what_is_planted(Victim::new("checks-twice", checks_twice))),
        (3, Victim::new("checks-twice-excl", checks_twice_excl)),
    ]
}
