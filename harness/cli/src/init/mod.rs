//! `init`: files to start from, in a cargo package or elsewhere. What is there stays as it is.

use crate::Exit;
use crate::args::Usage;
use crate::{config, files, output};
use anyhow::Context;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

const TEST: &str = "tests/linkbait.rs";
const VICTIM: &str = "victims/example.toml";

/// The line for a package's manifest.
const DEPENDENCY: &str = concat!("[dev-dependencies]\nlinkbait = \"", env!("CARGO_PKG_VERSION"), "\"\n");

/// What there is here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A package, which may depend on linkbait already.
    Package {
        depends: bool,
    },
    Other,
}

pub(crate) fn init() -> anyhow::Result<Exit> {
    let place = place()?;
    let (path, text, then) = match place {
        Place::Package { .. } => (TEST, include_str!("test.rs"), "cargo test --test linkbait"),
        Place::Other => (VICTIM, include_str!("victim.toml"), "linkbait run victims"),
    };
    let mut out = String::new();
    for (path, text) in [(config::DEFAULT, include_str!("config.toml")), (path, text)] {
        let what = if put(path, text)? { "wrote" } else { "left as it is:" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{what} {path}");
    }
    if place == (Place::Package { depends: false }) {
        let _ = write!(out, "\nadd to Cargo.toml:\n\n{DEPENDENCY}");
    }
    let _ = writeln!(out, "\nthen: {then}");
    output::print(&out)?;
    Ok(Exit::Clean)
}

/// A workspace without a package of its own has no tests.
fn place() -> anyhow::Result<Place> {
    let manifest = Path::new("Cargo.toml");
    if matches!(manifest.try_exists(), Ok(false)) {
        return Ok(Place::Other);
    }
    let text = files::read(manifest, "it is the manifest of the package here")?;
    let manifest: toml::Table =
        toml::from_str(&text).map_err(|e| Usage(format!("Cargo.toml: {}", output::lines(&e.to_string()))))?;
    let depends = ["dev-dependencies", "dependencies"]
        .iter()
        .any(|section| manifest.get(*section).is_some_and(|section| section.get("linkbait").is_some()));
    Ok(if manifest.contains_key("package") { Place::Package { depends } } else { Place::Other })
}

/// Writes a file where none is, in a directory that is made if need be. False when something is there already.
fn put(path: &str, text: &str) -> anyhow::Result<bool> {
    let path = Path::new(path);
    let failed = || format!("{path:?} cannot be written; run linkbait in a directory that you may write");
    // A test can also be a directory of its own; cargo would refuse to have both.
    if path.with_extension("").join("main.rs").exists() {
        return Ok(false);
    }
    match path.parent().map_or(Ok(()), fs::create_dir) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e).with_context(failed),
        _ => {}
    }
    let mut file = match File::create_new(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return Ok(false),
        opened => opened.with_context(failed)?,
    };
    file.write_all(text.as_bytes()).inspect_err(|_| drop(fs::remove_file(path))).with_context(failed)?;
    Ok(true)
}
