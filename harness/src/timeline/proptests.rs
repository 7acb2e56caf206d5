//! Timelines are read back as they were written, whatever victims and names are called, and no text makes the
//! readers panic.

#![cfg(test)]

use super::{Head, MAGIC, Timeline, render, steps};
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::determinism::{Determinism, Level};
use crate::ending::Ending;
use crate::evidence::Evidence;
use crate::explore::key_of;
use crate::schedule::{Act, Does, Schedule};
use crate::testing::{kept, runner, some_move};
use crate::world::Outcome;
use crate::world::calls::WATCHED;
use crate::world::labels::Labels;
use crate::world::stop::Stop;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;
use std::cell::Cell;

/// What could be taken for a part of the format.
const HOSTILE: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"\\x41",
    b"\\n",
    b"\n",
    b"\r",
    b"\x1b[31m",
    b"\xff\xfe",
    b"<1>",
    b"<pid>",
    b"<",
    b"(",
    b"), ",
    b" = EEXIST",
    b" -> ",
    b"  ",
    b" ",
    b"\t",
    b"  ! ",
    b"victim    ",
    b"\xe2\x80\xa8",
    b"\xc3\xa9",
    b"app",
    b".log",
];

fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![4 => select(&HOSTILE).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 1..4)];
    vec(part, 1..5).prop_map(|parts| parts.concat())
}

/// A name that a file can have, up to 255 bytes.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let own_pid = std::process::id().to_string().into_bytes();
    let long = hostile().prop_map(|part| part.iter().copied().cycle().take(255).collect());
    let name = prop_oneof![8 => hostile(), 2 => Just(b"app.log".to_vec()), 1 => long, 1 => Just(own_pid)];
    name.prop_map(|mut name: Vec<u8>| {
        name.iter_mut().filter(|b| matches!(b, b'/' | 0)).for_each(|b| *b = b'_');
        if matches!(name.as_slice(), b"." | b"..") { b"dots".to_vec() } else { name }
    })
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    let top = select(vec![&b"shared"[..], b"shared", b"shared", b"outside", b"private"]);
    (top, vec(name(), 0..3)).prop_map(|(top, names)| [vec![top.to_vec()], names].concat().join(&b'/'))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<i64>().prop_map(Outcome::Value),
        any::<u32>().prop_map(|number| Outcome::Descriptor(number, Default::default())),
        (1..140i32).prop_map(Outcome::Failed),
        Just(Outcome::Blocks),
        Just(Outcome::Unknown),
    ]
}

/// A call, and the moves made right before it at names on its first path.
#[derive(Clone, Debug)]
struct Moment {
    sys: Index,
    second: bool,
    task: u16,
    paths: Vec<Vec<u8>>,
    numbers: (u32, u32, u64),
    outcome: Outcome,
    moves: Vec<(Move, Outcome)>,
    /// The other copy goes on before the call: and this one is never made, or later.
    switch: Option<bool>,
    /// A copy waits after it, or ends.
    after: Option<(bool, Option<Ending>)>,
}

fn moment() -> impl Strategy<Value = Moment> {
    let moves = vec((some_move(Just(String::new())), outcome()), 0..3);
    let call = (any::<Index>(), any::<bool>(), 0..256u16, vec(path(), 0..=2), any::<(u32, u32, u64)>());
    let turns =
        (option::weighted(0.2, any::<bool>()), option::weighted(0.2, (any::<bool>(), option::of(ending()))));
    (call, outcome(), moves, turns).prop_map(
        |((sys, second, task, paths, numbers), outcome, moves, turns)| {
            let (switch, after) = turns;
            Moment { sys, second, task, paths, numbers, outcome, moves, switch, after }
        },
    )
}

fn text() -> impl Strategy<Value = String> {
    hostile().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Success),
        text().prop_map(Ending::Error),
        text().prop_map(|message| Ending::Panic { message, in_drop: true }),
        Just(Ending::Hung),
    ]
}

/// All that a timeline is made of.
#[derive(Clone, Debug)]
struct Trial {
    head: Head,
    moments: Vec<Moment>,
    /// Two copies ran.
    second: bool,
    ending: Ending,
    /// Which of the names stay the same in every run.
    known: Vec<Index>,
    messages: Vec<String>,
}

