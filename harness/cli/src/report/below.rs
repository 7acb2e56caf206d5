//! What stands below a scorecard, whatever it is written in: notes with the victims they are about, counts, and what a
//! clean row does not mean. No grade: it would hide which hole is open.

use super::Run;
use crate::config::ignore;
use crate::crew::When;
use crate::output::{self, counted};
use linkbait::{Report, Verdict};

/// Names of victims in one note; more are counted.
const NAMED: usize = 4;

/// What a clean row does not mean.
pub(super) const CAVEATS: [&str; 4] = [
    "A clean row says that no rule was broken in the trials made, not that the code is safe: other arguments, other inputs and \
     other machines take other ways through it.",
    "Only what was asked for was tried: these attackers, umasks and file systems, and so many acts. Errors and signals come \
     with `--faults` and `--signals`, schedules of several acts with `--depth`.",
    "The attacker acts between system calls. What happens inside of one, through mmap(2), or over the network is not seen.",
    "`n/a` and `?` are no pass: no trial could have broken a rule of the group, or not everything could be tried.",
];

/// What the words in cells mean.
pub(super) const LEGEND: &str = "pass N: each rule of the group that could be broken held in N trials or more; FAIL M/N: one was \
    broken in M of N; note M/N: something stays after SIGKILL in M of N; n/a: no trial could have broken one, or none was \
    asked for; ?: not everything could be tried.";

/// Notes and what was not examined, each once, with the victims it is about.
pub(super) fn notes(run: &Run) -> Vec<(&'static str, Vec<String>)> {
    let all: [(_, Vec<String>); 4] = [
        ("notes", section(run, |report| &report.notes)),
        ("not examined", section(run, |report| &report.not_examined)),
        ("ignores", ignore::told(run).into_iter().map(|told| told.text).collect()),
        ("left aside", run.aside.iter().map(|what| output::line(what)).collect()),
    ];
    all.into_iter().filter(|(_, notes)| !notes.is_empty()).collect()
}

fn section(run: &Run, notes_of: fn(&Report) -> &[String]) -> Vec<String> {
    let mut notes: Vec<(&str, Vec<String>)> = Vec::new();
    for report in run.judged.iter().map(|judged| &judged.report) {
        for note in notes_of(report) {
            match notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, victims)) => victims.push(output::line(&report.name)),
                None => notes.push((note, vec![output::line(&report.name)])),
            }
        }
    }
    notes.into_iter().map(|(note, victims)| told_of(&victims, note)).collect()
}

fn told_of(victims: &[String], note: &str) -> String {
    let more = victims.len().saturating_sub(NAMED);
    let shown = victims[..victims.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{shown}{more}: {}", output::line(note))
}

/// The counts, and in how far this is not the whole.
pub(super) fn totals(run: &Run) -> Vec<String> {
    let trials: u64 = run.judged.iter().map(|j| j.report.trials).sum();
    let count = |verdict| format!("{} {verdict}", run.count(verdict));
    let mut counts = vec![count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Inconclusive)];
    let rare = [Verdict::Unsupported, Verdict::NothingToAttack];
    counts.extend(rare.into_iter().filter(|verdict| run.count(*verdict) > 0).map(count));
    let (victims, counts) = (counted(run.judged.len(), "victim"), counts.join(", "));
    let mut lines = vec![format!("{victims}, {trials} trials: {counts}")];
    lines.extend(depth(run));
    if let (all, ignored @ 1..) = run.findings() {
        lines.push(format!("{ignored} of {} ignored; only the others fail a run", counted(all, "finding")));
    }
    if run.count(Verdict::NothingToAttack) > 0 {
        let why = "nothing to attack, as no call is made in a temporary directory";
        lines.push(format!("n/a: {why}; these have no row"));
    }
    let cached = run.judged.iter().filter(|judged| judged.when == When::Earlier).count();
    if cached > 0 {
        lines.push(format!("{cached} of them are results of earlier runs; --no-cache judges all anew"));
    }
    if run.is_partial() {
        let (done, asked) = (run.judged.len(), run.asked);
        lines.push(format!("interrupted: only {done} of {asked} victims were judged"));
    }
    lines.extend(run.of_a_part());
    if run.left_out > 0 {
        let slow = counted(run.left_out, "slow victim");
        lines.push(format!("left out: {slow}; `linkbait run slow` judges them"));
    }
    let mut places: Vec<&str> = Vec::new();
    for (name, _) in run.judged.iter().flat_map(|judged| &judged.report.file_systems) {
        if !places.contains(name) {
            places.push(name);
        }
    }
    if places != ["tmpfs"] && !places.is_empty() {
        lines.push(format!("file systems: {}", places.join(", ")));
    }
    lines
}

/// How far was gone beyond schedules of one act, and what of it was not tried.
fn depth(run: &Run) -> Vec<String> {
    let sum = |of: fn(&Report) -> u64| run.judged.iter().map(|judged| of(&judged.report)).sum::<u64>();
    let samples = || run.judged.iter().filter_map(|judged| judged.report.samples);
    let acts = run.judged.iter().map(|judged| judged.report.depth).max().unwrap_or(1);
    let mut lines = Vec::new();
    if acts > 1 {
        let (reduced, refused, unreached) = (sum(|r| r.reduced), sum(|r| r.refused), sum(|r| r.unreached));
        let all = if unreached == 0 { "all" } else { "not all" };
        lines.push(format!(
            "{all} schedules of up to {acts} acts: {reduced} reduced away, {refused} refused, {unreached} not reached"
        ));
    }
    if let Some(any) = samples().next() {
        let (drawn, landed) = samples().fold((0, 0), |(d, l), one| (d + one.drawn, l + one.landed));
        let (acts, seed, early) = (any.acts, any.seed, drawn - landed);
        lines.push(format!(
            "{drawn} samples of up to {acts} acts, seed {seed}: {landed} landed, {early} ended early; not exhaustive"
        ));
    }
    lines
}
