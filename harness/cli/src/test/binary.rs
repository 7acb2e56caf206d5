//! A binary with tests in it, and what it needs to run. Owns what cannot be run as a victim, and why.

use cargo_metadata::{Target, TargetKind};
use memchr::memmem;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One of a package's test binaries, as cargo starts it.
pub(super) struct Binary {
    pub(super) package: String,
    /// Of the package.
    pub(super) manifest: PathBuf,
    pub(super) kind: &'static str,
    /// Empty for a library, of which there is one.
    pub(super) name: String,
    pub(super) has_doc_tests: bool,
    pub(super) executable: String,
    pub(super) cwd: PathBuf,
    /// Variables that cargo sets for it, and those of nextest.
    pub(super) env: Vec<(String, String)>,
}

/// The kind of a target as cargo's options name it, and its name if there can be several.
pub(super) fn kind_of(target: &Target) -> (&'static str, String) {
    let name = target.name.clone();
    match target.kind.first() {
        Some(TargetKind::Bin) => ("bin", name),
        Some(TargetKind::Test) => ("test", name),
        Some(TargetKind::Example) => ("example", name),
        Some(TargetKind::Bench) => ("bench", name),
        _ => ("lib", String::new()),
    }
}

impl Binary {
    /// The package and the target, as reports show them.
    pub(super) fn called(&self) -> String {
        let Binary { package, kind, name, .. } = self;
        if name.is_empty() { format!("{package} {kind}") } else { format!("{package} {kind}/{name}") }
    }

    /// Why its tests cannot be run one by one.
    pub(super) fn unfit(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.manifest).unwrap_or_default();
        let own = has_own_harness(&text, self.kind, &self.name);
        own.then(|| "it has a test harness of its own (harness = false), which was not run".to_owned())
    }

    /// The directory for temporary files that cargo promises to integration tests, if the binary knows of it: the name is a
    /// constant in it (CARGO_TARGET_TMPDIR).
    pub(super) fn writable(&self) -> Vec<PathBuf> {
        let mut above = Path::new(&self.executable).ancestors().skip(1);
        let target = above.find(|dir| dir.join("CACHEDIR.TAG").is_file());
        let dir = target.map(|target| target.join("tmp")).filter(|dir| dir.is_dir());
        let bytes = || std::fs::read(&self.executable).unwrap_or_default();
        let knows = |dir: &PathBuf| memmem::find(&bytes(), dir.as_os_str().as_encoded_bytes()).is_some();
        dir.filter(knows).into_iter().collect()
    }
}

/// What of a manifest says whether libtest runs a target's tests.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Manifest {
    lib: Declared,
    bin: Vec<Declared>,
    test: Vec<Declared>,
    example: Vec<Declared>,
    bench: Vec<Declared>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Declared {
    name: String,
    harness: Option<bool>,
}

fn has_own_harness(manifest: &str, kind: &str, name: &str) -> bool {
    let Manifest { lib, bin, test, example, bench } = toml::from_str(manifest).unwrap_or_default();
    let all = match kind {
        "bin" => bin,
        "test" => test,
        "example" => example,
        "bench" => bench,
        _ => vec![Declared { name: String::new(), ..lib }],
    };
    all.iter().any(|target| target.name == name && target.harness == Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_of_its_own_is_that_of_the_target_it_stands_at() {
        let text = "[package]\nname = \"a\"\n[lib]\nharness = false\n[[test]]\nname = \"x\"\nharness = false\n\
                    [[test]]\nname = \"y\"\n";
        assert!(has_own_harness(text, "test", "x") && has_own_harness(text, "lib", ""));
        assert!(!has_own_harness(text, "test", "y") && !has_own_harness(text, "test", "z"));
        assert!(!has_own_harness("[package]\nname = \"a\"\n", "lib", ""));
    }
}
