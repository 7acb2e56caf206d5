//! `test`: the tests of the package in this directory as victims, each by itself. Owns which of them are judged and what they are
//! called, so that a replay finds one again; how cargo builds them is in `cargo`, what they are is in `listing`.

mod binary;
mod cargo;
mod listing;

pub(crate) use cargo::{CannotBuild, tell_start};

use crate::args::{Usage, Which};
use binary::Binary;
use cargo::Built;
use linkbait::{Program, Victim};
use listing::Test;

/// What the names of tests as victims begin with.
pub(crate) const TEST: &str = "test: ";

/// The tests found.
pub(crate) struct Found {
    pub(crate) victims: Vec<Victim>,
    /// What there is beside them and was not examined, a sentence each.
    pub(crate) aside: Vec<String>,
    /// There are more in the package, or may be.
    pub(crate) narrowed: bool,
}

/// Builds the tests of this package as `cargo test` would with these arguments, and lists those that are wanted.
pub(crate) fn find(which: &Which, args: &[String]) -> anyhow::Result<Found> {
    let Built { binaries: built, astray } = cargo::build(args)?;
    let mut found = Found { victims: Vec::new(), aside: Vec::new(), narrowed: !args.is_empty() };
    let (mut ignored, mut filtered) = (0, 0);
    for binary in &built {
        if let Some(why) = binary.unfit() {
            found.aside.push(format!("{}: {why}", binary.called()));
            continue;
        }
        for test in listing::list(binary)? {
            match () {
                () if !which.names(&test.name) => filtered += 1,
                () if test.ignored && !(which.ignored || which.include_ignored) => ignored += 1,
                () if !test.ignored && which.ignored => filtered += 1,
                () => found.victims.push(victim(binary, &test, args)?),
            }
        }
    }
    found.narrowed |= ignored + filtered > 0;
    let mut count = |number: usize, what: &str| {
        if number > 0 {
            found.aside.push(format!("{} {what}", crate::output::counted(number, "test")));
        }
    };
    count(ignored, "marked #[ignore]; --include-ignored judges them too");
    count(filtered, "left out by name or option");
    if astray > 0 {
        let why = "cargo starts by a runner of its own (`target.TRIPLE.runner`)";
        found.aside.push(format!("test binaries that {why}: {astray}"));
    }
    if built.iter().any(|binary| binary.has_doc_tests) {
        found.aside.push(
            "tests in the documentation, which are no programs of their own before they run".to_owned(),
        );
    }
    Ok(found)
}

impl Which {
    /// True for a test that is wanted by its name, as libtest has it.
    fn names(&self, test: &str) -> bool {
        let fits = |wanted: &String| if self.exact { test == wanted } else { test.contains(wanted.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

/// A test as nextest runs it: a process of its own, with what cargo gives to its binary.
fn victim(binary: &Binary, test: &Test, args: &[String]) -> Result<Victim, Usage> {
    let mut argv = vec![binary.executable.clone(), "--exact".to_owned(), test.name.clone()];
    argv.extend(["--nocapture", "--test-threads=1"].map(str::to_owned));
    argv.extend(test.ignored.then(|| "--ignored".to_owned()));
    let program = Program {
        argv,
        env: binary.env.clone(),
        cwd: Some(binary.cwd.clone()),
        writable: binary.writable(),
        ..Program::default()
    };
    let binary = binary.called();
    let more = if args.is_empty() { None } else { Some("--") };
    let words = binary.split(' ').chain([test.name.as_str()]).chain(more);
    let line = shlex::try_join(words.chain(args.iter().map(String::as_str)));
    let line = line.map_err(|_| Usage("an argument has a NUL byte in it".to_owned()))?;
    Ok(Victim::program(&format!("{TEST}{line}"), program).tags(&["test", &binary]))
}

/// The victim of this name, which [`victim`] has made: its tests are built anew.
pub(crate) fn named(name: &str) -> Option<anyhow::Result<Victim>> {
    let words = shlex::split(name.strip_prefix(TEST)?)?;
    let (test, args) = match words.iter().position(|word| word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words.as_slice(), &[][..]),
    };
    let [_, _, test] = test else { return None };
    let which = Which { filters: vec![test.clone()], exact: true, include_ignored: true, ..Which::default() };
    Some(find(&which, args).and_then(|found| {
        let victim = found.victims.into_iter().find(|victim| victim.name() == name);
        let missing =
            || Usage("the package in this directory has no such test; replay it in its checkout".to_owned());
        Ok(victim.ok_or_else(missing)?)
    }))
}

/// The name of a test without that of its binary, which `group` is.
pub(crate) fn short_name<'n>(name: &'n str, group: &str) -> &'n str {
    let test = name.strip_prefix(TEST).and_then(|rest| rest.strip_prefix(group));
    test.map_or(name, |test| test.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_mean_what_they_mean_to_libtest() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let which = Which { filters: words(&["dir", "file"]), skip: words(&["slow"]), ..Which::default() };
        assert!(which.names("dir::makes_one") && which.names("a_file") && !which.names("other"));
        assert!(!which.names("dir::slow_one"));
        let exact = Which { filters: words(&["dir"]), exact: true, ..Which::default() };
        assert!(exact.names("dir") && !exact.names("dir::makes_one"));
        assert!(Which::default().names("anything"));
    }

    #[test]
    fn the_name_of_a_test_is_short_below_that_of_its_binary() {
        assert_eq!(short_name("test: my-crate lib a::b", "my-crate lib"), "a::b");
        assert_eq!(short_name("exec: true", "command"), "exec: true");
    }
}
