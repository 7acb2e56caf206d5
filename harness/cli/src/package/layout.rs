//! The files of a generated package, as text, and the place of its directory. The body stands in `src/victim.rs` at the line
//! and column where the user wrote it, so that the compiler's messages need another file name only.

use super::{Body, Edition, Package, Runtime};
use linkbait::LIBRARY_ENTRY;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The file that the body is in, as the compiler names it.
pub(super) const BODY: &str = "src/victim.rs";

const PROGRAM: &str = "//! The body as a program of its own.

mod victim;

fn main() -> std::process::ExitCode {
    let dirs: Vec<std::path::PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let result = match dirs.as_slice() {
        [shared, outside, private] => victim::body(shared, outside, private),
        _ => Err(\"three directories were expected\".into()),
    };
    if let Err(error) = &result {
        eprintln!(\"{error:?}\");
    }
    if result.is_ok() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
";

/// What a body has in scope.
const SIGNATURE: &str = "pub fn body(dir: &::std::path::Path, outside: &::std::path::Path, private: &::std::path::Path) -> \
    ::std::result::Result<(), Failed>";

/// What `?` makes of errors: of all that can be shown, boxes and strings too, which no type of the standard library takes.
const FAILED: &str = "pub struct Failed(String); \
    impl ::std::fmt::Debug for Failed { fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result { f.write_str(&self.0) } } \
    impl<E: ::std::fmt::Debug + ::std::fmt::Display> From<E> for Failed { fn from(e: E) -> Self { Failed(format!(\"{e:?}\")) } }";

const SECRET: &str = "let secret: &[u8] = b\"a secret that nobody else may read\\n\";";

/// A package, laid out.
pub(super) struct Layout {
    /// The name of its directory: a name to know it by, and a number that follows from all that decides on it.
    pub(super) key: String,
    /// That of the package, for cargo.
    pub(super) id: String,
    /// Path and text.
    pub(super) files: [(&'static str, String); 4],
}

impl Layout {
    pub(super) fn of(package: &Package) -> Result<Layout, toml::ser::Error> {
        let dependencies = toml::to_string(&toml::Table::from_iter([(
            "dependencies".to_owned(),
            with_runtime(package).into(),
        )]))?;
        let body = body(&package.body, package.runtime);
        let mut hasher = DefaultHasher::new();
        (&dependencies, &body, package.edition.number(), LIBRARY_ENTRY, PROGRAM).hash(&mut hasher);
        let number = hasher.finish();
        let id = format!("victim-{number:016x}");
        let manifest = manifest(&id, package.edition, &dependencies);
        let files = [
            ("Cargo.toml", manifest),
            ("src/lib.rs", LIBRARY_ENTRY.to_owned()),
            ("src/main.rs", PROGRAM.to_owned()),
            (BODY, body),
        ];
        Ok(Layout { key: format!("{}-{number:016x}", readable(&package.name)), id, files })
    }
}

/// The start of a name, without what is awkward in a path.
fn readable(name: &str) -> String {
    const MOST: usize = 40;
    let name = name.strip_prefix(super::spec::PREFIX).unwrap_or(name);
    let fits = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.split(' ').next().unwrap_or_default().chars().take(MOST).map(fits).collect()
}

/// In a workspace of its own: whatever stands around the cache must not decide.
fn manifest(id: &str, edition: Edition, dependencies: &str) -> String {
    let library = id.replace('-', "_");
    let edition = edition.number();
    format!(
        "[package]\nname = \"{id}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\npublish = false\n\n\
         [lib]\nname = \"{library}\"\ncrate-type = [\"cdylib\"]\n\n[workspace]\n\n\
         [profile.dev]\ndebug = false\nincremental = false\npanic = \"unwind\"\n\n{dependencies}"
    )
}

fn with_runtime(package: &Package) -> toml::Table {
    let mut dependencies = package.dependencies.clone();
    if let Some(runtime) = package.runtime {
        let (name, version, features) = runtime.dependency();
        let mut wanted = toml::Table::new();
        wanted.insert("version".to_owned(), version.into());
        wanted.insert("features".to_owned(), features.to_vec().into());
        dependencies.entry(name).or_insert(wanted.into());
    }
    dependencies
}

fn body(body: &Body, runtime: Option<Runtime>) -> String {
    let Body { text, line, column, .. } = body;
    let (begin, end) = match runtime {
        None => ("", ";\nOk(()) }"),
        Some(runtime) => (runtime.begin(), ";\nOk::<(), Failed>(()) }) }"),
    };
    // What stands before the body takes a line of its own; one in the first line is shown in the second.
    let (above, indent) = ("\n".repeat(line.saturating_sub(2)), " ".repeat(column.saturating_sub(1)));
    format!("{above}#![allow(warnings)] {FAILED} {SIGNATURE} {{ {SECRET} {begin}\n{indent}{text}\n{end}\n")
}

impl Edition {
    fn number(self) -> &'static str {
        match self {
            Edition::E2018 => "2018",
            Edition::E2021 => "2021",
            Edition::E2024 => "2024",
        }
    }
}

impl Runtime {
    /// What is depended on where the user names no dependency of this name.
    fn dependency(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Runtime::Tokio => {
                ("tokio", "1", &["fs", "io-util", "macros", "net", "process", "rt", "sync", "time"])
            }
            Runtime::Smol => ("smol", "2", &[]),
            Runtime::AsyncStd => ("async-std", "1", &[]),
        }
    }

    /// A runtime is made for each run of the body and ends with it.
    fn begin(self) -> &'static str {
        match self {
            Runtime::Tokio => {
                "::tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async move {"
            }
            Runtime::Smol => "::smol::block_on(async move {",
            Runtime::AsyncStd => "::async_std::task::block_on(async move {",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(body: Body) -> Package {
        let (edition, name) = (Edition::default(), "crate: a@1 --call b".to_owned());
        Package {
            name,
            dependencies: toml::Table::new(),
            body,
            edition,
            runtime: None,
            process: None,
            file: None,
        }
    }

    /// What stands where the user's file has the body.
    fn at_its_place(package: &Package) -> String {
        let Body { line, column, .. } = &package.body;
        let layout = Layout::of(package).expect("a layout");
        let text = layout.files.into_iter().find(|(name, _)| *name == BODY).expect("a body").1;
        text.lines().nth(line - 1).unwrap_or_default().chars().skip(column - 1).collect()
    }

    #[test]
    fn a_body_stands_at_the_line_and_column_of_the_victim_file() {
        for written in [
            "'first(dir)?'",
            "\"first(dir)?\"",
            "'''\nfirst(dir)?\n  second()?;\n'''",
            "\"\"\"first(dir)?\"\"\"",
        ] {
            let text = format!("# a comment, é\n\n[rust]\n  body = {written}\n");
            #[derive(serde::Deserialize)]
            struct File {
                rust: std::collections::BTreeMap<String, toml::Spanned<String>>,
            }
            let file: File = toml::from_str(&text).expect("TOML");
            let body = &file.rust["body"];
            let body = Body::in_toml(&text, body.span(), body.get_ref().clone());
            assert!(at_its_place(&package(body)).starts_with("first(dir)?"), "{written}");
        }
    }

    #[test]
    fn another_body_edition_or_dependency_is_another_package() {
        let body = |text: &str| Body { text: text.to_owned(), line: 2, column: 1, shown: String::new() };
        let one = package(body("a()"));
        let others = [
            package(body("b()")),
            Package { edition: Edition::E2021, ..one.clone() },
            Package { runtime: Some(Runtime::Smol), ..one.clone() },
            Package { dependencies: toml::Table::from_iter([("a".to_owned(), "1".into())]), ..one.clone() },
        ];
        let key = |package: &Package| Layout::of(package).expect("a layout").key;
        for other in &others {
            assert_ne!(key(other), key(&one), "{other:?}");
        }
        assert!(key(&one).starts_with("a-1-"), "{}", key(&one));
    }

    #[test]
    fn dependencies_are_handed_on_as_they_are_and_a_named_runtime_is_kept() {
        let dependencies = "tokio = { version = \"=1.40.0\", features = [\"rt\"] }\nb = \"2\"";
        let dependencies: toml::Table = toml::from_str(dependencies).expect("TOML");
        let body = Body { text: "a().await?".to_owned(), line: 9, column: 3, shown: String::new() };
        let package = Package { dependencies, runtime: Some(Runtime::Tokio), ..package(body) };
        let layout = Layout::of(&package).expect("a layout");
        let manifest: toml::Table = toml::from_str(&layout.files[0].1).expect("a manifest");
        let expected = toml::from_str("b = \"2\"\n[tokio]\nversion = \"=1.40.0\"\nfeatures = [\"rt\"]");
        assert_eq!(manifest["dependencies"], toml::Value::Table(expected.expect("TOML")));
        assert!(manifest["workspace"].as_table().is_some_and(toml::Table::is_empty));
    }
}
