//! One victim on several file systems: a judgement on each, and one report made of them all.

use super::Judge;
use crate::error::{Error, ErrorKind};
use crate::file_system::FileSystem;
use crate::finding::{Cell, Report, Samples, Verdict};
use crate::victim::Victim;

impl Judge {
    /// Judges on each of these file systems instead of where arenas lie by default. A fault that shows on several is
    /// told of the first, in the order of [`FileSystem::ALL`].
    #[must_use]
    pub fn file_systems(mut self, wanted: &[FileSystem]) -> Judge {
        self.file_systems = wanted.to_vec();
        self.file_systems.sort_unstable();
        self.file_systems.dedup();
        self
    }

    /// A judge for one file system.
    pub(super) fn on(&self, file_system: FileSystem) -> Judge {
        Judge { host: self.host.clone().on(file_system), file_systems: Vec::new(), ..self.clone() }
    }

    /// A judge for the first of those asked for.
    pub(super) fn on_first(&self) -> Judge {
        self.file_systems.first().map_or_else(|| self.clone(), |first| self.on(*first))
    }

    /// Judges by `one` on every file system asked for.
    pub(super) fn on_each(
        &self,
        victim: &Victim,
        one: impl Fn(&Judge) -> Result<Report, Error>,
    ) -> Result<Report, Error> {
        match self.file_systems[..] {
            [] => return one(self),
            [only] => return one(&self.on(only)),
            _ => {}
        }
        let mut reports = Vec::new();
        for &name in &self.file_systems {
            reports.push(match one(&self.on(name)) {
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
                    lacking(victim, name, &error)
                }
                judged => judged?,
            });
        }
        Ok(merged(victim, reports))
    }
}

/// The report on a file system that this machine lacks. It must not cost the reports on the others.
fn lacking(victim: &Victim, name: FileSystem, error: &Error) -> Report {
    let verdict = Verdict::Unsupported;
    Report {
        verdict,
        not_examined: vec![error.to_string()],
        file_systems: vec![(name.name(), verdict)],
        ..Report::new(&victim.name)
    }
}

fn merged(victim: &Victim, reports: Vec<Report>) -> Report {
    let mut whole = Report::new(&victim.name);
    let verdicts = [Verdict::Fail, Verdict::Inconclusive, Verdict::Unsupported];
    let worst = verdicts.into_iter().find(|verdict| reports.iter().any(|report| report.verdict == *verdict));
    let idle = || reports.iter().all(|report| report.verdict == Verdict::NothingToAttack);
    whole.verdict = worst.unwrap_or_else(|| if idle() { Verdict::NothingToAttack } else { Verdict::Pass });
    whole.not_examined = notes(&reports);
    for report in reports {
        for mut finding in report.findings {
            if !whole.findings.iter().any(|known| known.identity() == finding.identity()) {
                // Counted over all file systems, as the report counts; 0 means sampled.
                finding.trial += if finding.trial > 0 { whole.trials } else { 0 };
                whole.findings.push(finding);
            }
        }
        add(&mut whole.cells, report.cells);
        let new = report.notes.iter().filter(|note| !whole.notes.contains(note));
        let new: Vec<String> = new.cloned().collect();
        whole.notes.extend(new);
        whole.trials += report.trials;
        whole.refused += report.refused;
        whole.unreached += report.unreached;
        whole.reduced += report.reduced;
        whole.depth = whole.depth.max(report.depth);
        whole.samples = match (whole.samples, report.samples) {
            (Some(a), Some(b)) => {
                Some(Samples { drawn: a.drawn + b.drawn, landed: a.landed + b.landed, ..a })
            }
            (one, other) => one.or(other),
        };
        whole.stops = whole.stops.max(report.stops);
        whole.hangs_alone |= report.hangs_alone;
        whole.alone = whole.alone.or(report.alone);
        if report.determinism.level > whole.determinism.level {
            whole.determinism = report.determinism;
        }
        whole.file_systems.extend(report.file_systems);
    }
    whole
}

/// Adds the trials on one file system to those on others.
fn add(all: &mut Vec<Cell>, more: Vec<Cell>) {
    for cell in more {
        match all.iter_mut().find(|known| (known.rule, known.phase) == (cell.rule, cell.phase)) {
            Some(known) => {
                known.trials += cell.trials;
                known.broken += cell.broken;
                known.noted += cell.noted;
            }
            None => all.push(cell),
        }
    }
}

/// What was not examined: each note once, and where it holds, unless that is everywhere.
fn notes(reports: &[Report]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let all = reports.iter().flat_map(|report| &report.not_examined);
    for note in all {
        let places = reports.iter().filter(|report| report.not_examined.contains(note));
        let places: Vec<&str> =
            places.flat_map(|report| &report.file_systems).map(|(name, _)| *name).collect();
        let note = if places.len() == reports.len() {
            note.clone()
        } else {
            format!("{}: {note}", places.join(", "))
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &'static str, verdict: Verdict, notes: &[&str]) -> Report {
        let not_examined = notes.iter().map(ToString::to_string).collect();
        let file_systems = vec![(name, verdict)];
        Report { verdict, trials: 5, not_examined, file_systems, ..Report::new("made up") }
    }

    #[test]
    fn a_file_system_that_could_not_be_judged_never_makes_a_pass() {
        let victim = crate::victim("made up", |_| ());
        let (pass, lacks) = (Verdict::Pass, Verdict::Unsupported);
        let both = [report("tmpfs", pass, &["slow"]), report("xfs", lacks, &["slow", "no mkfs.xfs"])];
        let whole = merged(&victim, both.to_vec());
        assert_eq!((whole.verdict, whole.trials), (Verdict::Unsupported, 10));
        assert_eq!(whole.not_examined, ["slow", "xfs: no mkfs.xfs"]);
        assert_eq!(whole.file_systems, [("tmpfs", pass), ("xfs", lacks)]);
        let passed = merged(&victim, vec![report("tmpfs", pass, &[]), report("ext4", pass, &[])]);
        assert_eq!(passed.verdict, pass);
    }
}
