//! The fuzz target without a fuzzer: what it says of a few inputs, and that it can fail.

use linkbait::fuzz::{Plan, Target};
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::catch_unwind;
use std::path::Path;

/// One plant at each of the first stops, with each bait, by each attacker under each umask.
fn inputs() -> Vec<Vec<u8>> {
    let plan = |stop, bait| Plan { stop, bait, ..Plan::default() }.bytes();
    let plans = (0..6).flat_map(|stop| (0..10).map(move |bait| plan(stop, bait)));
    plans.flat_map(|plan| (0..4).map(move |choice| [&[choice], plan.as_slice()].concat())).collect()
}

/// How many inputs come to an attack that happens, and how many of those break a rule.
fn tried(target: &Target) -> (usize, usize) {
    let tried = inputs().into_iter().map(|input| target.try_bytes(&input).expect("this machine can judge"));
    let landed: Vec<_> = tried.filter(|tried| tried.landed).collect();
    (landed.len(), landed.iter().filter(|tried| !tried.findings.is_empty()).count())
}

/// Writes beside the file, as `save` does, but at a name that everybody knows.
fn save_carelessly(file: &Path, settings: &str) -> io::Result<()> {
    let beside = file.with_extension("new");
    File::create(&beside)?.write_all(settings.as_bytes())?;
    fs::rename(beside, file)
}

#[test]
fn no_input_breaks_what_the_library_does() {
    inputs().iter().for_each(|input| settings_fuzz::save(input));
    let (landed, broken) = tried(&settings_fuzz::attacked(settings::save));
    assert!(landed > 0 && broken == 0, "{landed} attacks, {broken} of them successful");
}

#[test]
fn some_of_the_inputs_break_a_careless_library() {
    let careless = settings_fuzz::attacked(save_carelessly);
    let (landed, broken) = tried(&careless);
    assert!(broken > 0, "{landed} attacks, all without success");
    let breaks = |input: &&Vec<u8>| careless.try_bytes(input).is_ok_and(|tried| !tried.findings.is_empty());
    let inputs = inputs();
    let one = inputs.iter().find(breaks).expect("it was broken before");
    let attack = || settings_fuzz::attacked(save_carelessly).attack(one);
    assert!(catch_unwind(attack).is_err(), "the target passes what broke a rule");
}
