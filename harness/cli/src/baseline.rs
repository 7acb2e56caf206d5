//! `--baseline`: an earlier report to compare with. Which findings are new, which are the same, which are gone; only new ones
//! decide on the exit code.

use crate::args::Usage;
use crate::files;
use crate::output::{self, counted};
use crate::report::{Run, finger};
use linkbait::Verdict;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What is looked at in an earlier report, of whatever version of linkbait.
#[derive(Deserialize)]
struct Document {
    schema: String,
    victims: Vec<Victim>,
}

#[derive(Deserialize)]
struct Victim {
    name: String,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
    attacker: String,
    label: String,
    message: String,
    /// It is known only as long as it is ignored.
    #[serde(default)]
    ignored: Option<serde::de::IgnoredAny>,
}

pub(crate) struct Baseline {
    file: PathBuf,
    /// Each finding by its fingerprint.
    known: BTreeMap<String, Known>,
}

struct Known {
    victim: String,
    rule: String,
    attacker: String,
    told: String,
}

/// What came of a comparison.
pub(crate) struct Compared {
    file: PathBuf,
    new: Vec<String>,
    same: usize,
    ignored: usize,
    gone: Vec<String>,
    /// Those of victims that were not judged this time, or not whole, or without that rule or attacker.
    open: Vec<String>,
}

impl Baseline {
    pub(crate) fn read(file: &Path) -> anyhow::Result<Baseline> {
        let text = files::read(file, "name a JSON report of an earlier run")?;
        let document: Document = serde_json::from_str(&text)
            .map_err(|e| Usage(format!("{file:?}: it is no JSON report of linkbait: {e}")))?;
        if document.schema != "linkbait-report/1" {
            return Err(Usage(format!(
                "{file:?}: schema {:?} is not \"linkbait-report/1\"",
                document.schema
            ))
            .into());
        }
        let mut known = BTreeMap::new();
        for Victim { name, findings } in document.victims {
            let counted = findings.into_iter().filter(|finding| finding.ignored.is_none());
            for Finding { rule, attacker, label, message, .. } in counted {
                let told = line(&name, &rule, &message);
                let print = finger::of(&name, &rule, &attacker, &label);
                known.insert(print, Known { victim: name.clone(), rule, attacker, told });
            }
        }
        Ok(Baseline { file: file.to_path_buf(), known })
    }

    pub(crate) fn compare(&self, run: &Run) -> Compared {
        let whole = |verdict| matches!(verdict, Verdict::Pass | Verdict::Fail);
        let judged: BTreeSet<&str> =
            run.judged.iter().filter(|j| whole(j.report.verdict)).map(|j| j.report.name.as_str()).collect();
        let mut now = BTreeSet::new();
        let mut compared = Compared {
            file: self.file.clone(),
            new: Vec::new(),
            same: 0,
            ignored: 0,
            gone: Vec::new(),
            open: Vec::new(),
        };
        for judged in &run.judged {
            let name = &judged.report.name;
            for (number, finding) in judged.report.findings.iter().enumerate() {
                let print = finger::print(name, finding);
                match self.known.contains_key(&print) {
                    _ if judged.ignored(number).is_some() => compared.ignored += 1,
                    true => compared.same += 1,
                    false => compared.new.push(line(name, finding.rule, &finding.message)),
                }
                now.insert(print);
            }
        }
        for (_, known) in self.known.iter().filter(|(print, _)| !now.contains(*print)) {
            let again =
                judged.contains(known.victim.as_str()) && run.settings.ask(&known.rule, &known.attacker);
            let list = if again { &mut compared.gone } else { &mut compared.open };
            list.push(known.told.clone());
        }
        compared
    }
}

fn line(victim: &str, rule: &str, message: &str) -> String {
    output::line(&format!("{victim}: {rule}: {message}"))
}

impl Compared {
    pub(crate) fn has_new(&self) -> bool {
        !self.new.is_empty()
    }

    /// What is said below a report.
    pub(crate) fn tell(&self) -> String {
        let Compared { file, new, same, ignored, gone, open } = self;
        let (total, gone_count) = (counted(new.len(), "new finding"), gone.len());
        let mut out = format!("\ncompared with {file:?}: {total}, {same} the same, {gone_count} gone");
        if *ignored > 0 {
            let _ = write!(out, ", {ignored} ignored");
        }
        if !open.is_empty() {
            let _ = write!(out, ", {} not judged again", open.len());
        }
        out.push('\n');
        for (mark, lines) in [("new", new), ("gone", gone), ("not judged", open)] {
            for line in lines {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "  {mark}: {line}");
            }
        }
        out
    }
}
