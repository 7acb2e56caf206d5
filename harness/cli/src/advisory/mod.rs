//! Advisories: published faults as victims, once of a version that has it and once of one that has it no more. Owns what a victim file
//! says of that (`[advisory]`) and which are built in. How what is found is compared with what was published is in `compare`.

mod compare;

use crate::args::{Judging, Usage};
use crate::publish::{self, Target};
use crate::run::{self, How};
use crate::select::{Chosen, Selected};
use crate::{Exit, output, values, victim_file};
use compare::Outcome;
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;
use std::path::{Path, PathBuf};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../corpus/advisories");

/// What stands in a file for the version.
const VERSION: &str = "{version}";

/// What was published of a fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advisory {
    id: String,
    /// Its other ids.
    #[serde(default)]
    also: Vec<String>,
    title: String,
    /// Where it was published.
    source: String,
    cwe: Vec<u32>,
    /// The last version that has the fault, or one that has it.
    vulnerable: String,
    fixed: String,
}

/// As much of a victim file as says that it is one of an advisory.
#[derive(Deserialize)]
struct Head {
    name: String,
    advisory: Advisory,
}

/// A file: what was published, and the victim of each version.
struct Entry {
    advisory: Advisory,
    vulnerable: Chosen,
    fixed: Chosen,
}

impl Advisory {
    /// What a victim file says of an advisory, if it is of one.
    pub(crate) fn in_file(text: &str) -> Result<Option<Advisory>, String> {
        let has_section = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("advisory"));
        if !has_section {
            // What is wrong elsewhere is told by who reads all of it.
            return Ok(None);
        }
        let Head { name, advisory } = toml::from_str(text).map_err(|e| output::lines(&e.to_string()))?;
        match () {
            () if !name.contains(VERSION) => {
                Err(format!("name: {VERSION} was expected in it, for each version to have its own"))
            }
            () if advisory.vulnerable == advisory.fixed => {
                Err("advisory.fixed: another version than the vulnerable one was expected".to_owned())
            }
            () if !advisory.source.starts_with("https://") => {
                Err("advisory.source: where it was published was expected, as https://…".to_owned())
            }
            () if advisory.cwe.is_empty() => Err("advisory.cwe: names none".to_owned()),
            () => Ok(Some(advisory)),
        }
    }

    /// The text of the victim file of each version, the vulnerable one first.
    pub(crate) fn texts(&self, text: &str) -> [String; 2] {
        [&self.vulnerable, &self.fixed].map(|version| text.replace(VERSION, version))
    }

    fn is(&self, id: &str) -> bool {
        self.also.iter().chain([&self.id]).any(|known| known.eq_ignore_ascii_case(id))
    }
}

/// `advisories`: judges both versions of all that are built in, of those named, or of those of files, and compares.
pub(crate) fn advisories(asked: &Judging, names: &[String]) -> anyhow::Result<Exit> {
    if asked.shard.is_some() {
        let advice = "name the advisories to judge here";
        return Err(Usage(format!("--shard would part the two versions of an advisory; {advice}")).into());
    }
    let target = Target::prepare(&asked.printing)?;
    let mut told = Vec::new();
    let mut victims = Vec::new();
    for Entry { advisory, vulnerable, fixed } in select(names)? {
        let names = [&vulnerable, &fixed].map(|chosen| chosen.victim.name().to_owned());
        told.push((advisory, vulnerable.victim.expected().to_vec(), names));
        victims.extend([vulnerable, fixed]);
    }
    let (run, _) = run::judged(asked, Selected::from(victims), &How::new())?;
    let outcome = |(advisory, expected, names): (Advisory, Vec<_>, [String; 2])| {
        let judged = names.map(|name| run.judged.iter().find(|judged| judged.report.name == name));
        (advisory, compare::compare(&expected, judged))
    };
    let outcomes: Vec<(Advisory, Outcome)> = told.into_iter().map(outcome).collect();
    let lines: String = outcomes.iter().map(|(advisory, outcome)| line(advisory, outcome)).collect();
    publish::show(&run, &asked.printing, &lines, target)?;
    Ok(compare::exit(outcomes.iter().map(|(_, outcome)| outcome), asked.printing.require))
}

/// One line, whatever was found.
fn line(advisory: &Advisory, outcome: &Outcome) -> String {
    let Advisory { id, vulnerable, fixed, .. } = advisory;
    format!("{}\n", output::line(&format!("{id:22} {vulnerable} -> {fixed}: {outcome}")))
}

/// The list of those that are built in.
pub(crate) fn list() -> String {
    let line = |Entry { advisory, .. }: Entry| {
        let Advisory { id, title, vulnerable, fixed, source, .. } = advisory;
        let cwe: Vec<String> = advisory.cwe.iter().map(|number| format!("CWE-{number}")).collect();
        format!("{id:22} {vulnerable:>7} -> {fixed:7} {:16} {title}; {source}\n", cwe.join(" "))
    };
    built_in().into_iter().map(line).collect()
}

