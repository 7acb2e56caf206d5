//! What findings tell of the files before and after.

use linkbait::{Class, Finding, Host, Judge, Kind, Owner, Scene, Thing, Victim};
use std::fs::{self, File};
use std::time::{SystemTime, UNIX_EPOCH};

fn finding(victim: &Victim, rule: &str) -> Finding {
    let report = Judge::new(Host::detect()).attackers(&[Class::None, Class::OtherUser]).judge(victim);
    let report = report.expect("can judge");
    let found = report.findings.iter().find(|finding| finding.rule == rule);
    found.unwrap_or_else(|| panic!("{rule} in {report:?}")).clone()
}

fn at<'s>(scene: &'s Scene, path: &str) -> Option<&'s Thing> {
    scene.things.iter().find(|thing| thing.path == path)
}

#[test]
fn before_the_step_the_link_leads_out_and_after_it_something_has_happened_there() {
    let victim = linkbait::victim("create", |dir| File::create(dir.join("app.log")).map(drop));
    let found = finding(&victim, "follows-link");
    assert!(found.step.is_some());
    let link = at(&found.before, "shared/app.log").expect("the link");
    assert_eq!((link.kind, link.owner, link.size), (Kind::Symlink, Owner::Attacker, None));
    let target = link.target.as_deref().expect("a target");
    assert!(target.starts_with("outside/"), "{target}");
    let after = at(&found.after, target).expect("what the link leads to");
    assert_ne!(at(&found.before, target), Some(after));
    assert_eq!(at(&found.after, "shared/app.log"), Some(link), "the link itself stays");
}

#[test]
fn what_another_made_and_the_victim_removed_is_there_before_and_gone_after() {
    let victim = linkbait::victim("remove", |dir| {
        let path = dir.join("app.log");
        let made = File::create_new(&path).map(drop);
        fs::remove_file(&path).and(made)
    });
    let found = finding(&victim, "deletes-foreign");
    let path = found.path.as_str();
    assert!(at(&found.before, path).is_some_and(|thing| thing.owner == Owner::Attacker), "{found:?}");
    assert_eq!(at(&found.after, path), None);
}

#[test]
fn what_only_the_end_shows_is_told_of_the_whole_trial() {
    let victim = linkbait::victim("leave", |dir| fs::write(dir.join("left"), "secret"));
    let found = finding(&victim, "leftover");
    assert_eq!((found.step, at(&found.before, "shared/left")), (None, None));
    let left = at(&found.after, "shared/left").expect("what was left");
    assert_eq!((left.kind, left.owner, left.size), (Kind::File, Owner::Victim, Some(6)));
}

#[test]
fn staged_files_are_told_of_though_nothing_happens_to_them_and_canaries_are_not() {
    let victim = linkbait::victim("leave", |dir| fs::write(dir.join("left"), "secret"));
    let victim = victim.stage("app.conf", 0o640, "old").keeps("app.conf");
    let found = finding(&victim, "leftover");
    for scene in [&found.before, &found.after] {
        let staged = at(scene, "shared/app.conf").expect("the staged file");
        assert_eq!((staged.owner, staged.mode, staged.size), (Owner::Stage, 0o640, Some(3)));
        assert!(scene.things.iter().all(|thing| thing.path.starts_with("shared")), "{scene:?}");
        assert!(scene.things.is_sorted_by(|a, b| a.path < b.path), "{scene:?}");
    }
}

#[test]
fn of_many_planted_names_only_the_one_that_was_hit_is_told_as_the_clock_says_how_many_there_are() {
    let victim = linkbait::victim("two digits", |dir| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let path = dir.join(format!("app.{:02}", now.subsec_nanos() / 7 % 100));
        File::create(&path).and_then(|_| fs::remove_file(&path))
    });
    let found = finding(&victim, "predictable-name");
    let hit = at(&found.before, &found.path).expect("the name that was hit");
    assert_eq!(hit.owner, Owner::Attacker);
    assert!(hit.target.as_deref().is_none_or(|target| target.starts_with("outside/")), "{hit:?}");
    assert!(found.before.things.len() < 5 && found.before.more == 0, "{:?}", found.before);
}
