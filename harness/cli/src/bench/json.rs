//! What was measured, as JSON (`linkbait-bench/1`).

use super::{Bench, Measured};
use linkbait_benches::{Row, Section};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'b> {
    schema: &'static str,
    environment: Environment<'b>,
    parts: Vec<PartOut<'b>>,
}

#[derive(Serialize)]
struct Environment<'b> {
    kernel: &'b str,
    file_system: &'static str,
    cores: usize,
    uid: u32,
}

#[derive(Serialize)]
struct PartOut<'b> {
    name: &'static str,
    duration_s: f64,
    sections: Vec<SectionOut<'b>>,
    not_measured: Option<&'b str>,
}

#[derive(Serialize)]
struct SectionOut<'b> {
    title: &'b str,
    rows: Vec<RowOut<'b>>,
    notes: &'b [String],
}

#[derive(Serialize)]
struct RowOut<'b> {
    what: &'b str,
    amount: f64,
    /// `us`, `KiB`, `%`, or empty of a count.
    unit: &'static str,
    per_second: Option<f64>,
    ratio: Option<f64>,
    of: Option<&'static str>,
    promised: Option<String>,
    met: Option<bool>,
    detail: Option<&'b str>,
}

pub(super) fn render(bench: &Bench) -> anyhow::Result<String> {
    let host = &bench.host;
    let document = Document {
        schema: "linkbait-bench/1",
        environment: Environment {
            kernel: host.kernel(),
            file_system: host.file_system(),
            cores: host.cores(),
            uid: host.uid(),
        },
        parts: bench.parts.iter().map(part).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn part(measured: &Measured) -> PartOut<'_> {
    PartOut {
        name: measured.name,
        duration_s: measured.seconds,
        sections: measured.sections.iter().map(section).collect(),
        not_measured: measured.lacks.as_deref(),
    }
}

fn section(section: &Section) -> SectionOut<'_> {
    let rows = section.rows.iter().map(row).collect();
    SectionOut { title: &section.title, rows, notes: &section.notes }
}

fn row(row: &Row) -> RowOut<'_> {
    RowOut {
        what: &row.what,
        amount: row.amount.value(),
        unit: row.amount.unit(),
        per_second: row.rate,
        ratio: row.ratio.map(|ratio| ratio.times),
        of: row.ratio.map(|ratio| ratio.of),
        promised: row.promise.map(|promise| promise.to_string()),
        met: row.is_met(),
        detail: row.detail.as_deref(),
    }
}
