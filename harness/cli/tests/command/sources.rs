//! The lines of source that findings of programs come from, whatever language these are written in.

use crate::desk::Desk;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Its callers are found only by who knows the frame pointer: syscall(2) is a stub that does not keep it on the stack.
const PROGRAM: &str = r#"
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline __attribute__((always_inline)) int make(const char *name) {
    return syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0600); /* made here */
}

static int save(const char *name, volatile int size) {
    char room[size]; /* so that the stack is not of a fixed size */
    room[size - 1] = 0;
    return make(name) + room[size - 1];
}

int main(void) {
    int fd = save("/tmp/app.log", 100);
    if (write(fd, "x", 1) != 1) return 1;
    return unlink("/tmp/app.log");
}
"#;

/// A program compiled with these options, where no arena lies over it. What keeps us from that is said past the test's
/// capture.
fn compiled(options: &[&str]) -> Option<tempfile::TempDir> {
    let built = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).and_then(|dir| {
        std::fs::write(dir.path().join("app.c"), PROGRAM)?;
        let mut command = Command::new("cc");
        let ran = command.args(options).args(["-o", "app", "app.c"]).current_dir(dir.path()).output()?;
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        if ran.status.success() { Ok(dir) } else { Err(std::io::Error::other(told)) }
    });
    // Nobody is left to tell when stderr is gone.
    let _ = built.as_ref().map_err(|e| writeln!(std::io::stderr(), "not checked: source lines of C: {e}"));
    built.ok()
}

/// What is told of where the link was followed; nothing where programs cannot be contained.
fn source(dir: &Path) -> Option<Value> {
    let app = dir.join("app");
    let options = ["exec", "--umask", "022", "--rule", "follows-link", "--", app.to_str().expect("text")];
    let desk = Desk::new();
    let ran = desk.run(&options);
    if ran.code == 6 {
        let _ = writeln!(std::io::stderr(), "not checked: source lines of programs: {}", ran.out);
        return None;
    }
    assert_eq!(ran.code, 100, "{}{}", ran.out, ran.err);
    let report = std::fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let source = report["victims"][0]["findings"][0]["source"].clone();
    let told = match source["at"]["line"].as_u64() {
        Some(line) => format!("app.c:{line} in "),
        None => "source line unknown: ".to_owned(),
    };
    assert!(ran.out.contains(&told), "{told}: {}", ran.out);
    Some(source)
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "stacks are read on x86-64 only")]
fn the_line_of_a_c_program_is_told_with_and_without_optimization() {
    for options in [["-g", "-O0"], ["-g", "-O2"]] {
        let Some(source) = compiled(&options).and_then(|dir| source(dir.path())) else { return };
        let line = PROGRAM.lines().position(|line| line.contains("made here")).expect("a line") + 1;
        assert_eq!(
            (&source["at"]["line"], &source["at"]["function"]),
            (&line.into(), &"make".into()),
            "{source}"
        );
        let functions: Vec<&str> = source["frames"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|frame| frame["function"].as_str())
            .collect();
        let last: Vec<&str> =
            functions.iter().copied().filter(|name| ["make", "save", "main"].contains(name)).collect();
        assert_eq!(last, ["make", "save", "main"], "{options:?}: {functions:?}");
    }
}

#[test]
fn a_program_without_debug_information_has_no_line_and_that_is_said() {
    let Some(source) = compiled(&["-O0"]).and_then(|dir| source(dir.path())) else { return };
    assert!(source["at"].is_null(), "{source}");
    let why = source["unknown"].as_str().expect("a reason");
    assert!(why.contains("no debug information") || !cfg!(target_arch = "x86_64"), "{why}");
}
