//! What stood in the arena before and after the step that broke a rule, side by side.

use super::Text;
use linkbait::{Finding, Kind, Owner, Scene, Thing};
use maud::{Markup, html};
use std::collections::BTreeSet;

pub(super) fn trees(finding: &Finding) -> Markup {
    let (before, after) = (&finding.before, &finding.after);
    let paths: BTreeSet<&str> =
        before.things.iter().chain(&after.things).map(|thing| thing.path.as_str()).collect();
    let moment = match finding.step {
        Some(step) => format!("step {step}"),
        None => "the trial".to_owned(),
    };
    html! {
        @if !paths.is_empty() {
            table.trees {
                caption { "The files before and after " (moment) }
                thead { tr { th scope="col" { "path" } th scope="col" { "before" } th scope="col" { "after" } } }
                tbody { @for path in paths { (row(path, at(before, path), at(after, path))) } }
            }
            @if before.more.max(after.more) > 0 {
                p.muted { (before.more) " more before, " (after.more) " more after." }
            }
        }
    }
}

fn at<'s>(scene: &'s Scene, path: &str) -> Option<&'s Thing> {
    scene.things.iter().find(|thing| thing.path == path)
}

fn row(path: &str, before: Option<&Thing>, after: Option<&Thing>) -> Markup {
    let changed = match (before, after) {
        (None, Some(_)) => Some("new"),
        (Some(_), None) => Some("gone"),
        (before, after) => (before != after).then_some("changed"),
    };
    html! {
        tr.changed[changed.is_some()] {
            th scope="row" { code { (Text(path)) } @if let Some(word) = changed { " " span.change { (word) } } }
            td { (state(before)) }
            td { (state(after)) }
        }
    }
}

fn state(thing: Option<&Thing>) -> Markup {
    let Some(thing) = thing else { return html! { span.muted { "not there" } } };
    let hard = thing.kind == Kind::File;
    html! {
        (thing.kind.name()) " "
        @if thing.kind != Kind::Symlink { code { (format!("{:04o}", thing.mode)) } ", " }
        @if let Some(size) = thing.size { (size) " bytes, " }
        (owner(thing.owner))
        @if let Some(target) = &thing.target {
            @if hard { ", the same as " } @else { ", to " }
            code { (Text(target)) }
        }
    }
}

fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::Stage => "there from the start",
        Owner::Victim => "made by the victim",
        Owner::Second => "made by the second copy",
        Owner::Attacker => "made by the attacker",
    }
}
