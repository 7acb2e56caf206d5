//! The rules: what must never happen. One file each; this one holds the registry and what all of them share.
//!
//! A rule is a function from the evidence of a trial to hits. It sees no kernel and no schedule in the making.

mod chmods_foreign;
mod copies;
mod copies_foreign_metadata;
mod crashes;
mod deletes_foreign;
mod follows_link;
mod group;
mod hangs;
mod inherited_descriptor;
mod leaked_descriptor;
mod left_alone;
mod leftover;
mod lost_write;
mod non_exclusive_create;
mod predictable_name;
mod torn_replace;
mod uses_foreign;
mod world_readable;
mod world_writable;

pub use group::Group;

use crate::arena::sight::Sight;
use crate::arena::tree::{Entry, Ident, Maker, is_below};
use crate::class::Class;
use crate::ending::Ending;
use crate::evidence::{CallStep, Change, Deed, Evidence, Step};
use crate::fault::Fault;
use crate::file_system::FileSystem;
use crate::finding::Finding;
use crate::schedule::Schedule;
use crate::victim::{Victim, matches};
use crate::world::Outcome;
use crate::world::calls::Op;

/// One thing that must never happen.
pub struct Rule {
    /// Stable id.
    pub id: &'static str,
    /// What it is about: its column in the scorecard.
    pub group: Group,
    /// One line.
    pub title: &'static str,
    /// CWE numbers.
    pub cwe: &'static [u16],
    /// Why it matters, and the guideline or CERT rule that it serves.
    pub why: &'static str,
    /// What to do instead.
    pub help: &'static str,
    /// Code that breaks it.
    pub bad: &'static str,
    /// Code that keeps it.
    pub good: &'static str,
    /// Shown only to auditors: usually wrong, but no effect is demonstrated.
    pub suspicion: bool,
    /// True for a trial that could break it, if it has happened in full: others stand for nothing.
    pub(crate) counts: fn(&Case<'_>) -> bool,
    pub(crate) check: fn(&Case<'_>, &mut Vec<Hit>),
}

/// The rule that takes predictions, which only the judge can make.
pub(crate) const PREDICTABLE_NAME: &str = "predictable-name";

/// The rule that compares contents, which can be others in every run.
pub(crate) const TORN_REPLACE: &str = "torn-replace";

/// The rule that only notes what stays after SIGKILL.
pub(crate) const LEFTOVER: &str = "leftover";

/// All rules, in the order of the scorecard.
pub static RULES: [&Rule; 16] = [
    &follows_link::RULE,
    &uses_foreign::RULE,
    &deletes_foreign::RULE,
    &chmods_foreign::RULE,
    &copies_foreign_metadata::RULE,
    &world_readable::RULE,
    &world_writable::RULE,
    &leftover::RULE,
    &predictable_name::RULE,
    &hangs::RULE,
    &crashes::RULE,
    &lost_write::RULE,
    &torn_replace::RULE,
    &inherited_descriptor::RULE,
    &leaked_descriptor::RULE,
    &non_exclusive_create::RULE,
];

/// The rule of that id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.id == id).copied()
}

/// What to do about a finding: what its rule says, unless the attack was made where O_EXCL is without effect.
#[must_use]
pub fn help(finding: &Finding) -> &'static str {
    let at_open = finding.schedule.acts.iter().any(|act| act.at.call.starts_with("open"));
    if at_open && finding.file_system == FileSystem::NoExcl.name() {
        return "O_EXCL does not help on such a file system: work in a private directory (mkdtemp, TempDir), whose making \
                is exclusive everywhere, or without a name (O_TMPFILE, then linkat)";
    }
    rule(finding.rule).map_or("", |rule| rule.help)
}

/// What trials end in, or the signal that they get, in the order of tables.
pub const PHASES: [&str; 11] = [
    "success", "error", "panic", "exit", "signal", "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL",
    "hang",
];