fn select(names: &[String]) -> anyhow::Result<Vec<Entry>> {
    if names.is_empty() {
        return Ok(built_in());
    }
    let mut found = Vec::new();
    for name in names {
        if victim_file::is_path(name) {
            found.extend(in_files(Path::new(name))?);
        } else if let Some(entry) = built_in().into_iter().find(|entry| entry.advisory.is(name)) {
            found.push(entry);
        } else {
            let known = built_in();
            let ids: Vec<&str> = known.iter().map(|entry| entry.advisory.id.as_str()).collect();
            let hint = values::nearest(name, &ids).unwrap_or_default();
            let advice = "`linkbait list advisories` lists them";
            return Err(Usage(format!("no advisory {}: {hint}{advice}", output::line(name))).into());
        }
    }
    Ok(found)
}

/// Those of a file or of all files below a directory.
fn in_files(named: &Path) -> anyhow::Result<Vec<Entry>> {
    let entry = |path: PathBuf| {
        let text = victim_file::text(&path)?;
        let wrong = |what: String| Usage(format!("{path:?}: {what}"));
        let advisory = Advisory::in_file(&text).map_err(wrong)?;
        let advisory =
            advisory.ok_or_else(|| wrong("a victim file with [advisory] was expected".to_owned()))?;
        Entry::of(advisory, &text, |text| victim_file::victim(&path, text))
    };
    victim_file::files(named)?.into_iter().map(entry).collect()
}

fn built_in() -> Vec<Entry> {
    let mut files: Vec<_> = FILES.entries().iter().filter_map(DirEntry::as_file).collect();
    files.sort_by_key(|file| file.path());
    let entry = |text: &str| {
        let advisory = Advisory::in_file(text)?.ok_or("it is of no advisory")?;
        Entry::of(advisory, text, |text| victim_file::parse(text, ""))
    };
    let texts = files.into_iter().map(|file| file.contents_utf8().unwrap_or_default());
    texts.map(|text| entry(text).expect("a test reads every file that is built in")).collect()
}

/// The victim of this name, of an advisory that is built in.
pub(crate) fn named(name: &str) -> Option<Chosen> {
    let victims = built_in().into_iter().flat_map(|entry| [entry.vulnerable, entry.fixed]);
    victims.into_iter().find(|chosen| chosen.victim.name() == name)
}

impl Entry {
    fn of<E>(advisory: Advisory, text: &str, read: impl Fn(&str) -> Result<Chosen, E>) -> Result<Entry, E> {
        let [vulnerable, fixed] = advisory.texts(text);
        Ok(Entry { vulnerable: read(&vulnerable)?, fixed: read(&fixed)?, advisory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = 'a {version}'\n[advisory]\nid = 'CVE-1'\nalso = ['GHSA-2']\ntitle = 'b'\n\
        source = 'https://example.org'\ncwe = [59]\nvulnerable = '1.0'\nfixed = '1.1'\n";

    #[test]
    fn a_file_of_an_advisory_is_a_victim_of_each_version() {
        let advisory = Advisory::in_file(TEXT).expect("right").expect("one");
        let [vulnerable, fixed] = advisory.texts(TEXT);
        assert!(vulnerable.starts_with("name = 'a 1.0'") && fixed.starts_with("name = 'a 1.1'"));
        assert!(advisory.is("cve-1") && advisory.is("GHSA-2") && !advisory.is("CVE-2"));
        assert!(Advisory::in_file("name = 'a'").is_ok_and(|advisory| advisory.is_none()));
    }

    #[test]
    fn what_is_wrong_in_an_advisory_is_told_by_its_key() {
        for (right, wrong, told) in [
            ("a {version}", "a", "name"),
            ("'1.1'", "'1.0'", "advisory.fixed"),
            ("https:", "http:", "advisory.source"),
            ("[59]", "[]", "advisory.cwe"),
            ("title", "titel", "titel"),
            ("id = 'CVE-1'\n", "", "`id`"),
        ] {
            let error = Advisory::in_file(&TEXT.replacen(right, wrong, 1)).expect_err(wrong);
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn every_advisory_that_is_built_in_is_read_and_says_what_it_expects() {
        for entry in built_in() {
            let victims = [&entry.vulnerable, &entry.fixed].map(|chosen| &chosen.victim);
            assert!(victims.iter().all(|victim| !victim.expected().is_empty()), "{}", entry.advisory.id);
            assert!(named(victims[0].name()).is_some() && victims[0].name() != victims[1].name());
        }
    }
}
