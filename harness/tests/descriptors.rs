//! Descriptors: which of them a started program gets, which of them stay open.

mod common;

use common::unless_unsupported;
use linkbait::{Class, Host, Judge, Program, Report, Victim};
use std::fs::{self, File};

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o077]).attackers(&[Class::None])
}

/// The report on a line of shell that may pass on what has such a name; `None` where this machine cannot contain it.
fn shell(line: &str, passes: &str) -> Option<Report> {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let victim = Victim::program(line, Program { argv, ..Program::default() }).keeps("*").passes(passes);
    unless_unsupported(line, judge().judge(&victim))
}

/// Paths of what was found by a rule.
fn paths<'r>(report: &'r Report, rule: &str) -> Vec<&'r str> {
    report.findings.iter().filter(|f| f.rule == rule).map(|f| f.path.as_str()).collect()
}

#[test]
fn a_command_gets_what_the_shell_has_opened_unless_it_is_a_standard_stream_or_closed_or_meant_to() {
    let cases = [
        ("exec 3> /tmp/a; cat /dev/null", "", true),
        ("exec 3> /tmp/a; cat /dev/null 3>&-", "", false),
        ("exec 3> /tmp/a; cat /dev/null", "a", false),
        ("exec 3> /tmp/a; cat /dev/null", "b", true),
        ("cat /dev/null > /tmp/a 2> /tmp/b", "", false),
        ("exec 3> /tmp/a; rm /tmp/a 3>&-; cat /dev/null", "", true),
        ("exec 3> /tmp/a; /no/such/program", "", false),
        ("exec 3> /tmp/a; : no program at all", "", false),
        ("exec 3< /etc/passwd; cat /dev/null", "", false),
    ];
    for (line, passes, broken) in cases {
        let Some(report) = shell(line, passes) else { return };
        let found = paths(&report, "inherited-descriptor");
        let wanted: &[&str] = if broken { &["shared/a"] } else { &[] };
        assert_eq!(found, wanted, "{line}, which passes {passes:?}: {report:#?}");
    }
}

#[test]
fn a_program_that_could_not_be_started_has_inherited_nothing() {
    let line = "exec 3> /tmp/a; exec cat /dev/null";
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let victim = Victim::program(line, Program { argv, ..Program::default() }).keeps("*");
    let Some(report) = unless_unsupported(line, judge().faults(true).judge(&victim)) else { return };
    let found = report.findings.iter().find(|f| f.rule == "inherited-descriptor").expect("it is found");
    assert!(found.schedule.acts.is_empty(), "{found:#?}");
    assert!(report.findings.iter().all(|f| !f.timeline.contains("execve") || f.phase != "error"));
}

#[test]
fn what_is_kept_open_is_found_and_what_is_lent_or_closed_is_not() {
    let report = judge()
        .judge(&linkbait::victim("keeps", |dir| {
            File::create_new(dir.join("closed"))?;
            std::mem::forget(File::create_new(dir.join("kept"))?);
            fs::remove_file(dir.join("closed"))?;
            fs::remove_file(dir.join("kept"))
        }))
        .expect("this machine can judge");
    assert_eq!(paths(&report, "leaked-descriptor"), ["shared/kept"], "{report:#?}");
}

#[test]
fn a_descriptor_stays_open_when_its_close_was_made_to_fail_and_that_is_no_fault() {
    let victim = linkbait::victim("closes", |dir| {
        fs::write(dir.join("a"), "secret")?;
        fs::remove_file(dir.join("a"))
    });
    let report = judge().faults(true).judge(&victim).expect("this machine can judge");
    assert_eq!(paths(&report, "leaked-descriptor"), [""; 0], "{report:#?}");
    let line = "echo secret > /tmp/a; rm /tmp/a";
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let victim = Victim::program(line, Program { argv, ..Program::default() });
    let Some(report) = unless_unsupported(line, judge().faults(true).judge(&victim)) else { return };
    assert_eq!(paths(&report, "inherited-descriptor"), [""; 0], "{report:#?}");
}

#[test]
fn a_number_that_somebody_else_got_meanwhile_is_not_taken_for_the_victims() {
    // The second file gets the number of the first, which was closed.
    let victim = linkbait::victim("reuses", |dir| {
        drop(File::create_new(dir.join("a"))?);
        let other = File::open("/dev/null")?;
        fs::remove_file(dir.join("a"))?;
        std::mem::forget(other);
        std::io::Result::Ok(())
    });
    let report = judge().judge(&victim).expect("this machine can judge");
    assert_eq!(paths(&report, "leaked-descriptor"), [""; 0], "{report:#?}");
}

#[test]
fn a_victim_that_keeps_too_many_descriptors_is_not_judged_until_this_process_has_none() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1 << 20);
    if most > 4096 {
        println!("not checked: {most} files may be open, so that takes too many trials");
        return;
    }
    let victim = linkbait::victim("hoards", |dir| {
        for at in 0..64 {
            std::mem::forget(File::create_new(dir.join(format!("{at}")))?);
        }
        (0..64).try_for_each(|at| fs::remove_file(dir.join(format!("{at}"))))
    });
    let judge = Judge::new(Host::detect()).attackers(&[Class::OtherUser]);
    let report = judge.judge(&victim).expect("this machine can judge");
    assert!(report.not_examined.iter().any(|note| note.contains("descriptors")), "{report:#?}");
    assert!(report.unreached > 0, "{report:#?}");
}
