//! Whether what was found in the two versions of an advisory agrees with what was published: each rule that it names is broken in the
//! vulnerable version, by the attacker named, and in the fixed one by nobody. What could not be tried agrees with nothing.

use crate::Exit;
use crate::crew::Judged;
use linkbait::{Ending, Expected, Report, Verdict};
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
    match report.verdict {
        Verdict::Unsupported => Some(Outcome::Unsupported(why())),
        Verdict::Inconclusive => Some(Outcome::Inconclusive(why())),
        _ if judged.no_start || !succeeds(report) => {
            Some(Outcome::Inconclusive(format!("the {version} version does not succeed when left alone")))
        }
        _ => None,
    }
}

/// One that fails may lack what it needs, and do nothing that could be attacked.
fn succeeds(report: &Report) -> bool {
    match &report.alone {
        Some(alone) => alone.ending == Ending::Success,
        // Of a body only trials tell how it ended; those with predicted names count as a success whatever came.
        None => {
            let told = report.cells.iter().filter(|cell| cell.rule != "predictable-name" && cell.trials > 0);
            told.filter(|cell| cell.phase == "success").count() > 0
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew;
    use linkbait::{Alone, Class, Victim};

    const EXPECTED: [Expected; 1] = [Expected { rule: "leftover", class: Class::None }];

    /// What came of a version that leaves something behind, or does not.
    fn judged(leaves: bool) -> Judged {
        let victim = Victim::new("any", move |dirs: &linkbait::Dirs| {
            std::fs::write(dirs.shared.join("app.log"), "").map(|()| {
                if !leaves {
                    let _ = std::fs::remove_file(dirs.shared.join("app.log"));
                }
            })
        });
        let judge = linkbait::Judge::new(linkbait::Host::detect()).attackers(&[Class::None]);
        crew::judge_here(&judge, &victim, &mut crate::source::Reader::default())
    }

    fn came(vulnerable: &Judged, fixed: &Judged) -> Outcome {
        compare(&EXPECTED, [Some(vulnerable), Some(fixed)])
    }

    #[test]
    fn it_is_shown_when_one_version_breaks_the_rule_and_the_other_does_not() {
        let (bad, good) = (judged(true), judged(false));
        if bad.report.verdict == Verdict::Unsupported {
            return;
        }
        assert_eq!(came(&bad, &good), Outcome::Shown("leftover (none)".to_owned()));
        assert!(
            matches!(came(&good, &good), Outcome::Differs(what) if what.contains("does not show leftover"))
        );
        assert!(matches!(came(&bad, &bad), Outcome::Differs(what) if what.contains("leftover too")));
        assert!(matches!(compare(&[], [Some(&bad), Some(&good)]), Outcome::Differs(_)));
        assert!(matches!(compare(&EXPECTED, [Some(&bad), None]), Outcome::Inconclusive(_)));
    }

    #[test]
    fn a_version_that_was_not_really_tried_agrees_with_nothing() {
        let (bad, mut good) = (judged(true), judged(false));
        if bad.report.verdict == Verdict::Unsupported {
            return;
        }
        good.report.verdict = Verdict::Inconclusive;
        assert!(matches!(came(&bad, &good), Outcome::Inconclusive(_)));
        good.report.verdict = Verdict::Pass;
        good.report.alone =
            Some(Alone { ending: Ending::Error("exit_1".to_owned()), output: String::new(), cut: false });
        assert!(matches!(came(&bad, &good), Outcome::Inconclusive(what) if what.contains("fixed")));
        good.report.verdict = Verdict::Unsupported;
        assert!(matches!(came(&bad, &good), Outcome::Unsupported(_)));
        good.fault = Some("ours".to_owned());
        assert!(matches!(came(&bad, &good), Outcome::Ours(_)));
    }

    #[test]
    fn what_differs_outweighs_what_could_not_be_tried() {
        let all = [
            Outcome::Unsupported(String::new()),
            Outcome::Shown(String::new()),
            Outcome::Inconclusive(String::new()),
            Outcome::Differs(String::new()),
            Outcome::Ours(String::new()),
        ];
        let exits = (1..=all.len()).map(|count| exit(all[..count].iter(), false));
        let expected = [Exit::Unsupported, Exit::Clean, Exit::Inconclusive, Exit::Findings, Exit::Ours];
        assert_eq!(exits.collect::<Vec<_>>(), expected);
        assert_eq!(exit(all[..4].iter(), true), Exit::Unsupported);
        assert_eq!(exit([].iter(), false), Exit::NothingToJudge);
    }
}
