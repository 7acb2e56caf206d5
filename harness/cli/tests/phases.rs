//! The table of every rule after every phase is what the command makes today.

mod common;

use common::{desk, linkbait};
use std::collections::BTreeMap;
use std::io::Write;

/// How `corpus/tables/phases.md` is made, from the top of the repository, with `--output corpus/tables/phases.md`.
/// The backtrace of a panic takes long on a busy machine.
const COMMAND: [&str; 9] = [
    "run",
    "phases",
    "--faults",
    "--signals",
    "--persona=auditor",
    "--no-progress",
    "--timeout=20s",
    "--format",
    "phases",
];

/// Cells by victim, rule and phase.
type Table = BTreeMap<(String, String, String), String>;

fn table(text: &str) -> Table {
    let (mut cells, mut victim, mut phases) = (Table::new(), String::new(), Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut victim);
        }
        let Some(row) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else { continue };
        let mut columns = row.split(" | ").map(str::to_owned);
        let rule = columns.next().unwrap_or_default();
        match rule.as_str() {
            "rule" => phases = columns.collect(),
            _ => cells.extend(
                phases
                    .iter()
                    .zip(columns)
                    .map(|(at, cell)| ((victim.clone(), rule.clone(), at.clone()), cell)),
            ),
        }
    }
    cells
}

/// What a cell says whatever the version of a shell or an interpreter: those make more or fewer calls.
fn word(cell: &str) -> &str {
    cell.split(' ').next().unwrap_or_default()
}

#[test]
fn the_table_of_rules_and_phases_is_what_the_command_makes() {
    let recorded = table(include_str!("../../../corpus/tables/phases.md"));
    let desk = desk();
    let ran = linkbait(&desk, &COMMAND);
    let made = table(&String::from_utf8_lossy(&ran.stdout));
    assert!(!made.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    let in_rust: Vec<String> = linkbait_races::roster()
        .iter()
        .chain(&linkbait_races::programs())
        .flat_map(|victim| [victim.name().to_owned(), format!("{}-program", victim.name())])
        .collect();
    let unsupported =
        |name: &String| !made.iter().any(|((victim, ..), cell)| victim == name && cell != "n/a");
    let (mut wrong, mut unchecked) = (Vec::new(), Vec::new());
    for (key @ (victim, rule, phase), cell) in &recorded {
        let now = made.get(key).map_or("missing", String::as_str);
        if unsupported(victim) {
            unchecked.push(victim.clone());
        } else if now != cell && (in_rust.contains(victim) || word(now) != word(cell)) {
            wrong.push(format!("{victim}, {rule}, {phase}: {cell} in the table, {now} now"));
        }
    }
    unchecked.dedup();
    if !unchecked.is_empty() {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: {}: unsupported here", unchecked.join(", "));
    }
    let new: Vec<_> = made.keys().filter(|key| !recorded.contains_key(key)).collect();
    let again = COMMAND.join(" ");
    assert!(wrong.is_empty() && new.is_empty(), "linkbait {again}\n{}\nnew: {new:?}", wrong.join("\n"));
}

#[test]
fn the_table_speaks_of_every_rule_and_every_phase_with_trials_behind_each() {
    let recorded = table(include_str!("../../../corpus/tables/phases.md"));
    for rule in linkbait::RULES {
        let tried = recorded.iter().filter(|((_, known, _), cell)| known == rule.id && word(cell) != "n/a");
        assert!(tried.count() > 0, "{} was never tried", rule.id);
    }
    // A program that brings a signal upon itself is no part of the table.
    for phase in linkbait::rules::PHASES.iter().filter(|phase| **phase != "signal") {
        let tried = recorded.iter().filter(|((.., known), cell)| known == phase && word(cell) != "n/a");
        assert!(tried.count() > 0, "no trial ended in {phase}");
    }
}
