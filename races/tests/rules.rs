//! Each rule has a bad and a good victim: no rule ships without proof that it can fail and can stay silent.

use linkbait::{Class, Host, Judge, RULES, Report, Rule, Verdict, Victim};

/// Rule, the victim that breaks it, its good twin, and the class of attacker that tells them apart.
const PAIRS: [(&str, &str, &str, Class); 17] = [
    ("follows-link", "create-fixed", "create-new", Class::OtherUser),
    ("uses-foreign", "lock-file-truncate", "create-new-some-times", Class::OtherUser),
    ("deletes-foreign", "remove-tree-by-path", "remove-dir-all", Class::DirWriter),
    ("chmods-foreign", "mkdir-then-chmod", "mkdir-private", Class::DirWriter),
    ("copies-foreign-metadata", "rename-keeping-mode", "rename-choosing-mode", Class::DirWriter),
    ("world-readable", "create-then-chmod", "create-new", Class::None),
    ("world-writable", "tempdir-in", "tempdir-private", Class::None),
    ("leftover", "panic-path-leaves", "panic-path-cleans", Class::None),
    ("predictable-name", "create-pid", "name-pid-exclusive", Class::OtherUser),
    ("hangs", "create-new-forever", "create-new-some-times", Class::OtherUser),
    ("crashes", "drop-unwraps", "drop-ignores", Class::DirWriter),
    ("lost-write", "rename-no-excl", "rename-excl", Class::None),
    ("torn-replace", "rewrite-in-place", "rename-excl", Class::None),
    ("torn-replace", "check-then-rename", "persist-noclobber", Class::OtherUser),
    ("inherited-descriptor", "program-inherits", "program-gets-nothing", Class::None),
    ("leaked-descriptor", "nobody-closes", "owner-closes", Class::None),
    ("non-exclusive-create", "umask-dir", "mkdir-private", Class::None),
];

fn victim(name: &str) -> Victim {
    let named = linkbait_races::roster().into_iter().find(|v| v.name() == name);
    named.unwrap_or_else(|| panic!("no victim is named {name}"))
}

/// Judges by one rule alone, so that what another rule finds proves nothing.
fn judged(rule: &'static Rule, name: &str, class: Class) -> Report {
    // Only what fails can be lost.
    let faults = rule.id == "lost-write";
    let judge = Judge::new(Host::detect()).rules(&[rule]).attackers(&[class]).faults(faults);
    judge.judge(&victim(name)).expect("this machine can judge")
}

#[test]
fn every_rule_finds_its_bad_victim_and_stays_silent_on_the_good_one() {
    for rule in RULES {
        let pairs: Vec<_> = PAIRS.iter().filter(|(id, ..)| *id == rule.id).collect();
        assert!(!pairs.is_empty(), "{} has no pair of victims", rule.id);
        for (id, bad, good, class) in pairs {
            let found = judged(rule, bad, *class);
            assert_eq!(found.verdict, Verdict::Fail, "{id} does not find {bad}: {found:?}");
            let silent = judged(rule, good, *class);
            assert_eq!(silent.verdict, Verdict::Pass, "{id} flags {good}, or not all was tried: {silent:?}");
        }
    }
}

#[test]
fn every_pair_belongs_to_a_rule() {
    for (id, ..) in PAIRS {
        assert!(RULES.iter().any(|rule| rule.id == id), "{id} is no rule");
    }
}
