//! The rules of the classes held against the kernel: it lets the other uid make exactly the moves that
//! [`permits::permits`](super::permits::permits) allows beforehand.

#![cfg(test)]

use super::permits::permits;
use super::{Bait, Move, Verb};
use crate::arena::tree::{Entry, Tree, is_below};
use crate::class::Class;
use crate::testing::{Scene, Thing, class, is_root, kept, runner, some_move, target, things};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use rustix::io::Errno;
use std::cell::Cell;

type Rule = fn(Class, &Move, &[u8], &Tree) -> bool;

/// How often the kernel said what.
#[derive(Default, Debug)]
struct Tally {
    made: Cell<u32>,
    refused: Cell<u32>,
    impossible: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

/// Why nobody at all, whatever he may, could have made this move. Only what the tree shows is a reason.
fn impossible(error: Errno, act: &Move, tree: &Tree) -> Option<&'static str> {
    let path = act.target.as_bytes();
    let entry = tree.get(path);
    let is_dir = entry.is_some_and(|e| e.is_dir());
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let all_dirs = tree.dirs_above(path).all(|dir| dir.is_dir());
    let replaces_dir = act.verb == Verb::SwapOver && is_dir;
    let reason = match error {
        Errno::EXIST => (
            matches!(act.verb, Verb::Plant | Verb::TakeNames | Verb::PlantPredicted) && entry.is_some(),
            "name is taken",
        ),
        Errno::NOENT => (entry.is_none(), "nothing stands there"),
        Errno::NOTDIR if all_dirs => (
            act.verb == Verb::SwapOver && act.bait.is_dir() && !is_dir,
            "a directory replaces none but directories",
        ),
        Errno::NOTDIR => (true, "the way leads through what is no directory"),
        Errno::ISDIR => (is_dir, "a directory is neither unlinked nor replaced by a file"),
        Errno::NOTEMPTY => (
            replaces_dir
                && tree.entries().iter().any(|e| is_below(tree.path(e), path) && tree.path(e) != path),
            "a full directory is not replaced",
        ),
        Errno::NAMETOOLONG => (name.len() > 255, "the name is too long"),
        _ => (false, ""),
    };
    Some(reason.1).filter(|_| reason.0)
}

/// Makes one move and compares what the kernel says with what the rule said before.
fn agree(rule: Rule, scene: &mut Scene, class: Class, act: &Move, tally: &Tally) -> TestCaseResult {
    let allowed =
        |bait: Bait, tree: &Tree| rule(class, &Move { bait, ..act.clone() }, act.target.as_bytes(), tree);
    let expected = allowed(act.bait, &scene.now);
    if act.bait == Bait::HardLink {
        // Made with our credentials, so the kernel is not asked; any other bait that is no directory stands for it.
        prop_assert_eq!(expected, allowed(Bait::OpenFile, &scene.now));
        return Ok(());
    }
    let mut before = Tree::default();
    before.copy_from(&scene.now);
    match scene.act(act) {
        Ok(()) => {
            count(&tally.made);
            prop_assert!(expected, "the kernel made what the rule forbids: {}", act);
        }
        Err(Errno::PERM | Errno::ACCESS) => {
            count(&tally.refused);
            prop_assert!(!expected, "the kernel refused what the rule allows: {}", act);
        }
        Err(error) => {
            count(&tally.impossible);
            let is_way = before.dirs_above(act.target.as_bytes()).all(Entry::is_dir);
            prop_assert!(is_way || !expected, "the rule leads through what is no directory: {}", act);
            prop_assert!(impossible(error, act, &before).is_some(), "{} for no reason seen: {}", error, act);
        }
    }
    Ok(())
}

fn case(rule: Rule, class: Class, things: &[Thing], moves: &[Move], tally: &Tally) -> TestCaseResult {
    let place = tempfile::tempdir()?;
    let mut scene = Scene::new(place.path(), class, true);
    things.iter().for_each(|thing| scene.put(thing));
    moves.iter().try_for_each(|act| agree(rule, &mut scene, class, act, tally))
}

/// The first disagreement between rule and kernel, if any.
fn disagreement(mut runner: TestRunner, rule: Rule, tally: &Tally) -> Option<String> {
    let cases = (class(), things(), proptest::collection::vec(some_move(target()), 1..=6));
    let result = runner.run(&cases, |(class, things, moves)| case(rule, class, &things, &moves, tally));
    result.err().map(|e| e.to_string())
}

fn needs_root() -> bool {
    if !is_root() {
        eprintln!("not checked: what the kernel lets another uid do; that takes root");
    }
    is_root()
}

#[test]
fn class_rules_agree_with_the_kernel() {
    if !needs_root() {
        return;
    }
    let tally = Tally::default();
    assert_eq!(disagreement(runner(400, kept!("class-rules.txt")), permits, &tally), None);
    let Tally { made, refused, impossible } = &tally;
    eprintln!("made {}, refused {}, impossible {}", made.get(), refused.get(), impossible.get());
    let all = made.get() + refused.get() + impossible.get();
    assert!(made.get() * 10 > all && refused.get() * 10 > all, "too few of one kind: {tally:?}");
}

#[test]
fn a_rule_that_forgets_the_sticky_bit_is_caught() {
    let forgetful: Rule = |class, act, path, tree| {
        let unlinks = act.verb == Verb::Unlink && tree.get(path).is_some_and(|e| !e.is_dir());
        unlinks || permits(class, act, path, tree)
    };
    assert!(!needs_root() || disagreement(runner(400, None), forgetful, &Tally::default()).is_some());
}

#[test]
fn a_rule_that_forbids_too_much_is_caught() {
    let timid: Rule = |class, act, path, tree| act.verb != Verb::MoveAway && permits(class, act, path, tree);
    assert!(!needs_root() || disagreement(runner(400, None), timid, &Tally::default()).is_some());
}
