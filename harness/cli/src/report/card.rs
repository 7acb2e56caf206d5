//! What a scorecard says, whatever it is written in: of each victim and each group of rules what the trials came to.
//!
//! What was not reached never reads as a pass: a victim of which not everything could be tried has no pass at all.

use super::Run;
use super::origin::Settings;
use crate::crew::Judged;
use linkbait::{Group, RULES, Report, Rule, Verdict};
use std::collections::BTreeMap;
use std::fmt;

/// What the trials say about the rules of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// None was broken, and all was tried.
    Pass,
    /// One was broken.
    Fail,
    /// Something stays after SIGKILL, which is no finding.
    Note,
    /// No trial could have broken any of them, or none was asked for.
    NotApplicable,
    /// None was broken, but not all was tried.
    Unknown,
}

impl Mark {
    /// The word in every scorecard.
    pub(super) fn word(self) -> &'static str {
        match self {
            Mark::Pass => "pass",
            Mark::Fail => "FAIL",
            Mark::Note => "note",
            Mark::NotApplicable => "n/a",
            Mark::Unknown => "?",
        }
    }
}

/// One cell: the mark, and the trials behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Square {
    pub(super) mark: Mark,
    /// Trials that could have broken the rule; of several rules of the group the fewest, of broken ones those of the one
    /// that was broken most often.
    pub(super) trials: u64,
    /// Those that broke it, or that there is a note of.
    pub(super) hits: u64,
}

impl fmt::Display for Square {
    /// `FAIL 17/29`, `pass 29`, `n/a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mark.word())?;
        self.behind().map_or(Ok(()), |behind| write!(f, " {behind}"))
    }
}

impl Square {
    /// The trials behind the mark, if there are any.
    pub(super) fn behind(&self) -> Option<String> {
        match self.mark {
            Mark::NotApplicable => None,
            _ if self.trials == 0 => None,
            Mark::Fail | Mark::Note => Some(format!("{}/{}", self.hits, self.trials)),
            Mark::Pass | Mark::Unknown => Some(self.trials.to_string()),
        }
    }

    fn of(report: &Report, group: Group, settings: &Settings) -> Square {
        let asked = RULES.iter().filter(|rule| rule.group == group && settings.asks(rule.id));
        let counts: Vec<Count> = asked.map(|rule| Count::of(report, rule)).collect();
        let fewest = counts.iter().map(|count| count.trials).filter(|trials| *trials > 0).min().unwrap_or(0);
        let most =
            |of: fn(&Count) -> u64| counts.iter().max_by_key(|count| of(count)).copied().unwrap_or_default();
        let (broken, noted) = (most(|count| count.broken), most(|count| count.noted));
        let (mark, trials, hits) = match () {
            () if counts.iter().any(|count| count.found) => (Mark::Fail, broken.trials, broken.broken),
            () if counts.is_empty() => (Mark::NotApplicable, 0, 0),
            () if is_incomplete(report) => (Mark::Unknown, fewest, 0),
            () if noted.noted > 0 => (Mark::Note, noted.trials, noted.noted),
            () if fewest == 0 => (Mark::NotApplicable, 0, 0),
            () => (Mark::Pass, fewest, 0),
        };
        Square { mark, trials, hits }
    }
}

/// What stands behind one rule, after all phases.
#[derive(Clone, Copy, Default)]
struct Count {
    found: bool,
    trials: u64,
    broken: u64,
    noted: u64,
}

impl Count {
    fn of(report: &Report, rule: &Rule) -> Count {
        let found = report.findings.iter().any(|finding| finding.rule == rule.id);
        let cells = report.cells.iter().filter(|cell| cell.rule == rule.id);
        cells.fold(Count { found, ..Count::default() }, |sum, cell| Count {
            found: sum.found || cell.broken > 0,
            trials: sum.trials + cell.trials,
            broken: sum.broken + cell.broken,
            noted: sum.noted + cell.noted,
        })
    }
}

/// True when something was to be tried and was not, whatever was found elsewhere.
fn is_incomplete(report: &Report) -> bool {
    let open = |verdict: &Verdict| matches!(verdict, Verdict::Inconclusive | Verdict::Unsupported);
    let on_some = report.file_systems.iter().any(|(_, verdict)| open(verdict));
    report.unreached > 0 || report.hangs_alone || open(&report.verdict) || on_some
}

/// A victim's row.
pub(super) struct Row<'r> {
    pub(super) judged: &'r Judged,
    /// Where the victim stands in the report.
    pub(super) number: usize,
    pub(super) squares: [Square; Group::ALL.len()],
}

