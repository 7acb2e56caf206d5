//! Names predicted in fresh runs of real victims: in 20 of 20 where they can be, never where they are drawn.

mod common;

use common::unless_unsupported;
use linkbait::{Class, Forecast, Host, Judge, Program, Report, Verdict, Victim};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const FRESH: u32 = 20;

fn shell(line: &str) -> Victim {
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    Victim::program(line, Program { argv, ..Program::default() }).needs("sh")
}

/// The forecast, or `None` where this machine cannot contain programs, which is said.
fn forecast(victim: &Victim) -> Option<Forecast> {
    unless_unsupported(victim.name(), Judge::new(Host::detect()).forecast(victim, FRESH))
}

fn by_predictable_name(victim: &Victim) -> Option<Report> {
    let judge = Judge::new(Host::detect()).umasks(&[0o022]).attackers(&[Class::OtherUser]);
    let rule = linkbait::rules::rule("predictable-name").expect("a rule");
    unless_unsupported(victim.name(), judge.rules(&[rule]).judge(victim))
        .filter(|report| report.verdict != Verdict::Unsupported)
}

fn made(path: &Path) -> io::Result<()> {
    File::create(path)?;
    fs::remove_file(path)
}

#[test]
fn programs_whose_names_can_be_known_are_predicted_in_20_of_20_fresh_runs() {
    let schemes = [
        (": > $TMPDIR/a.$$; rm $TMPDIR/a.$$", "a.{pid, decimal}"),
        ("f=$TMPDIR/a$(date +%s); : > $f; rm $f", "a{clock in seconds, decimal}"),
        ("f=$TMPDIR/a.$(date +%s%3N); : > $f; rm $f", "a.{clock in milliseconds, decimal}"),
        ("f=$TMPDIR/n$(ls $TMPDIR | wc -l); : > $f; rm $f", "n{number of entries, decimal}"),
        ("f=$TMPDIR/$(echo $$ | md5sum | cut -c 1-16); : > $f; rm $f", "{md5 of pid, 16 digits}"),
        (
            "f=$TMPDIR/$(date +%s | sha256sum | cut -c 9-20); : > $f; rm $f",
            "{made from the clock in seconds}",
        ),
        (": > $TMPDIR/app.log; rm $TMPDIR/app.log", "app.log"),
    ];
    for (line, scheme) in schemes {
        let Some(forecast) = forecast(&shell(line)) else { return };
        let name = forecast.names.first().unwrap_or_else(|| panic!("{line}: no names"));
        assert_eq!((name.scheme.as_str(), name.hits()), (scheme, FRESH as usize), "{line}: {name:#?}");
        assert!(name.runs.iter().all(|told| (1..=1024).contains(&told.candidates)), "{line}");
    }
}

#[test]
fn programs_whose_names_are_drawn_are_never_predicted() {
    let lines = [
        "rm $(mktemp)",
        "rmdir $(mktemp -d)",
        "f=$TMPDIR/$(cat /proc/sys/kernel/random/uuid); : > $f; rm $f",
        "python3 -IS -c 'import tempfile; tempfile.NamedTemporaryFile().close()'",
        "perl -MFile::Temp -e 'File::Temp->new'",
    ];
    for line in lines {
        let Some(forecast) = forecast(&shell(line)) else { return };
        if forecast.names.is_empty() {
            println!("not checked: {line}: it makes no names here");
        }
        for name in &forecast.names {
            assert_eq!(name.hits(), 0, "{line}: {name:#?}");
            let entropy = name.entropy.expect("drawn names have some");
            assert!(entropy.least > 10.0 && entropy.least <= entropy.bits, "{line}: {entropy:?}");
        }
    }
}

#[test]
fn a_body_whose_names_count_on_from_run_to_run_is_predicted_in_20_of_20() {
    let runs = std::sync::atomic::AtomicU64::new(7);
    let victim = linkbait::victim("counter", move |dir| {
        let number = runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        made(&dir.join(format!("job-{number:05}")))
    });
    let forecast = forecast(&victim).expect("a body needs no containing");
    assert_eq!(forecast.names[0].hits(), FRESH as usize, "{forecast:#?}");
    assert!(forecast.names[0].scheme.contains("counter"), "{forecast:#?}");
}

#[test]
fn a_clock_too_fine_to_plant_in_time_is_no_finding() {
    let victim = linkbait::victim("microseconds", |dir| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        made(&dir.join(format!("app.{}", now.as_nanos())))
    });
    let Some(report) = by_predictable_name(&victim) else { return };
    assert!(report.findings.is_empty(), "{report:#?}");
}

#[test]
fn a_fixed_name_is_a_finding_only_where_what_is_planted_there_is_used_and_it_is_not_meant_to_stay() {
    let create = |dir: &Path| made(&dir.join("app.tmp"));
    let exclusive = |dir: &Path| {
        File::create_new(dir.join("app.lock"))?;
        fs::remove_file(dir.join("app.lock"))
    };
    let log = |dir: &Path| fs::write(dir.join("app.log"), "line");
    for (victim, found) in [
        (linkbait::victim("fixed", create), true),
        (linkbait::victim("lock", exclusive), false),
        (linkbait::victim("log", log).keeps("app.log"), false),
    ] {
        let Some(report) = by_predictable_name(&victim) else { return };
        assert_eq!(!report.findings.is_empty(), found, "{}: {report:#?}", victim.name());
    }
}

#[test]
fn a_plant_by_prediction_stands_in_the_timeline_and_replays() {
    let victim = shell("echo x > $TMPDIR/app.$$; rm -f $TMPDIR/app.$$");
    let Some(report) = by_predictable_name(&victim) else { return };
    let finding = report.findings.first().expect("a finding");
    assert!(
        finding.timeline.contains("attacker  plant-predicted symlink \"shared/<1>\""),
        "{}",
        finding.timeline
    );
    assert!(!finding.raced && finding.cwe.starts_with(&[340, 377]), "{finding:#?}");
    assert!(finding.message.contains("predicted as app.{pid, decimal}"), "{}", finding.message);
    let file = linkbait::timeline::Timeline::parse(&finding.timeline).expect("our own timeline");
    let replay = Judge::new(Host::detect()).replay(&victim, &file).expect("this machine can judge");
    assert!(replay.same_findings && replay.same_steps, "{}", replay.timeline);
}
