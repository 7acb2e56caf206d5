//! Ways to choose a temporary file's name that others can know beforehand, and good twins.
//!
//! Does not own what is wrong with opening: all bad ones here open alike, so that only their names differ.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use linkbait::{Class, Dirs, Victim};

use crate::parts::{
    RemoveOnDrop, SECRET, create_private, random_name, takes_what_is_planted, trusts_the_umask,
};

fn create_write_remove(path: &Path) -> io::Result<()> {
    File::create(path)?.write_all(SECRET)?;
    fs::remove_file(path)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A library's own `rand()`: nothing about it is known to linkbait.
fn rand(seed: u64) -> u64 {
    (0..3).fold(seed, |state, _| state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff)
}

/// Reports and backups that carry the time.
fn seconds(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join(format!("report-{}", now().as_secs())))
}

/// JavaScript's `Date.now()` as a file name.
fn milliseconds(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join(format!("upload_{}.bin", now().as_millis())))
}

/// `srand(time(NULL))`.
fn seeded_by_clock(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join(format!("tmp{:010}", rand(now().as_secs()))))
}

/// A generator that nobody seeded.
fn never_seeded(dirs: &Dirs) -> io::Result<()> {
    create_write_remove(&dirs.shared.join(format!("tmp{:010}", rand(1))))
}

/// The next free number, by counting what is there.
fn file_count(dirs: &Dirs) -> io::Result<()> {
    let count = fs::read_dir(&dirs.shared)?.count();
    create_write_remove(&dirs.shared.join(format!("page{}.tmp", count + 1)))
}

/// Several files of one process.
fn pid_and_counter(dirs: &Dirs) -> io::Result<()> {
    (0..3).try_for_each(|number| {
        create_write_remove(&dirs.shared.join(format!("part.{}.{number}", std::process::id())))
    })
}

/// A drawn prefix, then counting: whoever sees one name knows the next.
fn counted_up(dirs: &Dirs) -> io::Result<()> {
    let prefix = random_name("up-");
    (0..3).try_for_each(|number| create_write_remove(&dirs.shared.join(format!("{prefix}{number:02x}"))))
}

/// The same uploads, each with a name of its own, made exclusively.
fn each_drawn(dirs: &Dirs) -> io::Result<()> {
    (0..3).try_for_each(|_| {
        let path = dirs.shared.join(random_name("up-"));
        let mut file = create_private(&path)?;
        let _guard = RemoveOnDrop::new(&path);
        file.write_all(SECRET)
    })
}

/// A name that can be predicted does no harm to those who take the next when it exists.
fn pid_exclusive(dirs: &Dirs) -> io::Result<()> {
    for number in 0..100 {
        let path = dirs.shared.join(format!("job.{}.{number}", std::process::id()));
        match create_private(&path) {
            Ok(mut file) => {
                let _guard = RemoveOnDrop::new(&path);
                return file.write_all(SECRET);
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = |name: &str, body: fn(&Dirs) -> io::Result<()>, summary: &str| {
        let victim = trusts_the_umask(takes_what_is_planted(Victim::new(name, body)));
        victim.expect("predictable-name", Class::OtherUser).summary(summary).tags(&["bad", "names"])
    };
    let safe = |name: &str, body: fn(&Dirs) -> io::Result<()>, summary: &str| {
        Victim::new(name, body).summary(summary).tags(&["safe", "names"])
    };
    vec![
        bad("name-seconds", seconds, "File::create(format!(\"report-{seconds}\"))"),
        bad("name-milliseconds", milliseconds, "File::create(format!(\"upload_{milliseconds}.bin\"))"),
        // Each prediction waits for a second to begin.
        bad("name-seeded-by-clock", seeded_by_clock, "srand(time(NULL)); File::create(rand())")
            .tags(&["bad", "slow", "names"]),
        bad("name-never-seeded", never_seeded, "File::create(rand())"),
        bad(
            "name-file-count",
            file_count,
            "File::create(format!(\"page{}.tmp\", read_dir(dir).count() + 1))",
        ),
        bad(
            "name-pid-and-counter",
            pid_and_counter,
            "File::create(format!(\"part.{pid}.{n}\")), three times",
        ),
        bad("name-counted-up", counted_up, "File::create(format!(\"{random}{n:02x}\")), three times"),
        safe("name-each-drawn", each_drawn, "create_new(random), three times"),
        safe(
            "name-pid-exclusive",
            pid_exclusive,
            "create_new(format!(\"job.{pid}.{n}\")), the next n if it exists",
        ),
    ]
}
