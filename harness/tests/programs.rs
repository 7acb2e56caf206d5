//! Programs as victims: contained, held, judged.

use linkbait::{ErrorKind, Host, Judge, Program, Report, Victim};

fn program(argv: &[&str]) -> Program {
    Program { argv: argv.iter().map(ToString::to_string).collect(), ..Program::default() }
}

/// The report on a program, or `None` where this machine cannot contain it, which is said.
fn judged(name: &str, argv: &[&str]) -> Option<Report> {
    match Judge::new(Host::detect()).judge(&Victim::program(name, program(argv))) {
        Ok(report) => Some(report),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
            println!("not checked: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_shell_that_writes_to_a_predictable_name_follows_a_planted_link() {
    let Some(report) = judged("sh", &["sh", "-c", "echo secret > /tmp/app.log; rm /tmp/app.log"]) else {
        return;
    };
    assert!(
        report.findings.iter().any(|f| f.rule == "follows-link" && f.path == "shared/app.log"),
        "{report:#?}"
    );
    assert!(!std::path::Path::new("/tmp/app.log").exists(), "the real /tmp was touched");
}

#[test]
fn mktemp_of_coreutils_is_only_told_to_leave_its_file() {
    let Some(report) = judged("mktemp", &["mktemp"]) else { return };
    let rules: Vec<_> = report.findings.iter().map(|f| f.rule).collect();
    assert_eq!(rules, ["leftover"], "{report:#?}");
}
