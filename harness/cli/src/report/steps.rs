//! The steps of a timeline, read for drawing: who did what, and which of them matter for a finding. Owns no drawing.

use crate::output;
use linkbait::Finding;
use std::ops::Range;

/// Calls that look at a name and change nothing.
const LOOKS: [&str; 9] =
    ["stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"];

/// One step in the text of the steps.
pub(super) struct Step<'t> {
    pub(super) number: Option<usize>,
    pub(super) actor: &'t str,
    pub(super) what: &'t str,
    pub(super) span: Range<usize>,
    /// Of the whole line.
    pub(super) length: usize,
}

/// The steps of a timeline and the number of their first line in it.
pub(super) fn steps_of(timeline: &str) -> (String, usize) {
    let is_step = |line: &str| line.starts_with(' ') && !line.trim_start().starts_with('!');
    let first = timeline.lines().position(is_step).unwrap_or(0);
    let steps: Vec<String> = timeline.lines().skip(first).filter(|l| is_step(l)).map(output::line).collect();
    (steps.join("\n"), first + 1)
}

pub(super) fn parse(text: &str) -> Vec<Step<'_>> {
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

/// The step that broke the rule; the end where only that shows it.
pub(super) fn broken(steps: &[Step<'_>], finding: &Finding) -> usize {
    let step = finding.step.and_then(|number| steps.iter().position(|step| step.number == Some(number)));
    step.unwrap_or(steps.len().saturating_sub(1))
}

/// Steps of the attacker and the victim's last look, by their places, and what is said of them.
pub(super) fn marks(steps: &[Step<'_>], broken: usize) -> Vec<(usize, &'static str)> {
    let mut all = Vec::new();
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.actor == "attacker") {
        let planted = step.what.starts_with("plant") || step.what.starts_with("take-names ");
        all.push((at, if planted { "planted here" } else { "changed here" }));
    }
    all.extend(last_look(steps, broken).map(|at| (at, "checked here")));
    all
}

/// The victim's last look, before the step that broke the rule, at the path of that step.
fn last_look(steps: &[Step<'_>], broken: usize) -> Option<usize> {
    fn path<'t>(step: &Step<'t>) -> Option<&'t str> {
        step.what.split('"').nth(1)
    }
    let call = |step: &Step<'_>| step.what.split('(').next().is_some_and(|call| LOOKS.contains(&call));
    let at = path(steps.get(broken)?)?;
    steps[..broken].iter().rposition(|s| s.actor.starts_with("victim") && path(s) == Some(at) && call(s))
}

/// The steps between which the attacker can act, as far as this trial shows: from what comes after the victim's last look, or
/// after its last step before the first move, up to the step that broke the rule. It is open from the start where
/// nobody has to race.
pub(super) fn window(steps: &[Step<'_>], broken: usize, raced: bool) -> Option<Range<usize>> {
    let interferes = |step: &Step<'_>| ["attacker", "switch"].contains(&step.actor);
    let first = steps[..broken.min(steps.len())].iter().position(interferes)?;
    let look = last_look(steps, broken).filter(|look| *look < first).map(|look| look + 1);
    Some(if raced { look.unwrap_or(first) } else { 0 }..broken)
}
