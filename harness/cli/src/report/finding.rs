//! How a finding looks: its timeline as the source text, the step that broke the rule marked in it.

use crate::output::wrap;
use crate::{files, output};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use linkbait::{Finding, Report};
use std::ops::Range;

/// Timelines up to this length are shown whole.
const SHOWN_WHOLE: usize = 16;

/// What stands left of a line, and the gap before a label.
const GUTTER: usize = 4;

/// Calls that look at a name and change nothing.
const LOOKS: [&str; 9] =
    ["stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"];

/// One step in the text of the steps.
struct Step<'t> {
    number: Option<usize>,
    actor: &'t str,
    what: &'t str,
    span: Range<usize>,
    /// Of the whole line.
    length: usize,
}

pub(crate) fn draw(report: &Report, number: usize, finding: &Finding, width: usize) -> String {
    let rule = linkbait::rules::rule(finding.rule);
    let head = "error[]: ".len() + finding.rule.len();
    let title = format!("{} {}", output::line(&report.name), rule.map_or("broke a rule", |rule| rule.title));
    let file = files::replay_path(&report.name, number, finding.rule);
    let (text, first) = steps_of(&finding.timeline);
    let steps = parse(&text);
    let broken = finding.step.and_then(|n| steps.iter().position(|s| s.number == Some(n)));
    let broken = broken.unwrap_or(steps.len().saturating_sub(1));
    let message = output::line(&finding.message);
    let fits = |step: &Step<'_>, label: &str| GUTTER + step.length + label.chars().count() <= width;
    let snippet = Snippet::source(text.as_str()).path(&file).line_start(first).line_numbering(false);
    let mut marks = Vec::new();
    for (kind, step, label) in annotations(&steps, broken, &message) {
        let label = Some(label).filter(|label| fits(step, label));
        marks.push(kind.span(step.span.clone()).label(label.map(str::to_owned)));
    }
    let mut group = Level::ERROR
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
    let names = names_of(&finding.timeline, &text);
    let timing = timing(finding).map(str::to_owned);
    let notes = names.into_iter().chain(timing).chain([
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

/// The steps of a timeline and the number of their first line in it.
fn steps_of(timeline: &str) -> (String, usize) {
    let is_step = |line: &str| line.starts_with(' ') && !line.trim_start().starts_with('!');
    let first = timeline.lines().position(is_step).unwrap_or(0);
    let steps: Vec<String> = timeline.lines().skip(first).filter(|l| is_step(l)).map(output::line).collect();
    (steps.join("\n"), first + 1)
}

/// What the numbered names in the steps stood for.
fn names_of(timeline: &str, steps: &str) -> Option<String> {
    let names = timeline.lines().find_map(|line| line.strip_prefix("names"))?.trim();
    let used = names.split("  ").filter(|name| steps.contains(name.split(" = ").next().unwrap_or_default()));
    let used: Vec<String> = used.map(output::line).collect();
    (!used.is_empty()).then(|| format!("in this trial {}", used.join(", ")))
}

fn how_found(report: &Report, finding: &Finding) -> String {
    let depth = match report.unreached {
        0 => format!("depth {} complete", report.depth),
        missed => format!("depth {} incomplete, {missed} not tried", report.depth),
    };
    let (attacker, umask, place) = (finding.attacker, finding.umask, finding.file_system);
    if finding.trial == 0 {
        return format!("sampled with attacker {attacker}, umask {umask:03o}, on {place}; not exhaustive");
    }
    let kind = if finding.suspicion { "suspected" } else { "found" };
    format!(
        "{kind} after {} of {} trials with attacker {attacker}, umask {umask:03o}, on {place}; {depth}",
        finding.trial, report.trials
    )
}

/// Whether the attacker has to win a race.
fn timing(finding: &Finding) -> Option<&'static str> {
    match finding.schedule.acts.as_slice() {
        [] => None,
        _ if finding.raced => Some("a race: the attacker has to act between two calls"),
        _ => Some("no race: the attacker can act before the start"),
    }
}

/// What is marked, and what is said there.
fn annotations<'s, 't>(
    steps: &'s [Step<'t>],
    broken: usize,
    message: &'s str,
) -> Vec<(AnnotationKind, &'s Step<'t>, &'s str)> {
    let mut all = Vec::new();
    for step in steps.iter().filter(|step| step.actor == "attacker") {
        let planted = step.what.starts_with("plant") || step.what.starts_with("take-names ");
        all.push((AnnotationKind::Context, step, if planted { "planted here" } else { "changed here" }));
    }
    all.extend(last_look(steps, broken).map(|step| (AnnotationKind::Context, step, "checked here")));
    all.extend(steps.get(broken).map(|step| (AnnotationKind::Primary, step, message)));
    all
}

fn parse(text: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let rest = line.trim_start();
        let number = rest.split(' ').next().and_then(|word| word.parse().ok());
        let rest =
            if number.is_some() { rest.trim_start_matches(|c: char| c.is_ascii_digit()) } else { rest };
        let (actor, what) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        let what = what.trim_start();
        let end = start + line.len();
        steps.push(Step { number, actor, what, span: end - what.len()..end, length: line.chars().count() });
        start = end + 1;
    }
    steps
}

/// The victim's last look, before the step that broke the rule, at the path of that step.
fn last_look<'s, 't>(steps: &'s [Step<'t>], broken: usize) -> Option<&'s Step<'t>> {
    let path = |step: &Step<'t>| step.what.split('"').nth(1);
    let call = |step: &Step<'t>| step.what.split('(').next().unwrap_or_default();
    let at = path(steps.get(broken)?)?;
    let before = steps[..broken].iter().rev();
    before
        .into_iter()
        .find(|s| s.actor.starts_with("victim") && path(s) == Some(at) && LOOKS.contains(&call(s)))
}
