//! The timeline of a finding as two lanes: the victim on the left, who interferes on the right, and between them the window
//! that the attacker has.

use super::Text;
use crate::report::steps::{self, Step};
use linkbait::Finding;
use maud::{Markup, html};
use std::ops::Range;

/// Steps in a row that nothing is said of are folded when there are more of them than this.
const PLAIN: usize = 8;

/// How many of them stay on either side.
const CONTEXT: usize = 2;

/// Folded steps that are there at all; the replay file has all.
const MOST: usize = 200;

/// A timeline that is ready to be drawn.
struct Drawn<'t> {
    steps: Vec<Step<'t>>,
    broken: usize,
    marks: Vec<(usize, &'static str)>,
    window: Option<Range<usize>>,
    message: &'t str,
    raced: bool,
}

pub(super) fn lanes(finding: &Finding) -> Markup {
    let (text, _) = steps::steps_of(&finding.timeline);
    let steps = steps::parse(&text);
    let broken = steps::broken(&steps, finding);
    let marks = steps::marks(&steps, broken);
    let window = steps::window(&steps, broken, finding.raced);
    let drawn = Drawn { broken, marks, window, message: &finding.message, raced: finding.raced, steps };
    let other = match () {
        () if finding.schedule.second => Some("second copy"),
        () if drawn.steps.iter().any(|step| lane(step) != "victim") => Some("attacker"),
        () => None,
    };
    html! {
        @if let Some(other) = other { div.heads aria-hidden="true" { span { "victim" } span { (other) } } }
        ol.lanes role="list" {
            @for run in drawn.runs() {
                @if drawn.is_folded(&run) { (drawn.folded(run)) } @else { @for at in run { (drawn.step(at)) } }
            }
        }
    }
}

impl Drawn<'_> {
    fn is_plain(&self, at: usize) -> bool {
        let marked = self.marks.iter().any(|(marked, _)| *marked == at);
        let edge = self.window.as_ref().is_some_and(|window| at == window.start || at == window.end);
        let by_victim = self.steps[at].actor.starts_with("victim") && self.steps[at].number.is_some();
        by_victim && !marked && !edge && at != self.broken
    }

    /// The steps, cut where what can be folded begins and ends.
    fn runs(&self) -> Vec<Range<usize>> {
        let near = |at: usize| {
            let around = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(self.steps.len());
            around.into_iter().any(|near| !self.is_plain(near))
        };
        let mut runs: Vec<Range<usize>> = Vec::new();
        for at in 0..self.steps.len() {
            match runs.last_mut().filter(|_| at > 0 && near(at) == near(at - 1)) {
                Some(run) => run.end = at + 1,
                None => runs.push(at..at + 1),
            }
        }
        runs
    }

    fn is_folded(&self, run: &Range<usize>) -> bool {
        run.len() > PLAIN && run.clone().all(|at| self.is_plain(at))
    }

    fn folded(&self, run: Range<usize>) -> Markup {
        let (shown, left) = (run.len().min(MOST), run.len().saturating_sub(MOST));
        let inside = self.window.as_ref().is_some_and(|window| window.contains(&run.start));
        html! {
            li.fold.window[inside] {
                details {
                    summary { (run.len()) " more steps of the victim" }
                    ol.lanes role="list" { @for at in run.take(shown) { (self.step(at)) } }
                    @if left > 0 { p.muted { (left) " more are in the replay file" } }
                }
            }
        }
    }

    fn step(&self, at: usize) -> Markup {
        let step = &self.steps[at];
        let inside = self.window.as_ref().is_some_and(|window| window.contains(&at));
        let is_edge = |edge: fn(&Range<usize>) -> usize| self.window.as_ref().is_some_and(|w| edge(w) == at);
        let label = self.marks.iter().find(|(marked, _)| *marked == at).map(|(_, label)| *label);
        html! {
            @if is_edge(|window| window.start) {
                li.edge.opens {
                    @if self.raced { "the attacker's window opens" }
                    @else { "the attacker's window: open before the victim starts" }
                }
            }
            @if is_edge(|window| window.end) { li.edge.closes { "the window closes" } }
            li.step.(lane(step)).window[inside].broken[at == self.broken] {
                span.number { @if let Some(number) = step.number { (number) } }
                div {
                    span.who { (Text(step.actor)) } " "
                    code { (Text(step.what)) }
                    @if let Some(label) = label.filter(|_| at != self.broken) { " " em { (label) } }
                    @if at == self.broken { " " strong { (Text(self.message)) } }
                }
            }
        }
    }
}

/// Whose step it is: the victim's, or of what interferes.
fn lane(step: &Step<'_>) -> &'static str {
    if step.actor.starts_with("victim") { "victim" } else { "attacker" }
}
