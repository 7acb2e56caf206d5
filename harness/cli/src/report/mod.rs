//! The report on a run, in each of its forms. Owns what both are made from.

mod alone;
mod below;
mod by_line;
mod card;
mod finding;
pub(crate) mod finger;
mod github;
mod html;
pub(crate) mod json;
mod junit;
mod list;
pub(crate) mod markdown;
pub(crate) mod origin;
mod phases;
pub(crate) mod read;
mod sarif;
mod scorecard;
mod steps;
mod told;

use crate::config::ignore::Ignore;
use crate::crew::Judged;
use crate::{files, output};
use linkbait::{Ending, Finding, Verdict};
use origin::{Environment, Part, Settings};
use std::path::Path;

/// Everything that a report tells.
pub(crate) struct Run {
    pub(crate) environment: Environment,
    pub(crate) settings: Settings,
    /// The shard that this is, if it is not on all victims.
    pub(crate) part: Option<Part>,
    pub(crate) judged: Vec<Judged>,
    /// How many victims were to be judged.
    pub(crate) asked: usize,
    /// How many slow ones were not, because nobody named them.
    pub(crate) left_out: usize,
    /// There may be more than these: they were named, or others were left out.
    pub(crate) narrowed: bool,
    /// What was to be ignored.
    pub(crate) ignores: Vec<Ignore>,
    /// What there is beside the victims and was not examined, a sentence each.
    pub(crate) aside: Vec<String>,
}

impl Run {
    /// Says that this is a part, if it is.
    pub(crate) fn of_a_part(&self) -> Option<String> {
        let Part { shard, of, .. } = self.part.as_ref()?;
        let (k, n, here, all) = (shard.k, shard.n, self.asked, output::counted(of.len(), "victim"));
        Some(format!("shard {k} of {n}: {here} of {all}; `linkbait merge` makes one report of all shards"))
    }

    /// True when the user ended it early.
    pub(crate) fn is_partial(&self) -> bool {
        self.judged.len() < self.asked
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.judged.iter().filter(|j| j.report.verdict == verdict).count()
    }

    /// How many findings there are, and how many of them are ignored.
    pub(crate) fn findings(&self) -> (usize, usize) {
        let all = self.judged.iter().map(|judged| judged.report.findings.len()).sum();
        (all, self.judged.iter().flat_map(|judged| &judged.ignored).flatten().count())
    }
}

/// More findings than this are listed a line each; as drawings nobody would read them.
const FEW: usize = 5;

/// The findings, then the scorecard, so that the scorecard is what stays on the screen. With `drawn` every finding is
/// drawn, however many there are.
pub(crate) fn text(run: &Run, drawn: bool) -> String {
    let width = output::width();
    let (count, _) = run.findings();
    let findings = match count {
        0 => String::new(),
        _ if drawn || count <= FEW => draw_all(run, width),
        _ => list::render(run, count, width),
    };
    findings + &by_line::render(run, width) + &alone::render(run, width) + &scorecard::render(run, width)
}

/// The report as one file for a browser.
pub(crate) fn page(run: &Run) -> String {
    html::render(run)
}

/// For code scanning.
pub(crate) fn in_sarif(run: &Run) -> anyhow::Result<String> {
    sarif::render(run)
}

/// For what shows results of tests.
pub(crate) fn in_junit(run: &Run) -> anyhow::Result<String> {
    junit::render(run)
}

/// As commands of a workflow.
pub(crate) fn for_github(run: &Run) -> String {
    github::render(run)
}

/// The scorecard as Markdown.
pub(crate) fn in_markdown(run: &Run) -> String {
    markdown::render(run)
}

/// Every rule after every phase, as Markdown.
pub(crate) fn by_phase(run: &Run) -> String {
    phases::render(run)
}

/// Where a finding is to be shown in a file: at its line of source, where that is known and below the working directory, or else at its
/// step in the timeline.
fn place(judged: &Judged, number: usize, finding: &Finding) -> (String, usize) {
    let at = judged.sources.get(number).and_then(|source| source.at.as_ref());
    let known = at.and_then(|frame| Some((frame.file.clone()?, frame.line? as usize)));
    known.filter(|(file, line)| Path::new(file).is_relative() && *line > 0).unwrap_or_else(|| {
        let (text, first) = steps::steps_of(&finding.timeline);
        let step = steps::broken(&steps::parse(&text), finding);
        (files::replay_path(&judged.report.name, number, finding.rule), first + step)
    })
}

/// How a program ended, as part of a sentence, which `read::ending` understands.
fn how_ended(ending: &Ending) -> String {
    match ending {
        Ending::Success => "ended with status 0".to_owned(),
        Ending::Error(code) => format!("ended with status {}", code.trim_start_matches("exit_")),
        Ending::Signal(number) => format!("was killed by signal {number}"),
        Ending::Panic { .. } => "panicked".to_owned(),
        Ending::Hung => "did not end".to_owned(),
    }
}

fn draw_all(run: &Run, width: usize) -> String {
    let mut text = String::new();
    for judged in &run.judged {
        for (number, found) in judged.report.findings.iter().enumerate() {
            text.push_str(&finding::draw(judged, number, found, width));
            text.push_str("\n\n");
        }
    }
    text
}
