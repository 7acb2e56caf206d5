//! What an attacked victim does where nobody looks of its own accord: a trial that is not looked at once more at its end shows what
//! one does that is looked at everywhere, and leaves nothing to the next.

use linkbait::{Class, Dirs, Host, Judge, Report, Verdict, Victim};
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{PermissionsExt, symlink};
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
