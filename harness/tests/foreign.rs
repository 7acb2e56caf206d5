//! Files of the attacker's that stand there before the victim comes.

use linkbait::{Class, Host, Judge, Report, Verdict, Victim};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;

const NAME: &str = "theirs";

fn judged(victim: Victim) -> Report {
    let victim = victim.attackers(&[Class::None]);
    Judge::new(Host::detect()).umasks(&[0o022]).judge(&victim).expect("this machine can judge")
}

fn rules(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|found| found.rule).collect()
}

/// Does one thing with the file. Against another uid an ordinary user cannot do it all; root can.
fn against_foreign(name: &str, work: fn(&std::path::Path) -> std::io::Result<()>) -> Report {
    let victim = linkbait::victim(name, move |dir| work(&dir.join(NAME)));
    judged(victim.stage_foreign(NAME, 0o666, "bait"))
}

#[test]
fn what_the_attacker_has_staged_is_foreign_to_every_rule() {
    let read = against_foreign("reads", |path| File::open(path).map(drop));
    assert_eq!(rules(&read), BTreeSet::from(["uses-foreign"]), "{read:#?}");
    let written = against_foreign("writes", |path| OpenOptions::new().write(true).open(path).map(drop));
    assert_eq!(rules(&written), BTreeSet::from(["uses-foreign"]), "{written:#?}");
    let removed = against_foreign("removes", |path| fs::remove_file(path));
    assert_eq!(rules(&removed), BTreeSet::from(["deletes-foreign"]), "{removed:#?}");
    let changed = against_foreign("changes", |path| fs::set_permissions(path, Permissions::from_mode(0o600)));
    assert_eq!(rules(&changed), BTreeSet::from(["chmods-foreign"]), "{changed:#?}");
    let looked = against_foreign("looks", |path| fs::metadata(path).map(drop));
    assert_eq!(looked.verdict, Verdict::Pass, "{looked:#?}");
}

#[test]
fn what_the_victim_has_staged_is_its_own() {
    let work = |dir: &std::path::Path| {
        File::open(dir.join(NAME))?;
        fs::set_permissions(dir.join(NAME), Permissions::from_mode(0o600))?;
        fs::remove_file(dir.join(NAME))
    };
    let report = judged(linkbait::victim("own", work).stage(NAME, 0o600, "mine"));
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
}

#[test]
fn it_is_foreign_again_in_every_trial() {
    let victim = linkbait::victim("again", |dir| {
        fs::remove_file(dir.join(NAME))?;
        File::create_new(dir.join(NAME)).map(drop)
    });
    let victim = victim.stage_foreign(NAME, 0o644, "bait");
    let judge = Judge::new(Host::detect());
    let again = judge.session(&victim, Class::None, 0o077, |session| {
        let mut all = Vec::new();
        for _ in 0..3 {
            let tried = session.run(&linkbait::Schedule::default())?;
            all.push(tried.findings.iter().any(|found| found.rule == "deletes-foreign"));
        }
        Ok(all)
    });
    assert_eq!(again.expect("this machine can judge"), [true; 3]);
}

#[test]
fn a_missing_second_uid_is_said() {
    let report = against_foreign("looks", |path| fs::metadata(path).map(drop));
    let said = report.not_examined.iter().any(|note| note.contains("have our own uid"));
    assert_eq!(said, !Host::detect().has_attacker(), "{report:#?}");
}
