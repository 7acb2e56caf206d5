//! Roster files: TOML that names victims to be judged together (`linkbait-roster/1`). Owns the format; what is named is read by
//! `victim_file` and `select`.

use crate::args::Usage;
use crate::output;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "linkbait-roster/1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "summary", default)]
    _summary: String,
    victims: Vec<String>,
}

/// What a roster names.
pub(crate) enum Named {
    /// A victim file, or a directory of them.
    Path(PathBuf),
    /// A built-in victim, or a tag of some.
    BuiltIn(String),
}

/// Looks only whether a text is a roster.
#[derive(Deserialize)]
struct Any {
    schema: Option<String>,
}

/// What the roster in this text names, or nothing where it is none. Paths are from the directory of the file.
pub(crate) fn parse(text: &str, path: &Path) -> anyhow::Result<Option<Vec<Named>>> {
    let any = toml::from_str::<Any>(text).ok().and_then(|any| any.schema);
    if any.as_deref().is_none_or(|schema| !schema.starts_with("linkbait-roster/")) {
        return Ok(None);
    }
    let wrong = |what: String| Usage(format!("{path:?}: {what}"));
    let file: File = toml::from_str(text).map_err(|e| wrong(output::lines(&e.to_string())))?;
    if file.schema != SCHEMA {
        return Err(wrong(format!("schema {:?} is not {SCHEMA:?}", file.schema)).into());
    }
    if file.victims.is_empty() {
        return Err(wrong("victims: names none".to_owned()).into());
    }
    let here = path.parent().unwrap_or(Path::new(""));
    let named = |name: String| {
        let is_path = name.contains('/') || Path::new(&name).extension().is_some_and(|end| end == "toml");
        if is_path { Named::Path(here.join(name)) } else { Named::BuiltIn(name) }
    };
    Ok(Some(file.victims.into_iter().map(named).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_is_told_from_a_victim_and_says_what_is_wrong() {
        let read = |text: &str| parse(text, Path::new("rosters/mine.toml"));
        assert!(read("schema = 'linkbait-victim/1'").is_ok_and(|named| named.is_none()));
        assert!(read("this is no TOML").is_ok_and(|named| named.is_none()));
        let head = "schema = 'linkbait-roster/1'\nname = 'mine'\n";
        let named =
            read(&format!("{head}victims = ['../a.toml', 'sh-mktemp']")).expect("a roster").expect("one");
        assert!(matches!(&named[0], Named::Path(path) if path == Path::new("rosters/../a.toml")));
        assert!(matches!(&named[1], Named::BuiltIn(name) if name == "sh-mktemp"));
        for (text, said) in
            [("victims = []", "none"), ("victim = []", "unknown field"), ("", "missing field")]
        {
            let error = read(&format!("{head}{text}")).err().expect("wrong").to_string();
            assert!(error.contains(said) && error.contains("mine.toml"), "{error}");
        }
    }
}
