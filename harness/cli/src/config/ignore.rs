//! What the config file says to ignore: findings that are shown and do not fail a run, for a reason and up to a day. Owns which they
//! are, and what is said of an ignore that has expired or that nothing fits.
//!
//! A report carries its ignores, so that a merged one says and does what that of one run would.

use crate::crew::Judged;
use crate::output::{self, counted};
use crate::report::Run;
use linkbait::{Finding, Verdict, fits_pattern};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Ignore {
    pub(crate) rule: String,
    /// Patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) victim: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attacker: Option<String>,
    pub(crate) reason: String,
    /// The last day, as 2027-03-31.
    pub(crate) until: String,
    /// That day was over when the victims were judged.
    pub(crate) expired: bool,
}

/// Why a finding is ignored, and how long.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Ignored {
    pub(crate) reason: String,
    pub(crate) until: String,
}

impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ignored until {}: {}", self.until, output::line(&self.reason))
    }
}

/// Marks the findings of a run that are to be ignored.
pub(crate) fn apply(run: &mut Run, ignores: &[Ignore]) {
    run.ignores = ignores.to_vec();
    for judged in &mut run.judged {
        let Judged { report, ignored, .. } = judged;
        let first = |finding: &Finding| {
            let fitting = ignores.iter().find(|ignore| !ignore.expired && ignore.fits(&report.name, finding));
            fitting
                .map(|Ignore { reason, until, .. }| Ignored { reason: reason.clone(), until: until.clone() })
        };
        *ignored = report.findings.iter().map(first).collect();
    }
}

/// What came of an ignore.
pub(crate) struct Told {
    pub(crate) text: String,
    /// Somebody has to do something about it.
    pub(crate) warns: bool,
}

/// What came of each ignore of a run.
pub(crate) fn told(run: &Run) -> Vec<Told> {
    run.ignores.iter().map(|ignore| ignore.told(run)).collect()
}

impl Ignore {
    fn is_about(&self, victim: &str) -> bool {
        self.victim.as_ref().is_none_or(|pattern| fits_pattern(pattern, victim))
    }

    fn fits(&self, victim: &str, finding: &Finding) -> bool {
        // A name that chance makes may fit in one run and not in the next.
        let name = finding.path.strip_prefix("shared/").unwrap_or(&finding.path);
        let at = |pattern: &String| fits_pattern(pattern, name);
        self.rule == finding.rule
            && self.is_about(victim)
            && self.path.as_ref().is_none_or(at)
            && self.attacker.as_ref().is_none_or(|class| class == finding.attacker.name())
    }

    fn told(&self, run: &Run) -> Told {
        let count = run.judged.iter().flat_map(|judged| {
            judged.report.findings.iter().filter(|finding| self.fits(&judged.report.name, finding))
        });
        let until = &self.until;
        let (warns, what) = match count.count() {
            _ if self.expired => (
                true,
                format!(
                    "expired after {until} and ignores nothing; mend what it is about, or set a new date"
                ),
            ),
            0 if self.is_stale(run) => (true, "stale, as no finding fits it; remove it".to_owned()),
            0 => (false, format!("no finding fits it here; until {until}")),
            some => (false, format!("{} until {until}", counted(some, "finding"))),
        };
        Told { text: output::line(&format!("{self}: {what}: {}", self.reason)), warns }
    }

    /// True when all that it can be about was judged and nothing fits. Of a pattern only a run of all victims can tell.
    fn is_stale(&self, run: &Run) -> bool {
        let whole = |judged: &&Judged| {
            matches!(judged.report.verdict, Verdict::Pass | Verdict::Fail | Verdict::NothingToAttack)
        };
        let here = || run.judged.iter().filter(|judged| self.is_about(&judged.report.name));
        let is_named = here().any(|judged| self.victim.as_ref() == Some(&judged.report.name));
        let of = run.part.iter().flat_map(|part| &part.of).filter(|name| self.is_about(name));
        let elsewhere = of.filter(|name| !here().any(|judged| judged.report.name == **name)).count() > 0;
        let more = run.narrowed || run.is_partial() || elsewhere;
        run.settings.asks(&self.rule)
            && self.attacker.as_ref().is_none_or(|class| run.settings.ask(&self.rule, class))
            && here().next().is_some()
            && here().all(|judged| whole(&judged))
            && (is_named || !more)
    }
}

impl std::fmt::Display for Ignore {
    /// `follows-link of "sh-*" at "app.*" by dir-writer`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rule)?;
        for (word, pattern) in [("of", &self.victim), ("at", &self.path)] {
            pattern.iter().try_for_each(|pattern| write!(f, " {word} {pattern:?}"))?;
        }
        self.attacker.iter().try_for_each(|class| write!(f, " by {class}"))
    }
}
