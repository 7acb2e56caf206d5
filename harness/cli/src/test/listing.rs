//! The tests in a binary, as libtest lists them.

use super::binary::Binary;
use anyhow::{Context, bail};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

pub(super) struct Test {
    pub(super) name: String,
    pub(super) ignored: bool,
}

/// All tests of a binary, in its order. Benchmarks are none.
pub(super) fn list(binary: &Binary) -> anyhow::Result<Vec<Test>> {
    let ignored: BTreeSet<String> = names(binary, &["--ignored"])?.into_iter().collect();
    let all = names(binary, &[])?;
    Ok(all.into_iter().map(|name| Test { ignored: ignored.contains(&name), name }).collect())
}

fn names(binary: &Binary, more: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut command = Command::new(&binary.executable);
    command.args(["--list", "--format", "terse"]).args(more);
    command.envs(binary.env.iter().cloned()).current_dir(&binary.cwd);
    let called = binary.called();
    let ran = command.stdin(Stdio::null()).output();
    let ran = ran.with_context(|| format!("{called}: execve({:?})", binary.executable))?;
    if !ran.status.success() {
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        bail!("{called}: it does not list its tests (--list): {}\n{told}", ran.status);
    }
    read(&String::from_utf8_lossy(&ran.stdout))
        .with_context(|| format!("{called}: not as libtest lists tests"))
}

fn read(text: &str) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.rsplit_once(": ") {
            Some((name, "test")) => names.push(name.to_owned()),
            Some((_, "benchmark")) => {}
            _ => bail!("{:?}", crate::output::line(line)),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_and_benchmarks_and_nonsense_are_not() {
        assert_eq!(read("a::b: test\nslow: benchmark\nc: test\n").expect("a listing"), ["a::b", "c"]);
        assert!(read("hello\n").is_err() && read("running 1 test\n").is_err());
    }
}