fn trial() -> impl Strategy<Value = Trial> {
    let system = select(vec!["tmpfs", "ext4", "overlay", "unknown"]).prop_map(str::to_owned);
    let victim = prop_oneof![text(), Just("create-new".to_owned()), Just(String::new())];
    let determinism = prop_oneof![
        Just(Determinism::OFF),
        any::<u64>().prop_map(|seed| Determinism { level: Level::Random, seed }),
        any::<u64>().prop_map(|seed| Determinism { level: Level::Full, seed }),
    ];
    let head = (victim, select(&Class::ALL), 0..=0o7777u32, system, determinism).prop_map(
        |(victim, class, umask, file_system, determinism)| Head {
            victim,
            class,
            umask,
            file_system,
            determinism,
        },
    );
    (head, vec(moment(), 0..6), any::<bool>(), ending(), vec(any::<Index>(), 0..6), vec(text(), 0..3))
        .prop_map(|(head, moments, second, ending, known, messages)| Trial {
            head,
            moments,
            second,
            ending,
            known,
            messages,
        })
}

/// What was written, as it should be read.
struct Written {
    text: String,
    schedule: Schedule,
    broken: Vec<(String, String)>,
    steps: Vec<String>,
}

fn labels_of(trial: &Trial) -> Labels {
    let names = trial.moments.iter().flat_map(|m| &m.paths).flat_map(|p| p.split(|&b| b == b'/').skip(1));
    let names: Vec<Vec<u8>> = names.map(<[u8]>::to_vec).collect();
    let mut labels = Labels::default();
    if !names.is_empty() {
        labels.know(trial.known.iter().map(|at| at.get(&names).clone()).collect());
    }
    labels
}

/// Notes a moment as a trial does: its moves first, then the call before which they were made.
fn note(moment: &Moment, evidence: &mut Evidence, labels: &mut Labels, schedule: &mut Schedule) {
    let mut stop = Stop::made_up(moment.sys.get(WATCHED), moment.task, &moment.paths);
    (stop.flags, stop.mode, stop.length) = moment.numbers;
    stop.second = moment.second;
    let path = moment.paths.first().map_or(&b"shared"[..], Vec::as_slice);
    let mut label = Vec::new();
    labels.label(path, &mut label);
    let target = String::from_utf8(label).expect("labels are text");
    for (at, (_, outcome)) in moment.moves.iter().enumerate() {
        evidence.note_move(schedule.acts.len() + at, path);
        evidence.note_outcome(*outcome);
    }
    evidence.note_call(&stop, labels);
    evidence.note_outcome(moment.outcome);
    let at = evidence.calls().last().map(|(_, call)| key_of(evidence, call)).expect("a call was noted");
    let acts = moment.moves.iter().map(|(does, _)| Move { target: target.clone(), ..does.clone() });
    schedule.acts.extend(acts.map(|does| Act { at: at.clone(), does: does.into() }));
    if let Some(goes_on) = moment.switch {
        evidence.steps.pop();
        evidence.note_switch(schedule.acts.len());
        schedule.acts.push(Act { at, does: Does::Switch });
        if goes_on {
            evidence.note_call(&stop, labels);
        }
    }
    match &moment.after {
        Some((second, Some(ending))) => evidence.note_end(*second, ending.clone()),
        Some((second, None)) => evidence.note_wait(*second),
        None => {}
    }
}

fn write(trial: &Trial) -> Written {
    let (mut evidence, mut schedule) = (Evidence::default(), Schedule::default());
    let mut labels = labels_of(trial);
    schedule.second = trial.second;
    trial.moments.iter().for_each(|moment| note(moment, &mut evidence, &mut labels, &mut schedule));
    evidence.ending = trial.ending.clone();
    let paths: Vec<String> = evidence.calls().map(|(_, call)| evidence.label(call).to_owned()).collect();
    let broken: Vec<(String, String)> = paths.into_iter().map(|path| ("leftover".to_owned(), path)).collect();
    let message = |at: usize| trial.messages.get(at).cloned().unwrap_or_default();
    let lines: Vec<String> = broken
        .iter()
        .enumerate()
        .map(|(at, (rule, path))| format!("{rule}  {path}  {}   CWE-59 CWE-367", message(at)))
        .collect();
    let names: Vec<String> = labels.fresh().map(|name| name.escape_ascii().to_string()).collect();
    let text = render(&trial.head, &evidence, &schedule, &names, &lines);
    Written { text, steps: steps(&evidence, &schedule), schedule, broken }
}

