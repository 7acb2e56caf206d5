//! Every part, in one round and few trials: what is measured is not looked at, that there is something is.

use linkbait::{Host, Victim};
use linkbait_benches::{PARTS, Section, Setup};

/// Small enough for a test: two victims of the roster, one round.
fn small() -> Setup {
    let _ = linkbait::prepare_to_contain();
    let wanted = |victim: &Victim| ["create-new", "check-then-create"].contains(&victim.name());
    let roster = linkbait_races::roster().into_iter().filter(wanted).collect();
    Setup { rounds: 1, trials: 200, roster, ..Setup::new(Host::detect()) }
}

fn measured(setup: &Setup, name: &str) -> Vec<Section> {
    let part = PARTS.iter().find(|part| part.name == name).expect("there is such a part");
    let sections = part.measure(setup).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    assert!(!sections.is_empty(), "{name}");
    for section in &sections {
        assert!(!section.rows.is_empty() || !section.notes.is_empty(), "{name}: {section:?}");
        let numbers = section.rows.iter().map(|row| row.amount.value());
        assert!(numbers.into_iter().all(f64::is_finite), "{name}: {section:?}");
    }
    sections
}

#[test]
fn every_part_gives_figures_or_says_why_not() {
    let setup = small();
    for part in &PARTS {
        measured(&setup, part.name);
    }
}

#[test]
fn the_promises_of_the_engine_have_rows() {
    let setup = small();
    for (name, promised) in [("stop", 3), ("trial", 3), ("memory", 4), ("roster", 1)] {
        let sections = measured(&setup, name);
        let kept = sections.iter().flat_map(|section| &section.rows).filter_map(|row| row.is_met());
        assert_eq!(kept.count(), promised, "{name}: {sections:?}");
    }
}

#[test]
fn what_takes_long_is_measured_only_when_it_is_named() {
    let named: Vec<&str> = PARTS.iter().filter(|part| part.only_named).map(|part| part.name).collect();
    assert_eq!(named, ["luck"]);
}