/// The rows, but of victims with nothing to attack, which may be most of a package's tests: under their tags, in the order in which they first appear.
pub(super) fn rows(run: &Run) -> Vec<(&str, Vec<Row<'_>>)> {
    let mut tags: Vec<(&str, Vec<Row<'_>>)> = Vec::new();
    let attacked = |judged: &Judged| judged.report.verdict != Verdict::NothingToAttack;
    for (number, judged) in run.judged.iter().enumerate().filter(|(_, judged)| attacked(judged)) {
        let squares = Group::ALL.map(|group| Square::of(&judged.report, group, &run.settings));
        let row = Row { judged, number, squares };
        match tags.iter_mut().find(|(tag, _)| *tag == judged.group) {
            Some((_, rows)) => rows.push(row),
            None => tags.push((&judged.group, vec![row])),
        }
    }
    tags
}

impl Row<'_> {
    /// What cells cannot say: the rules broken, by the weakest attacker that shows each, and where if that is not the
    /// first of the file systems judged on; or that there is no verdict.
    pub(super) fn remark(&self) -> Option<String> {
        let report = &self.judged.report;
        // Of each rule whether all that broke it is ignored.
        let mut rules: BTreeMap<_, BTreeMap<String, bool>> = BTreeMap::new();
        let usual = report.file_systems.first().map(|(name, _)| *name);
        for (number, finding) in report.findings.iter().enumerate() {
            let ignored = self.judged.ignored(number).is_some();
            let place = Some(finding.file_system).filter(|place| Some(*place) != usual);
            let place = place.map(|place| format!(" on {place}")).unwrap_or_default();
            let of_class = rules.entry(finding.attacker).or_default();
            *of_class.entry(format!("{}{place}", finding.rule)).or_insert(true) &= ignored;
        }
        let told = |(rule, ignored)| if ignored { format!("{rule} (ignored)") } else { rule };
        let of_class = |(class, rules): (_, BTreeMap<String, bool>)| {
            format!("{class}: {}", rules.into_iter().map(told).collect::<Vec<_>>().join(", "))
        };
        let found: Vec<_> = rules.into_iter().map(of_class).collect();
        match report.verdict {
            Verdict::Pass | Verdict::NothingToAttack => None,
            Verdict::Fail => Some(found.join("; ")).filter(|found| !found.is_empty()),
            Verdict::Inconclusive | Verdict::Unsupported => {
                Some(format!("{}: see what was not examined", report.verdict))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkbait::Cell;

    const RULE: &str = "world-readable";

    fn square(change: impl Fn(&mut Report)) -> Square {
        let cells = vec![Cell { rule: RULE, phase: "success", trials: 29, broken: 0, noted: 0 }];
        let mut report = Report { verdict: Verdict::Pass, cells, ..Report::new("made up") };
        change(&mut report);
        Square::of(&report, Group::Modes, &Settings::of_all_rules())
    }

    #[test]
    fn a_cell_is_a_pass_only_when_all_was_tried() {
        assert_eq!(square(|_| ()).to_string(), "pass 29");
        let incomplete: [fn(&mut Report); 5] = [
            |report| report.verdict = Verdict::Inconclusive,
            |report| report.verdict = Verdict::Unsupported,
            |report| (report.verdict, report.unreached) = (Verdict::Fail, 1),
            |report| (report.verdict, report.hangs_alone) = (Verdict::Fail, true),
            |report| report.file_systems = vec![("tmpfs", Verdict::Pass), ("xfs", Verdict::Unsupported)],
        ];
        for change in incomplete {
            assert_eq!(square(change).to_string(), "? 29");
        }
        assert_eq!(square(|report| report.cells.clear()).to_string(), "n/a");
    }

    #[test]
    fn a_broken_rule_outweighs_all_else_and_a_note_outweighs_a_pass() {
        let broken = |report: &mut Report| (report.cells[0].broken, report.unreached) = (17, 1);
        assert_eq!(square(broken).to_string(), "FAIL 17/29");
        assert_eq!(square(|report| report.cells[0].noted = 3).to_string(), "note 3/29");
    }

    #[test]
    fn the_rule_with_the_fewest_trials_stands_for_its_group() {
        let more = |report: &mut Report| {
            report.cells.push(Cell {
                rule: "world-writable",
                phase: "error",
                trials: 7,
                broken: 0,
                noted: 0,
            });
        };
        assert_eq!(square(more).to_string(), "pass 7");
    }

    #[test]
    fn what_was_not_asked_for_is_not_applicable_even_when_the_rest_is_unknown() {
        let report = Report { verdict: Verdict::Unsupported, ..Report::new("made up") };
        assert_eq!(Square::of(&report, Group::Modes, &Settings::default()).mark, Mark::NotApplicable);
    }
}