fn reads_back(trial: &Trial) -> TestCaseResult {
    let written = write(trial);
    let read = Timeline::parse(&written.text)
        .map_err(|error| TestCaseError::fail(format!("{error}\n{}", written.text)))?;
    prop_assert_eq!(&read.head, &trial.head, "{}", written.text);
    prop_assert_eq!(&read.schedule, &written.schedule, "{}", written.text);
    prop_assert_eq!(&read.broken, &written.broken, "{}", written.text);
    prop_assert_eq!(&read.steps, &written.steps, "{}", written.text);
    Ok(())
}

#[test]
fn every_timeline_reads_back_as_written() {
    let result = runner(400, kept!("timelines.txt")).run(&trial(), |trial| reads_back(&trial));
    result.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn every_path_comes_back_from_its_label_in_a_move() {
    let paths = (path(), any::<bool>(), select(&Verb::ALL), select(&Bait::ALL));
    let result = runner(1000, kept!("labels.txt")).run(&paths, |(path, known, verb, bait)| {
        let mut labels = Labels::default();
        labels.know(path.split(|&b| b == b'/').filter(|_| known).map(<[u8]>::to_vec).collect());
        let (mut label, mut back) = (Vec::new(), Vec::new());
        labels.label(&path, &mut label);
        let target = String::from_utf8(label).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let bait = if verb.needs_bait() { bait } else { Bait::Link };
        let act = Move { verb, bait, target };
        let read = Move::parse(&act.to_string());
        prop_assert_eq!(read.as_ref(), Some(&act));
        prop_assert!(labels.resolve(&act.target, &mut back));
        prop_assert_eq!(back, path);
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn a_timeline_that_lost_a_line_is_not_taken_for_the_one_written() {
    let lost = runner(100, None).run(&trial(), |trial| {
        let written = write(&trial);
        let end = written.text.trim_end().rfind('\n').unwrap_or(0);
        let read = Timeline::parse(&written.text[..end]);
        prop_assert!(read.is_ok_and(|read| read.steps == written.steps && read.broken == written.broken));
        Ok(())
    });
    assert!(lost.is_err());
}

/// Text from nowhere, text of the format's own words, and timelines with a piece cut out or put in.
fn any_text() -> impl Strategy<Value = String> {
    let words = [
        MAGIC,
        "\n",
        "victim    ",
        "victim.0 ",
        "victim.65536 ",
        "second.2 ",
        "switch    second goes on, victim is held at openat(\"shared/a\") #1",
        "waits for the other",
        "    copies 2",
        "attacker  ",
        "none",
        "    umask ",
        "022",
        "    fs ",
        "tmpfs",
        "\n  1 ",
        "\n4294967296 ",
        "openat(",
        "\"",
        "shared/<1>",
        ") = ",
        "plant ",
        "symlink ",
        "-> ",
        "\"outside/canary\"",
        "\n  ! ",
        "é",
        " ",
        "names     ",
        "    victim    ended",
    ];
    let word = prop_oneof![8 => select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()];
    let cut = (trial(), any::<(Index, Index)>(), text()).prop_map(|(trial, (from, to), piece)| {
        let text = write(&trial).text;
        let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        ends.push(text.len());
        let (from, to) = (*from.get(&ends), *to.get(&ends));
        // A far end before the near one cuts nothing and only puts the piece in.
        format!("{}{piece}{}", &text[..from], &text[to.max(from)..])
    });
    let whole = trial().prop_map(|trial| write(&trial).text);
    let of_words = vec(word, 0..12).prop_map(|words| format!("{MAGIC}\n{}", words.concat()));
    prop_oneof![any::<String>(), of_words, cut, whole]
}

#[test]
fn no_text_makes_the_readers_panic() {
    let (read, refused) = (Cell::new(0), Cell::new(0));
    let result = runner(600, kept!("readers.txt")).run(&any_text(), |text| {
        let cell = if Timeline::parse(&text).is_ok() { &read } else { &refused };
        cell.set(cell.get() + 1);
        text.lines().chain([text.as_str()]).for_each(|line| drop(Move::parse(line.trim_start())));
        Ok(())
    });
    result.unwrap_or_else(|e| panic!("{e}"));
    eprintln!("{} texts read, {} refused", read.get(), refused.get());
    assert!(read.get() > 60 && refused.get() > 60, "the texts do not go deep enough");
}

#[test]
fn the_texts_would_break_a_reader_that_cuts_inside_a_character() {
    let result = runner(600, None).run(&any_text(), |text| {
        prop_assert!(text.lines().all(|line| line.is_char_boundary(line.len().min(4))));
        Ok(())
    });
    assert!(result.is_err());
}
