//! How a finding looks: its timeline as the source text, the step that broke the rule marked in it.

use super::steps::{self, Step, parse, steps_of};
use super::told::{how_found, line_of, names_of, timing};
use crate::crew::Judged;
use crate::output::wrap;
use crate::{files, output};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use linkbait::Finding;

/// Timelines up to this length are shown whole.
const SHOWN_WHOLE: usize = 16;

/// What stands left of a line, and the gap before a label.
const GUTTER: usize = 4;

pub(crate) fn draw(judged: &Judged, number: usize, finding: &Finding, width: usize) -> String {
    let (report, ignored) = (&judged.report, judged.ignored(number));
    let rule = linkbait::rules::rule(finding.rule);
    let level = if ignored.is_some() { Level::INFO.with_name("ignored") } else { Level::ERROR };
    let head = "ignored[]: ".len() + finding.rule.len();
    let title = format!("{} {}", output::line(&report.name), rule.map_or("broke a rule", |rule| rule.title));
    let file = files::replay_path(&report.name, number, finding.rule);
    let (text, first) = steps_of(&finding.timeline);
    let steps = parse(&text);
    let broken = steps::broken(&steps, finding);
    let message = output::line(&finding.message);
    let fits = |step: &Step<'_>, label: &str| GUTTER + step.length + label.chars().count() <= width;
    let snippet = Snippet::source(text.as_str()).path(&file).line_start(first).line_numbering(false);
    let mut marks = Vec::new();
    for (kind, step, label) in annotations(&steps, broken, &message) {
        let label = Some(label).filter(|label| fits(step, label));
        marks.push(kind.span(step.span.clone()).label(label.map(str::to_owned)));
    }
    let mut group = level
        .primary_title(wrap(&title, width.saturating_sub(head), 0))
        .id(finding.rule)
        .element(snippet.fold(steps.len() > SHOWN_WHOLE).annotations(marks));
    if !steps.get(broken).is_some_and(|step| fits(step, &message)) {
        group = group.element(Level::NOTE.message(wrap(&message, width.saturating_sub(9), 0)));
    }
    let mut groups = vec![group];
    if rule.is_some() {
        let help = linkbait::rules::help(finding);
        groups.push(Group::with_title(Level::HELP.secondary_title(wrap(help, width - 6, 0))));
    }
    let names = names_of(&text);
    let timing = timing(finding).map(str::to_owned);
    let why = ignored.map(|ignored| wrap(&ignored.to_string(), width - 6, 0));
    let line = judged.sources.get(number).map(|source| wrap(&line_of(finding, source), width - 6, 0));
    let notes = why.into_iter().chain(line).chain(names).chain(timing).chain([
        wrap(&how_found(report, finding), width - 6, 0),
        // Not wrapped: these are there to be copied.
        format!("replay with `linkbait replay {file}`"),
        format!("explained by `linkbait explain {}`", finding.rule),
    ]);
    groups.extend(notes.map(|note| Group::with_title(Level::NOTE.secondary_title(note))));
    // Lines that are too long are left to the terminal: cut short they would lose who does what.
    let longest = steps.iter().map(|step| step.length).max().unwrap_or(0);
    Renderer::styled().term_width(width.max(longest) + 2 * GUTTER).render(&groups)
}

/// What is marked, and what is said there.
fn annotations<'s, 't>(
    steps: &'s [Step<'t>],
    broken: usize,
    message: &'s str,
) -> Vec<(AnnotationKind, &'s Step<'t>, &'s str)> {
    let marks = steps::marks(steps, broken).into_iter();
    let mut all: Vec<_> = marks.map(|(at, label)| (AnnotationKind::Context, &steps[at], label)).collect();
    all.extend(steps.get(broken).map(|step| (AnnotationKind::Primary, step, message)));
    all
}
