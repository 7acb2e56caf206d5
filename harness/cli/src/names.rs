//! `names`: how predictable a victim's names are, with each prediction beside what came. Shows; the rule
//! `predictable-name` is what judges.

use crate::args::{Format, Streams, Usage};
use crate::{Exit, output, select};
use linkbait::{Entropy, ErrorKind, Forecast, Host, Judge, Limits, NameForecast, Told};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// What was asked for.
pub(crate) struct Asked {
    /// A name of the roster or a victim file, if it is not a command.
    pub(crate) victim: Option<String>,
    pub(crate) argv: Vec<String>,
    pub(crate) writable: Vec<PathBuf>,
    pub(crate) runs: u32,
    pub(crate) silence: Duration,
    pub(crate) format: Format,
}

pub(crate) fn names(asked: &Asked) -> anyhow::Result<Exit> {
    let victim = match &asked.victim {
        Some(name) => select::one(name)?.ready(false)?,
        None => select::command(&Streams::default(), &asked.argv)?,
    };
    if !asked.writable.is_empty() && !victim.is_program() {
        return Err(Usage("--writable is for programs, and this victim is none".to_owned()).into());
    }
    let victim = select::allow(victim, &asked.writable);
    if victim.is_program() {
        match linkbait::prepare_to_contain() {
            Err(e) if matches!(e.kind(), ErrorKind::Unsupported(_)) => {}
            prepared => prepared?,
        }
    }
    let limits = Limits { silence: asked.silence, ..Limits::default() };
    let forecast = Judge::new(Host::detect()).limits(limits).forecast(&victim, asked.runs)?;
    output::print(&match asked.format {
        Format::Text => text(&forecast),
        Format::Json => json(&forecast)?,
    })?;
    Ok(Exit::Clean)
}

fn text(forecast: &Forecast) -> String {
    let mut out = format!("{}\n", output::line(&forecast.name));
    let (names, runs) = (forecast.names.len(), forecast.learned_from);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "  {}, learned from {runs} runs", output::counted(names, "name"));
    for (at, name) in forecast.names.iter().enumerate() {
        let _ = writeln!(out, "\nname {}  {}", at + 1, output::line(&name.scheme));
        let all = name.runs.len();
        let most = name.runs.iter().map(|told| told.candidates).max().unwrap_or(0);
        let _ = match most {
            0 => writeln!(out, "  not predicted in any of {all} fresh runs"),
            _ => writeln!(
                out,
                "  predicted in {} of {all} fresh runs, within at most {}{}",
                name.hits(),
                output::counted(most, "candidate"),
                if name.follows { ", from the name before it" } else { "" }
            ),
        };
        if let Some(entropy) = &name.entropy {
            let _ = writeln!(out, "  {}", chance(entropy));
        }
        table(&mut out, &name.runs);
    }
    for note in &forecast.not_examined {
        let _ = writeln!(out, "\nnot examined: {}", output::line(note));
    }
    out
}

fn chance(entropy: &Entropy) -> String {
    let Entropy { alphabet, length, bits, least, samples } = entropy;
    format!(
        "{length} characters of {alphabet}: {bits:.1} bits if drawn evenly, at least {least:.1} with 95 % confidence, from \
         {samples} names"
    )
}

fn table(out: &mut String, runs: &[Told]) {
    let first = |told: &Told| output::line(told.first.as_deref().unwrap_or("-"));
    let came = |told: &Told| output::line(told.real.as_deref().unwrap_or("no such name"));
    let width = runs.iter().map(|told| first(told).chars().count()).max().unwrap_or(0).max(15);
    let _ = writeln!(out, "  run  candidates  {:width$}  came", "first candidate");
    for (at, told) in runs.iter().enumerate() {
        let sign = if told.hit { "predicted" } else { "" };
        let line =
            format!("  {:3}  {:10}  {:width$}  {}  {sign}", at + 1, told.candidates, first(told), came(told));
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    victim: &'a str,
    learned_from: usize,
    names: Vec<NameOut<'a>>,
    not_examined: &'a [String],
}

#[derive(Serialize)]
struct NameOut<'a> {
    scheme: &'a str,
    constant: bool,
    follows: bool,
    predicted: usize,
    entropy: Option<EntropyOut>,
    runs: Vec<RunOut<'a>>,
}

#[derive(Serialize)]
struct EntropyOut {
    alphabet: &'static str,
    length: usize,
    bits: f64,
    least_bits: f64,
    confidence: f64,
    samples: usize,
}

#[derive(Serialize)]
struct RunOut<'a> {
    candidates: usize,
    first: Option<&'a str>,
    real: Option<&'a str>,
    predicted: bool,
}

fn json(forecast: &Forecast) -> anyhow::Result<String> {
    let document = Document {
        schema: "linkbait-names/1",
        victim: &forecast.name,
        learned_from: forecast.learned_from,
        names: forecast.names.iter().map(name_out).collect(),
        not_examined: &forecast.not_examined,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn name_out(name: &NameForecast) -> NameOut<'_> {
    let runs = name.runs.iter().map(|told| RunOut {
        candidates: told.candidates,
        first: told.first.as_deref(),
        real: told.real.as_deref(),
        predicted: told.hit,
    });
    NameOut {
        scheme: &name.scheme,
        constant: name.constant,
        follows: name.follows,
        predicted: name.hits(),
        entropy: name.entropy.map(|e| EntropyOut {
            alphabet: e.alphabet,
            length: e.length,
            bits: e.bits,
            least_bits: e.least,
            confidence: 0.95,
            samples: e.samples,
        }),
        runs: runs.collect(),
    }
}
