//! Victims that are code of others: a cargo package is made around each, built in a cache below the working directory, and
//! judged apart from us (`apart`). Owns what such a package is made from. How it is laid out is in `layout`, how cargo
//! is called in `cargo`, what `linkbait crate` makes of its arguments in `spec`.

mod cargo;
mod layout;
pub(crate) mod spec;

pub(crate) use cargo::{Failure, Kind, refuse_hidden};

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What a victim's body is built from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Package {
    /// The victim's name.
    pub(crate) name: String,
    /// As in a `Cargo.toml`, with paths that hold everywhere.
    pub(crate) dependencies: toml::Table,
    pub(crate) body: Body,
    pub(crate) edition: Edition,
    pub(crate) runtime: Option<Runtime>,
    /// Why it is to be judged as a program from the beginning.
    pub(crate) process: Option<&'static str>,
    /// The victim file that it is of.
    pub(crate) file: Option<PathBuf>,
}

/// Rust text, and where the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) text: String,
    /// Both from 1, of the first character.
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// What to call the place in the compiler's messages.
    pub(crate) shown: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(crate) enum Edition {
    #[serde(rename = "2018")]
    E2018,
    #[serde(rename = "2021")]
    E2021,
    #[default]
    #[serde(rename = "2024")]
    E2024,
}

/// What runs an asynchronous body.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Runtime {
    Tokio,
    Smol,
    AsyncStd,
}

impl Body {
    /// The text that this part of a TOML document is the value of.
    pub(crate) fn in_toml(document: &str, span: std::ops::Range<usize>, text: String) -> Body {
        let written = document.get(span.clone()).unwrap_or_default();
        let quotes = ["'''\r\n", "'''\n", "'''", "\"\"\"\r\n", "\"\"\"\n", "\"\"\"", "'", "\""];
        let opening = quotes.into_iter().find(|quotes| written.starts_with(quotes)).map_or(0, str::len);
        let before = document.get(..span.start + opening).unwrap_or_default();
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        let (line, column) = (before.matches('\n').count() + 1, last_line.chars().count() + 1);
        Body { text, line, column, shown: String::new() }
    }
}

impl Package {
    /// The dependencies of a file, whose paths are relative to its directory.
    pub(crate) fn at(here: &Path, mut dependencies: toml::Table) -> toml::Table {
        for (_, wanted) in &mut dependencies {
            if let Some(toml::Value::String(path)) = wanted.get_mut("path") {
                *path = here.join(&*path).to_string_lossy().into_owned();
            }
        }
        dependencies
    }
}