/// After what the victim of a trial was looked at: how it ended, or the signal that it got. A program tells of errors
/// by its exit status.
pub(crate) fn phase(schedule: &Schedule, evidence: &Evidence, victim: &Victim) -> &'static str {
    match (schedule.signal(), &evidence.ending) {
        (Some(signal), _) => signal,
        (None, Ending::Error(_)) if victim.is_program() => "exit",
        (None, ending) => ending.phase(),
    }
}

/// One trial as the rules see it.
pub(crate) struct Case<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) victim: &'a Victim,
    pub(crate) class: Class,
    pub(crate) schedule: &'a Schedule,
    /// Mode and owner that the victim's own files have at the end of an undisturbed run, by label.
    pub(crate) clean: &'a [(String, u32, u32)],
    /// The files that it replaces, with what may be read there.
    pub(crate) replaced: &'a [Replaced],
    /// How it ends when no one interferes.
    pub(crate) alone: &'a Ending,
    /// That a file was read shows in its access time.
    pub(crate) reads_show: bool,
}

/// A file that the victim replaces.
#[derive(Clone, Debug)]
pub(crate) struct Replaced {
    /// Relative to the arena.
    pub(crate) path: Vec<u8>,
    /// What an undisturbed run shows there at first.
    pub(crate) old: Sight,
    /// And at last.
    pub(crate) new: Sight,
    /// That is something else in every run.
    pub(crate) varies: bool,
}

/// A rule broken, before minimising.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) path: String,
    pub(crate) example: Vec<u8>,
    pub(crate) message: String,
    /// Index of the step that broke the rule; `None` when only the end shows it.
    pub(crate) at: Option<usize>,
}

