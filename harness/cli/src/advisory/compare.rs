//! Whether what was found in the two versions of an advisory agrees with what was published: each rule that it names is broken in the
//! vulnerable version, by the attacker named, and in the fixed one by nobody. What could not be tried agrees with nothing.

use crate::Exit;
use crate::crew::Judged;
use linkbait::{Expected, Verdict};
use std::fmt::{Display, Formatter};

/// What came of an advisory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As published; what was found.
    Shown(String),
    /// Not as published; what differs.
    Differs(String),
    /// Not everything could be tried; what not.
    Inconclusive(String),
    /// This machine cannot judge it; why.
    Unsupported(String),
    /// Our own fault.
    Ours(String),
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Shown(what) => write!(f, "shown, {what}"),
            Outcome::Differs(what) => write!(f, "not as published, {what}"),
            Outcome::Inconclusive(what) => write!(f, "inconclusive, {what}"),
            Outcome::Unsupported(why) => write!(f, "unsupported, {why}"),
            Outcome::Ours(why) => write!(f, "not judged, {why}"),
        }
    }
}

/// Of the vulnerable version and the fixed one; a run that was interrupted may lack either.
pub(super) fn compare(expected: &[Expected], judged: [Option<&Judged>; 2]) -> Outcome {
    let [Some(vulnerable), Some(fixed)] = judged else {
        return Outcome::Inconclusive("it was interrupted".to_owned());
    };
    let both = [("vulnerable", vulnerable), ("fixed", fixed)];
    if let Some(spoilt) = both.into_iter().find_map(|(version, judged)| not_judged(version, judged)) {
        return spoilt;
    }
    let has = |judged: &Judged, wanted: &Expected, by_anyone: bool| {
        let of_rule = judged.report.findings.iter().filter(|found| found.rule == wanted.rule);
        of_rule.filter(|found| by_anyone || found.attacker == wanted.class).count() > 0
    };
    let missing = expected.iter().filter(|wanted| !has(vulnerable, wanted, false));
    let missing = missing.map(|wanted| format!("the vulnerable version does not show {}", told(wanted)));
    let stays = expected.iter().filter(|wanted| has(fixed, wanted, true));
    let stays = stays.map(|wanted| format!("the fixed version shows {} too", wanted.rule));
    let differs: Vec<String> = missing.chain(stays).collect();
    match () {
        () if !differs.is_empty() => Outcome::Differs(differs.join(", ")),
        () if expected.is_empty() => Outcome::Differs("its file expects nothing (expect.fail)".to_owned()),
        () => Outcome::Shown(expected.iter().map(told).collect::<Vec<_>>().join(", ")),
    }
}

fn told(wanted: &Expected) -> String {
    format!("{} ({})", wanted.rule, wanted.class)
}

/// Why nothing follows from what was found in this version.
fn not_judged(version: &str, judged: &Judged) -> Option<Outcome> {
    let report = &judged.report;
    let why = || format!("the {version} version: {}", report.not_examined.join("; "));
    if let Some(fault) = &judged.fault {
        return Some(Outcome::Ours(fault.clone()));
    }
    let succeeded = report.cells.iter().any(|cell| cell.phase == "success" && cell.trials > 0);
    match report.verdict {
        Verdict::Unsupported => Some(Outcome::Unsupported(why())),
        Verdict::Inconclusive => Some(Outcome::Inconclusive(why())),
        // It may lack what it needs, and then it does nothing that could be attacked.
        _ if judged.no_start || !succeeded => {
            Some(Outcome::Inconclusive(format!("the {version} version never succeeded")))
        }
        _ => None,
    }
}

/// What all of them come to. What differs hides nothing but a fault of ours.
pub(super) fn exit<'o>(outcomes: impl Iterator<Item = &'o Outcome> + Clone, require: bool) -> Exit {
    let any = |is: fn(&Outcome) -> bool| outcomes.clone().any(is);
    let unsupported = any(|outcome| matches!(outcome, Outcome::Unsupported(_)));
    match () {
        () if any(|outcome| matches!(outcome, Outcome::Ours(_))) => Exit::Ours,
        () if require && unsupported => Exit::Unsupported,
        () if any(|outcome| matches!(outcome, Outcome::Differs(_))) => Exit::Findings,
        () if any(|outcome| matches!(outcome, Outcome::Inconclusive(_))) => Exit::Inconclusive,
        () if any(|outcome| matches!(outcome, Outcome::Shown(_))) => Exit::Clean,
        () if unsupported => Exit::Unsupported,
        () => Exit::NothingToJudge,
    }
}
