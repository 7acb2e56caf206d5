//! Known faults, each put back by a cargo feature: they show that a campaign finds what is there.
//!
//! A victim that has the fault joins the safe ones, and only the rule that it is about counts, as some break others as well.

use linkbait::Victim;

/// A rule, a victim that breaks it, and whether its feature is on.
const FAULTS: [(&str, &str, bool); 14] = [
    ("follows-link", "lock-file-truncate", cfg!(feature = "fault-follows-link")),
    ("uses-foreign", "lock-file-read", cfg!(feature = "fault-uses-foreign")),
    ("deletes-foreign", "remove-after-exists", cfg!(feature = "fault-deletes-foreign")),
    ("chmods-foreign", "create-then-chmod", cfg!(feature = "fault-chmods-foreign")),
    ("copies-foreign-metadata", "rename-keeping-mode", cfg!(feature = "fault-copies-foreign-metadata")),
    ("world-readable", "both-taken", cfg!(feature = "fault-world-readable")),
    ("world-writable", "umask-dir", cfg!(feature = "fault-world-writable")),
    ("leftover", "forgets-the-second", cfg!(feature = "fault-leftover")),
    ("hangs", "create-new-forever", cfg!(feature = "fault-hangs")),
    ("crashes", "drop-unwraps", cfg!(feature = "fault-crashes")),
    ("lost-write", "rename-whatever-was-written", cfg!(feature = "fault-lost-write")),
    ("torn-replace", "check-then-rename", cfg!(feature = "fault-torn-replace")),
    ("inherited-descriptor", "program-inherits", cfg!(feature = "fault-inherited-descriptor")),
    ("leaked-descriptor", "nobody-closes", cfg!(feature = "fault-leaked-descriptor")),
];

/// The rules of which a fault can be put back.
pub fn rules_with_a_fault() -> impl Iterator<Item = &'static str> {
    FAULTS.iter().map(|(rule, ..)| *rule)
}

/// True for a victim whose fault is put back.
pub(crate) fn is_put_back(victim: &Victim) -> bool {
    FAULTS.iter().any(|(_, name, on)| *on && *name == victim.name())
}

/// True when a finding about this rule counts.
pub(crate) fn counts(rule: &str) -> bool {
    let mut on = FAULTS.iter().filter(|(.., on)| *on).peekable();
    on.peek().is_none() || on.any(|(about, ..)| *about == rule)
}
