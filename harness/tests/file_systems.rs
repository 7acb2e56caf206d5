//! Victims on other file systems than memory, and on one that does not know exclusive creation.

mod common;

use common::unless_unsupported;
use linkbait::timeline::Timeline;
use linkbait::{Class, FileSystem, Host, Judge, Program, Report, Verdict, Victim, libc_temp};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes to a file made anew, then removes it.
fn create_new(path: &Path, flags: i32) -> std::io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(flags).open(path)?;
    file.write_all(b"secret")?;
    std::fs::remove_file(path)
}

fn judge(places: &[FileSystem]) -> Judge {
    Judge::new(Host::detect()).umasks(&[0o022]).file_systems(places)
}

/// The report, or `None` where this machine cannot judge it, which is said.
fn judged(victim: &Victim, places: &[FileSystem]) -> Option<Report> {
    unless_unsupported(victim.name(), judge(places).judge(victim))
}

fn has(report: &Report, rule: &str) -> bool {
    report.findings.iter().any(|f| f.rule == rule && f.file_system == "no-excl")
}

#[test]
fn an_exclusive_create_is_safe_but_not_where_the_file_system_does_not_know_it() {
    let victim = linkbait::victim("create new", |dir| create_new(&dir.join("x"), 0));
    let report = judged(&victim, &[FileSystem::NoExcl, FileSystem::Tmpfs]).expect("this machine can judge");
    let (pass, fail) = (Verdict::Pass, Verdict::Fail);
    assert_eq!(report.file_systems, [("tmpfs", pass), ("no-excl", fail)]);
    assert!(has(&report, "follows-link") && has(&report, "uses-foreign"), "{report:#?}");
    let found = report.findings.iter().find(|f| f.rule == "follows-link").expect("a finding");
    let told = "  2 victim    openat(\"shared/x\", WRONLY|CREAT|EXCL|CLOEXEC, 0600) = 3\n  3 victim    write(\"outside/";
    assert!(found.timeline.contains("fs no-excl ") && found.timeline.contains(told), "{}", found.timeline);
    assert!(linkbait::rules::help(found).contains("mkdtemp"));
}

#[test]
fn a_finding_replays_on_the_file_system_that_it_showed_on() {
    let victim = linkbait::victim("create new", |dir| create_new(&dir.join("x"), 0));
    let report = judged(&victim, &[FileSystem::NoExcl]).expect("this machine can judge");
    let file = Timeline::parse(&report.findings.first().expect("a finding").timeline).expect("our own");
    let replay = Judge::new(Host::detect()).replay(&victim, &file).expect("this machine can judge");
    assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
    let mut elsewhere = file.clone();
    elsewhere.head.file_system = "tmpfs".to_owned();
    let replay = Judge::new(Host::detect()).replay(&victim, &elsewhere).expect("this machine can judge");
    assert!(!replay.same_findings, "{}", replay.timeline);
}

#[test]
fn private_directories_and_files_without_a_name_stay_safe_without_exclusive_creation() {
    let in_directory = linkbait::victim("mkdtemp", |dir| -> std::io::Result<()> {
        let template = CString::new(dir.join("own.XXXXXX").into_os_string().into_vec())?;
        let own = PathBuf::from(libc_temp::mkdtemp(&template)?.into_string().expect("text"));
        create_new(&own.join("x"), 0)?;
        std::fs::remove_dir(own)
    });
    let unnamed = linkbait::victim("unnamed", |dir| -> std::io::Result<()> {
        let mut how = OpenOptions::new();
        let file = how.write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(dir)?;
        libc_temp::link_unnamed(&file, &dir.join("x"))?;
        std::fs::remove_file(dir.join("x"))
    });
    for victim in [in_directory, unnamed] {
        let report = judged(&victim, &[FileSystem::NoExcl]).expect("this machine can judge");
        assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    }
}

#[test]
fn a_create_that_does_not_follow_links_is_saved_from_those_but_not_from_files() {
    let victim = linkbait::victim("no follow", |dir| create_new(&dir.join("x"), libc::O_NOFOLLOW));
    let report = judged(&victim, &[FileSystem::NoExcl]).expect("this machine can judge");
    assert!(has(&report, "uses-foreign"), "{report:#?}");
    let through_symlink =
        |f: &&linkbait::Finding| f.rule == "follows-link" && f.timeline.contains("plant symlink");
    assert_eq!(report.findings.iter().find(through_symlink).map(|f| &f.timeline), None);
}

