//! What an attacked victim does where nobody looks of its own accord: a trial that is not looked at once more at its end shows what
//! one does that is looked at everywhere, and leaves nothing to the next.

use linkbait::model::Place;
use linkbait::{
    Act, Bait, Class, Dirs, Host, Judge, Key, Move, Report, Schedule, Stops, Verb, Verdict, Victim,
};
use rustix::fs::{Mode, OFlags, openat};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

/// Does something else where the name is taken.
fn create_or(path: &Path, otherwise: impl FnOnce() -> Result<()>) -> Result<()> {
    match File::create_new(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => otherwise(),
        Err(e) => Err(e),
        Ok(_) => fs::remove_file(path),
    }
}

/// What is found, looking at what steps name and looking at everything.
fn both(victim: &Victim) -> [Report; 2] {
    let judge = || Judge::new(Host::detect()).attackers(&[Class::OtherUser, Class::DirWriter]);
    [judge(), judge().look_everywhere()].map(|judge| judge.judge(victim).expect("this machine can judge"))
}

fn told(report: &Report) -> (Verdict, u64, Vec<(&'static str, Class, String)>) {
    let found = report.findings.iter().map(|found| (found.rule, found.attacker, found.path.clone()));
    (report.verdict, report.trials, found.collect())
}

fn same(victim: &Victim) -> Report {
    let [near, everywhere] = both(victim);
    assert_eq!(told(&near), told(&everywhere), "{}", victim.name());
    near
}

#[test]
fn what_is_removed_through_a_link_in_the_victims_home_is_seen() {
    let report = same(&Victim::new("way in", |dirs: &Dirs| {
        symlink(&dirs.shared, dirs.private.join("way"))?;
        create_or(&dirs.shared.join("app.lock"), || fs::remove_file(dirs.private.join("way/app.lock")))
    }));
    assert!(report.findings.iter().any(|found| found.rule == "deletes-foreign"), "{:?}", told(&report));
}

#[test]
fn what_is_left_through_a_link_in_the_victims_home_is_seen_and_gone_in_the_next_trial() {
    let report = same(&Victim::new("way out", |dirs: &Dirs| {
        symlink(&dirs.shared, dirs.private.join("way"))?;
        create_or(&dirs.shared.join("app.lock"), || fs::create_dir(dirs.private.join("way/left")))
    }));
    assert!(report.findings.iter().any(|found| found.rule == "leftover"), "{:?}", told(&report));
}

#[test]
fn what_a_hard_link_in_the_victims_home_leads_to_is_looked_at() {
    let victim = Victim::new("link at home", |dirs: &Dirs| {
        let (theirs, mine) = (dirs.shared.join("app.lock"), dirs.private.join("mine"));
        create_or(&theirs, || {
            fs::hard_link(&theirs, &mine)?;
            fs::set_permissions(&mine, Permissions::from_mode(0o640))
        })
    });
    same(&victim);
}

/// The rules that this victim breaks where these moves, to the name in `shared/` on the way to the stop's, are made at the first
/// of these calls.
fn broken(victim: &Victim, moves: &[(&str, Verb, Bait)]) -> Vec<&'static str> {
    let [near, everywhere] =
        [Judge::new(Host::detect()), Judge::new(Host::detect()).look_everywhere()].map(|judge| {
            let tried = judge.session(victim, Class::DirWriter, 0, |session| {
                let stops = session.stops();
                let acts = moves.iter().map(|(call, verb, bait)| {
                    let at = stops.iter().find(|key| key.call == *call).expect("it makes that call").clone();
                    let target = at.path.split('/').take(2).collect::<Vec<_>>().join("/");
                    Act { at, does: Move { verb: *verb, bait: *bait, target }.into() }
                });
                session.run(&Schedule { acts: acts.collect(), second: false })
            });
            let tried = tried.expect("this machine can judge");
            assert!(tried.landed);
            tried.findings.iter().map(|found| found.rule).collect::<Vec<_>>()
        });
    assert_eq!(near, everywhere, "{}", victim.name());
    near
}

fn broken_when_moved(victim: &Victim, call: &str) -> Vec<&'static str> {
    broken(victim, &[(call, Verb::MoveAway, Bait::Link)])
}

/// A file that the attacker plants before it is opened and takes away at the readlink(2) after that.
fn is_used_though_taken_away(victim: &Victim) {
    for takes in [Verb::Unlink, Verb::SwapOver, Verb::Recreate] {
        let moves = [("openat", Verb::Plant, Bait::OpenFile), ("readlink", takes, Bait::Fifo)];
        assert!(broken(victim, &moves).contains(&"uses-foreign"), "{takes:?}");
    }
}

