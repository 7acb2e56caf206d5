//! `bench`: what linkbait costs on this machine. Owns which parts are measured and what becomes of the figures; how they are
//! measured is in `linkbait-benches`.

mod json;
mod markdown;
mod text;

use crate::args::{BenchFormat, Measuring, Usage};
use crate::files::Target;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::{Exit, output, roster, run, select, values};
use linkbait::{ErrorKind, Host};
use linkbait_benches::{PARTS, Part, Row, Section, Setup};
use std::fmt::Write;
use std::time::Instant;

/// Asks for all parts.
const ALL: &str = "all";

/// What one part came to.
struct Measured {
    name: &'static str,
    seconds: f64,
    sections: Vec<Section>,
    /// Why there is nothing.
    lacks: Option<String>,
}

/// All that was measured.
struct Bench {
    host: Host,
    parts: Vec<Measured>,
}

impl Bench {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.parts.iter().flat_map(|part| &part.sections).flat_map(|section| &section.rows)
    }

    /// How many promises there are that were kept, or not.
    fn promises(&self, kept: bool) -> usize {
        self.rows().filter(|row| row.is_met() == Some(kept)).count()
    }
}

pub(crate) fn bench(asked: &Measuring) -> anyhow::Result<Exit> {
    let parts = chosen(&asked.parts)?;
    if asked.list {
        output::print(&list())?;
        return Ok(Exit::Clean);
    }
    let prepare = match asked.format {
        BenchFormat::Markdown => Target::prepare_spliced,
        _ => Target::prepare,
    };
    let target = asked.output.as_deref().map(prepare).transpose()?;
    if parts.iter().any(|part| part.programs) {
        run::contain()?;
    }
    let interrupt = Interrupt::watch()?;
    let (bench, faults) = measured(asked, &parts, &interrupt)?;
    let text = match asked.format {
        BenchFormat::Text => text::render(&bench),
        BenchFormat::Json => json::render(&bench)?,
        BenchFormat::Markdown => markdown::render(&bench),
    };
    match target {
        Some(target) => target.write(&text)?,
        None => output::print(&text)?,
    }
    Ok(exit(&bench, asked.require, faults, interrupt.came()))
}

/// The parts that were asked for, in their order.
fn chosen(names: &[String]) -> Result<Vec<&'static Part>, Usage> {
    let known: Vec<&str> = PARTS.iter().map(|part| part.name).chain([ALL]).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        let hint = values::nearest(name, &known).unwrap_or_default();
        let name = output::line(name);
        return Err(Usage(format!("no part {name}: {hint}`linkbait bench --list` lists them")));
    }
    let named = |name: &str| names.iter().any(|one| one == name || one == ALL);
    Ok(PARTS.iter().filter(|part| named(part.name) || (names.is_empty() && !part.only_named)).collect())
}

fn list() -> String {
    let mut text = String::new();
    for part in &PARTS {
        let named = if part.only_named { " (only when named)" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:10} {}{named}", part.name, part.what);
    }
    let _ = writeln!(text, "{ALL:10} all of them");
    text
}

/// Measures the parts until the user interrupts. True when work of ours failed, which costs no other part.
fn measured(asked: &Measuring, parts: &[&Part], interrupt: &Interrupt) -> anyhow::Result<(Bench, bool)> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let setup = Setup {
        rounds: asked.rounds.map_or(usize::MAX, |rounds| rounds as usize),
        trials: asked.trials,
        roster: roster::roster().into_iter().filter(|victim| !select::is_slow(victim)).collect(),
        own: vec![own, "trials".to_owned()],
        ..Setup::new(Host::detect())
    };
    let progress = Progress::measuring(!asked.no_progress, parts.len());
    let (mut all, mut faults) = (Vec::new(), false);
    for part in parts.iter().take_while(|_| !interrupt.came()) {
        progress.begins(part.name);
        let start = Instant::now();
        let (sections, lacks) = match part.measure(&setup) {
            Ok(sections) => (sections, None),
            Err(error) => {
                faults |= !is_unsupported(&error);
                (Vec::new(), Some(format!("{error:#}")))
            }
        };
        all.push(Measured { name: part.name, seconds: start.elapsed().as_secs_f64(), sections, lacks });
    }
    progress.end();
    Ok((Bench { host: setup.host, parts: all }, faults))
}

fn is_unsupported(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<linkbait::Error>();
    error.is_some_and(|error| matches!(error.kind(), ErrorKind::Unsupported(_)))
}

/// A promise that is not kept is told, and no error unless it was to be kept.
fn exit(bench: &Bench, require: bool, faults: bool, interrupted: bool) -> Exit {
    match () {
        () if faults => Exit::Ours,
        () if require && bench.promises(false) > 0 => Exit::Findings,
        () if interrupted => Exit::Inconclusive,
        () if require && bench.parts.iter().any(|part| part.lacks.is_some()) => Exit::Unsupported,
        () => Exit::Clean,
    }
}

/// What a row says of its promise.
fn promise(row: &Row) -> String {
    let kept = if row.is_met() == Some(true) { "met" } else { "NOT met" };
    row.promise.map(|promise| format!("{promise}: {kept}")).unwrap_or_default()
}

fn rate(row: &Row) -> String {
    row.rate.map(|rate| format!("{rate:.0}/s")).unwrap_or_default()
}

fn ratio(row: &Row) -> String {
    row.ratio.map(|ratio| format!("{:.2} x {}", ratio.times, ratio.of)).unwrap_or_default()
}

/// Where it was measured, in a line.
fn environment(bench: &Bench) -> String {
    let host = &bench.host;
    let place = output::line(&host.place().to_string_lossy());
    let cores = output::counted(host.cores(), "core");
    format!("{} on {place}, kernel {}, {cores}", host.file_system(), host.kernel())
}
