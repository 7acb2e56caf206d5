//! What a report was made of: the machine, what was asked for, and the part of it that was judged. Reports can be merged
//! when these fit together.

use crate::args::{Judging, Persona};
use crate::values::Shard;
use linkbait::{Determinism, Host, Rule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Environment {
    kernel: String,
    uid: u32,
    file_system: String,
    /// What programs get; each victim says what it got.
    determinism: u8,
    pub(crate) seed: u64,
    protected: BTreeMap<String, Option<u32>>,
}

impl Environment {
    pub(crate) fn of(host: &Host, determinism: Determinism) -> Environment {
        Environment {
            kernel: host.kernel().to_owned(),
            uid: host.uid(),
            file_system: host.file_system().to_owned(),
            determinism: determinism.level.number(),
            seed: determinism.seed,
            protected: host.protected().iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        }
    }
}

impl Environment {
    /// For people: what, and its value.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let protected = self.protected.iter().map(|(name, value)| match value {
            Some(value) => format!("{name} {value}"),
            None => format!("{name} unknown"),
        });
        vec![
            ("kernel", self.kernel.clone()),
            ("uid", self.uid.to_string()),
            ("file system", self.file_system.clone()),
            ("fs.protected", protected.collect::<Vec<_>>().join(", ")),
            ("determinism of programs", format!("{}, seed {}", self.determinism, self.seed)),
        ]
    }
}

/// What decides on the verdicts, beside the victims.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Settings {
    /// Empty for each victim's own.
    attackers: Vec<String>,
    umasks: Vec<String>,
    rules: Vec<String>,
    depth: u32,
    samples: Option<u64>,
    most_trials: Option<u64>,
    reduction: bool,
    /// Empty for the default.
    file_systems: Vec<String>,
    writable: Vec<PathBuf>,
    faults: bool,
    signals: bool,
    instances: u8,
    timeout_ms: u64,
}

impl Settings {
    pub(crate) fn of(asked: &Judging) -> Settings {
        Settings {
            attackers: asked.attacker.iter().map(ToString::to_string).collect(),
            umasks: asked.umask.iter().map(|umask| format!("{umask:03o}")).collect(),
            rules: rules(asked).iter().map(|rule| rule.id.to_owned()).collect(),
            depth: asked.depth,
            samples: asked.samples,
            most_trials: asked.trials,
            reduction: !asked.no_reduction,
            file_systems: asked.fs.iter().map(ToString::to_string).collect(),
            writable: asked.writable.clone(),
            faults: asked.faults,
            signals: asked.signals,
            instances: asked.instances,
            timeout_ms: Duration::from(asked.timeout).as_millis().try_into().unwrap_or(u64::MAX),
        }
    }

    /// For people: what was asked for, and how.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let or = |list: &[String], otherwise: &str| match list {
            [] => otherwise.to_owned(),
            some => some.join(", "),
        };
        let also = [("errors", self.faults), ("signals", self.signals), ("two copies", self.instances > 1)];
        let also: Vec<String> =
            also.iter().filter(|(_, asked)| *asked).map(|(what, _)| (*what).to_owned()).collect();
        vec![
            ("attackers", or(&self.attackers, "each victim's own")),
            ("umasks", self.umasks.join(", ")),
            ("rules", self.rules.join(", ")),
            ("acts in a schedule", self.depth.to_string()),
            ("file systems", or(&self.file_systems, "the default")),
            ("beside moves", or(&also, "what a victim asks for itself")),
            ("counts as hung after", format!("{} ms", self.timeout_ms)),
        ]
    }

    /// True when the rule was to be applied.
    pub(crate) fn asks(&self, rule: &str) -> bool {
        self.rules.iter().any(|id| id == rule)
    }

    /// As if all rules had been asked for.
    #[cfg(test)]
    pub(crate) fn of_all_rules() -> Settings {
        let rules = linkbait::RULES.iter().map(|rule| rule.id.to_owned()).collect();
        Settings { rules, ..Settings::default() }
    }
}

impl Settings {
    /// True when this rule and this attacker were tried, as far as settings tell: a victim may have attackers of its own.
    pub(crate) fn ask(&self, rule: &str, attacker: &str) -> bool {
        let tries = self.attackers.is_empty() || self.attackers.iter().any(|known| known == attacker);
        tries && self.rules.iter().any(|known| known == rule)
    }
}

/// The rules asked for: without suspicions, unless they are named or an auditor reads.
pub(crate) fn rules(asked: &Judging) -> Vec<&'static Rule> {
    let auditor = asked.persona == Persona::Auditor;
    let wanted = |rule: &&Rule| match asked.rule.as_slice() {
        [] => auditor || !rule.suspicion,
        named => named.iter().any(|id| id == rule.id),
    };
    linkbait::RULES.iter().copied().filter(wanted).collect()
}

/// Which of the victims a report is on; enough to see whether shards were dealt in the same way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Part {
    pub(crate) shard: Shard,
    /// The names of all victims, those of other shards too, in their order.
    pub(crate) of: Vec<String>,
    /// The shard that each of them is in.
    pub(crate) shards: Vec<usize>,
}