#[test]
fn what_was_read_before_the_attacker_took_it_away_was_used() {
    let victim = Victim::new("reads", |dirs: &Dirs| {
        let _ = fs::read(dirs.shared.join("a"));
        // A stop after it has read.
        let _ = fs::read_link(dirs.shared.join("a"));
    });
    is_used_though_taken_away(&victim);
}

#[test]
fn what_is_written_to_a_file_of_two_names_is_seen_where_one_was_moved_away_right_before() {
    let victim = Victim::new("writes", |dirs: &Dirs| {
        let mut file = File::create_new(dirs.shared.join("a"))?;
        fs::hard_link(dirs.shared.join("a"), dirs.shared.join("b"))?;
        file.write_all(b"x")
    });
    assert!(broken_when_moved(&victim, "write").contains(&"world-readable"));
}

#[test]
fn what_is_made_in_an_open_directory_that_was_moved_away_right_before_is_seen() {
    let victim = Victim::new("makes below", |dirs: &Dirs| {
        let name = dirs.shared.join("d");
        DirBuilder::new().mode(0o755).create(&name)?;
        let dir = File::open(name)?;
        Result::Ok(rustix::fs::mkdirat(&dir, "new", Mode::from_raw_mode(0o777))?)
    });
    assert!(broken_when_moved(&victim, "mkdirat").contains(&"world-writable"));
}

/// Makes a file with this mode.
fn make(path: &Path, mode: u32) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[test]
fn what_was_made_at_home_is_not_taken_for_what_stands_in_shared_where_a_write_is_cut_short() {
    let victim = Victim::new("cut short", |dirs: &Dirs| {
        let (theirs, mine) = (dirs.shared.join("a"), dirs.private.join("b"));
        let mut file = make(&theirs, 0o600)?;
        let _at_home = make(&mine, 0o666)?;
        let written = file.write_all(b"123456");
        let _ = fs::remove_file(mine);
        fs::remove_file(theirs)?;
        written
    });
    let judge = || Judge::new(Host::detect()).faults(true).umasks(&[0]);
    let [near, everywhere] = [judge(), judge().look_everywhere()]
        .map(|judge| judge.judge(&victim).expect("this machine can judge"));
    assert_eq!(told(&near), told(&everywhere));
}

#[test]
fn what_was_made_at_home_is_not_taken_for_what_the_attacker_takes_away() {
    let victim = Victim::new("reads, and makes a copy at home", |dirs: &Dirs| {
        let _ = fs::read(dirs.shared.join("a"));
        let _ = make(&dirs.private.join("copy"), 0o600);
        let _ = fs::read_link(dirs.shared.join("a"));
    });
    is_used_though_taken_away(&victim);
}

#[test]
fn what_is_removed_in_a_directory_that_was_moved_away_meanwhile_is_not_gone_where_it_was() {
    let victim = Victim::protocol("removes below", |files| {
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        files.mkdir(Place::at("d"), 0o700)?;
        files.mkdir(Place::at("d/e"), 0o700)?;
        files.close(files.open(Place::at("d/e/x"), new, 0o600)?)?;
        files.unlink(Place::at("d/e/x"))
    });
    let moves = [
        (Verb::MoveAway, Bait::Link, "shared/d"),
        (Verb::Plant, Bait::Dir, "shared/d"),
        (Verb::Plant, Bait::Dir, "shared/d/e"),
        (Verb::Plant, Bait::OpenFile, "shared/d/e/x"),
    ];
    let judge = || Judge::new(Host::detect()).on_model(Stops::Names);
    let [near, everywhere] = [judge(), judge().look_everywhere()].map(|judge| {
        let tried = judge.session(&victim, Class::DirWriter, 0, |session| {
            let looks_up = |key: &&Key| key.call == "lookup" && key.path == "shared/d/e";
            let at = session.stops().iter().rfind(looks_up).expect("it looks that up").clone();
            let act = |(verb, bait, target): (_, _, &str)| {
                let does = Move { verb, bait, target: target.to_owned() }.into();
                Act { at: at.clone(), does }
            };
            session.run(&Schedule { acts: moves.map(act).to_vec(), second: false })
        });
        let tried = tried.expect("this machine can judge");
        assert!(tried.landed);
        (tried.findings.iter().map(|found| found.rule).collect::<Vec<_>>(), tried.stays)
    });
    assert_eq!(near, everywhere);
}

#[test]
fn a_name_below_a_pipe_has_no_path_and_harms_nobody() {
    same(&Victim::new("asks below a pipe", |_: &Dirs| {
        let (reader, _writer) = std::io::pipe()?;
        for name in ["x", "../x", "abc/../d"] {
            let opened = openat(&reader, name, OFlags::RDONLY, Mode::empty());
            assert_eq!(opened.err(), Some(rustix::io::Errno::NOTDIR));
        }
        Result::Ok(())
    }));
}