#[test]
fn a_name_taken_when_the_call_arrives_is_still_refused() {
    let victim = linkbait::victim("taken", |dir| {
        let told = File::create_new(dir.join("there")).map(drop).map_err(|e| e.kind());
        if told != Err(std::io::ErrorKind::AlreadyExists) {
            std::fs::create_dir(dir.join("left-to-be-found")).expect("a directory");
        }
    });
    let victim = victim.stage("there", 0o600, "old").keeps("there").attackers(&[Class::None]);
    let report = judged(&victim, &[FileSystem::NoExcl]).expect("this machine can judge");
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
}

#[test]
fn a_program_loses_its_exclusive_creates_too() {
    let argv = ["sh", "-c", "f=$(mktemp) || exit; echo secret > \"$f\"; rm -f \"$f\""];
    let program = Program { argv: argv.map(str::to_owned).to_vec(), ..Program::default() };
    let victim = Victim::program("mktemp", program);
    let Some(report) = judged(&victim, &[FileSystem::Tmpfs, FileSystem::NoExcl]) else { return };
    if report.verdict == Verdict::Unsupported {
        return println!("not checked: {:?}", report.not_examined);
    }
    assert_eq!(report.file_systems, [("tmpfs", Verdict::Pass), ("no-excl", Verdict::Fail)], "{report:#?}");
    assert!(has(&report, "follows-link"), "{report:#?}");
}

#[test]
fn one_fault_on_several_file_systems_is_one_finding_of_the_first() {
    let victim = linkbait::victim("fixed", |dir| {
        File::create(dir.join("x")).and_then(|_| std::fs::remove_file(dir.join("x")))
    });
    use FileSystem::{Btrfs, Ext4, NoExcl, Overlay, Tmpfs, Xfs};
    let alone = judged(&victim, &[Tmpfs]).expect("this machine can judge");
    let report =
        judged(&victim, &[NoExcl, Overlay, Btrfs, Xfs, Ext4, Tmpfs]).expect("this machine can judge");
    let told = |report: &Report| report.findings.iter().map(|f| (f.rule, f.file_system)).collect::<Vec<_>>();
    assert_eq!(told(&report), told(&alone));
    let names = report.file_systems.iter().map(|(name, _)| *name);
    assert_eq!(names.collect::<Vec<_>>(), FileSystem::ALL.map(FileSystem::name));
    for (name, verdict) in &report.file_systems {
        match verdict {
            Verdict::Fail => {}
            Verdict::Unsupported => {
                let why = report.not_examined.iter().find(|note| note.contains(name));
                println!("not checked: {}", why.expect("a reason"));
            }
            other => panic!("{name}: {other}"),
        }
    }
}

/// The type of the file system that a directory is on, as the calling thread sees it.
fn type_of(dir: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").expect("procfs");
    let on = |line: &&str| dir.starts_with(line.split(' ').nth(4).expect("a mount point"));
    let nearest = mounts.lines().filter(on).max_by_key(|line| line.split(' ').nth(4).map(str::len));
    let rest = nearest.and_then(|line| line.split(" - ").nth(1)).unwrap_or_default();
    rest.split(' ').next().unwrap_or_default().to_owned()
}

/// Both leave a file if it is another.
#[test]
fn bodies_and_programs_are_on_the_file_system_asked_for() {
    for name in [FileSystem::Ext4, FileSystem::Xfs, FileSystem::Btrfs, FileSystem::Overlay] {
        let line =
            format!("umask 077; grep -q ' /tmp .* - {name} ' /proc/self/mountinfo || echo x > /tmp/wrong");
        let argv = ["sh", "-c", &line].map(str::to_owned).to_vec();
        let program = Victim::program("program", Program { argv, ..Program::default() });
        let body = linkbait::victim("body", move |dir| {
            if type_of(dir) != name.name() {
                std::fs::write(dir.join("wrong"), type_of(dir)).expect("a file");
            }
        });
        for victim in [program, body] {
            let Some(report) = judged(&victim.attackers(&[Class::None]), &[name]) else { continue };
            assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
        }
    }
}