impl<'a> Case<'a> {
    /// Calls that did their work.
    pub(crate) fn successes(&self) -> impl Iterator<Item = (&'a Step, &'a CallStep)> + use<'a> {
        let evidence = self.evidence;
        evidence
            .calls()
            .map(|(at, call)| (&evidence.steps[at], call))
            .filter(|(step, _)| step.outcome.succeeded())
    }

    pub(crate) fn phase(&self) -> &'static str {
        phase(self.schedule, self.evidence, self.victim)
    }

    /// True when a close was made to fail: unlike the kernel's, such a close leaves the descriptor open.
    pub(crate) fn is_kept_from_closing(&self) -> bool {
        self.faulted().any(|call| call.sys.op == Op::Close)
    }

    /// True when something of an attacker's was about.
    pub(crate) fn is_attacked(&self) -> bool {
        self.schedule.moves().next().is_some() || self.victim.stage.iter().any(|staged| staged.foreign)
    }

    /// Calls that were made to fail, or to do only half their work.
    pub(crate) fn faulted(&self) -> impl Iterator<Item = &'a CallStep> + use<'a> {
        self.faults().map(|(_, call, _)| call)
    }

    /// The same, with their steps and what was done to them.
    pub(crate) fn faults(&self) -> impl Iterator<Item = (usize, &'a CallStep, Fault)> + use<'a> {
        let (evidence, schedule) = (self.evidence, self.schedule);
        let mut waiting = None;
        evidence.steps.iter().enumerate().filter_map(move |(at, step)| match &step.deed {
            Deed::Fault(index) => {
                waiting = schedule.acts[*index].as_fault();
                None
            }
            Deed::Call(call) => waiting.take().map(|fault| (at, call, fault)),
            Deed::Move(_) | Deed::Switch(_) | Deed::Waits(_) => None,
        })
    }

    /// Changes that the victim made.
    pub(crate) fn victim_changes(&self) -> impl Iterator<Item = (&'a CallStep, &'a Change)> + use<'a> {
        let evidence = self.evidence;
        evidence.calls().flat_map(move |(at, call)| {
            evidence.changes(&evidence.steps[at]).iter().map(move |change| (call, change))
        })
    }

    /// Every change of the trial.
    pub(crate) fn all_changes(&self) -> impl Iterator<Item = &'a Change> + use<'a> {
        let evidence = self.evidence;
        evidence.steps.iter().flat_map(move |step| evidence.changes(step))
    }

    /// A hit on a change.
    pub(crate) fn hit(&self, change: &Change, message: String) -> Hit {
        let path = self.evidence.changed(change).to_owned();
        let made = |step: &Step| self.evidence.changes(step).iter().any(|c| std::ptr::eq(c, change));
        let at = self.evidence.steps.iter().position(made);
        Hit { example: self.evidence.changed_path(change).to_vec(), path, message, at }
    }

    /// A hit on a call: on the name on its way that was attacked, of several the last, or else on the call's first path.
    pub(crate) fn hit_call(&self, call: &CallStep, message: String) -> Hit {
        let at = self.evidence.calls().find(|(_, c)| std::ptr::eq(*c, call)).map(|(at, _)| at);
        let named = self.evidence.paths(call).next().unwrap_or_default();
        let attacked = self.attacked().filter(|(target, _)| is_below(named, target)).last();
        let (example, path) = attacked.unwrap_or((named, self.evidence.label(call)));
        Hit { path: path.to_owned(), example: example.to_vec(), message, at }
    }

    /// The names that were attacked, with their labels.
    fn attacked(&self) -> impl Iterator<Item = (&'a [u8], &'a str)> + use<'a> {
        let (evidence, schedule) = (self.evidence, self.schedule);
        evidence.steps.iter().filter_map(move |step| match step.deed {
            Deed::Move(act) => Some((evidence.target(step), schedule.acts[act].as_move()?.target.as_str())),
            Deed::Call(_) | Deed::Fault(_) | Deed::Switch(_) | Deed::Waits(_) => None,
        })
    }

    /// True when the victim is meant to leave this entry, a path below the arena.
    pub(crate) fn is_kept(&self, path: &[u8]) -> bool {
        self.fits(&self.victim.keeps, path)
    }

    /// True when others may read this entry by intent.
    pub(crate) fn is_public(&self, path: &[u8]) -> bool {
        self.fits(&self.victim.public, path)
    }

    /// True when programs that the victim starts are meant to get this entry's descriptor.
    pub(crate) fn is_passed(&self, path: &[u8]) -> bool {
        self.fits(&self.victim.passes, path)
    }

    /// True when the victim promises to leave what another has made here.
    pub(crate) fn is_noclobber(&self, path: &[u8]) -> bool {
        self.fits(&self.victim.noclobber, path)
    }

    /// True for a file that the victim of this trial made, with a name or without.
    pub(crate) fn is_own(&self, ident: Ident) -> bool {
        let unnamed = libc::O_TMPFILE as u32;
        let opened = |step: &Step| matches!(step.outcome, Outcome::Descriptor(_, known) if known == ident);
        let made = |(step, call): (&Step, &CallStep)| call.flags & unnamed == unnamed && opened(step);
        self.evidence.maker_of(ident).map_or_else(|| self.successes().any(made), |(m, _)| m.is_victim())
    }

    fn fits(&self, patterns: &[String], path: &[u8]) -> bool {
        let name = path.strip_prefix(b"shared/").unwrap_or(path);
        patterns.iter().any(|pattern| matches(pattern.as_bytes(), name))
    }
}

/// True for an entry that is none of the victim's business: a canary, or another's entry in a directory that the
/// victim did not make. What others put into the victim's own directory is the victim's to deal with.
pub(crate) fn is_foreign(entry: &Entry, change: &Change, label: &str) -> bool {
    let canary = label.starts_with("outside/") && !entry.maker.is_victim();
    canary || (entry.maker == Maker::Attacker && !change.on_own_ground)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_ids_are_these_and_stay_these() {
        let ids: Vec<_> = RULES.iter().map(|r| r.id).collect();
        assert_eq!(
            ids,
            [
                "follows-link",
                "uses-foreign",
                "deletes-foreign",
                "chmods-foreign",
                "copies-foreign-metadata",
                "world-readable",
                "world-writable",
                "leftover",
                "predictable-name",
                "hangs",
                "crashes",
                "lost-write",
                "torn-replace",
                "inherited-descriptor",
                "leaked-descriptor",
                "non-exclusive-create",
            ]
        );
    }
}
