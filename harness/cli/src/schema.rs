//! The formats of linkbait as JSON Schemas (draft 2020-12), kept in `schemas`. Owns what they are called.

use crate::args::Usage;
use crate::{output, values};

/// Each by what stands in the document as its `schema`, with what it is.
const ALL: [(&str, &str, &str); 5] = [
    ("linkbait-report/1", "a report in JSON", include_str!("../schemas/report.json")),
    ("linkbait-names/1", "what `names --format json` prints", include_str!("../schemas/names.json")),
    ("linkbait-victim/1", "victim files", include_str!("../schemas/victim.json")),
    ("linkbait-roster/1", "roster files", include_str!("../schemas/roster.json")),
    ("linkbait-config/1", "the config file", include_str!("../schemas/config.json")),
];

/// A line for each.
pub(crate) fn list() -> String {
    ALL.iter().map(|(name, what, _)| format!("{name:18} {what}\n")).collect()
}

/// The schema of this name.
pub(crate) fn schema(name: &str) -> Result<&'static str, Usage> {
    let found = ALL.iter().find(|(known, ..)| *known == name);
    found.map(|(.., text)| *text).ok_or_else(|| {
        let known = ALL.map(|(known, ..)| known);
        Usage(format!("no schema {}: {}", output::line(name), values::unknown(name, &known)))
    })
}
