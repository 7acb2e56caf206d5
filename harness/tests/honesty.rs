//! Victims that could once be raced, or that could not be seen whole, and yet were called safe; and the reverse.

use linkbait::{Class, Dirs, Host, Judge, Report, Verdict, Victim};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

fn judged(victim: &Victim, classes: &[Class]) -> Report {
    Judge::new(Host::detect()).umasks(&[0o022]).attackers(classes).judge(victim).expect("can judge")
}

fn finds(report: &Report, rule: &str) -> bool {
    report.findings.iter().any(|finding| finding.rule == rule)
}

fn exclusive(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// A directory so deep that few paths in it fill the room for names.
fn long_way(shared: &Path) -> io::Result<PathBuf> {
    let mut dir = shared.to_path_buf();
    for _ in 0..9 {
        dir.push("w".repeat(240));
        private_dir(&dir)?;
    }
    Ok(dir)
}

#[test]
fn attributes_set_through_a_link_are_found() {
    let victim = linkbait::victim("setxattr", |dir| {
        let flags = rustix::fs::XattrFlags::empty();
        let set = |name: &str| rustix::fs::setxattr(dir.join("a"), name, b"x", flags);
        set("user.linkbait").or_else(|_| set("trusted.linkbait"))
    });
    let report = judged(&victim, &[Class::OtherUser]);
    let place = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    if rustix::fs::setxattr(place.path(), "user.x", b"x", rustix::fs::XattrFlags::empty()).is_ok() {
        assert!(finds(&report, "chmods-foreign"), "{report:?}");
    }
}

#[test]
fn content_that_comes_by_splice_is_seen_before_the_file_is_removed() {
    let victim = linkbait::victim("splice", |dir| {
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(b"secret")?;
        let path = dir.join("a");
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path)?;
        let flags = rustix::pipe::SpliceFlags::empty();
        rustix::pipe::splice(&reader, None, &file, None, 6, flags)?;
        fs::remove_file(path)
    });
    assert!(finds(&judged(&victim, &[Class::None]), "world-readable"));
}

#[test]
fn a_child_that_names_the_machines_own_tmp_is_not_let_into_it() {
    let name = format!("/tmp/linkbait-child-{}", std::process::id());
    let script = format!("echo x 2>/dev/null >{name}");
    let victim = linkbait::victim("child", move |_| Command::new("/bin/sh").args(["-c", &script]).status());
    let report = judged(&victim, &[Class::OtherUser]);
    assert!(fs::remove_file(&name).is_err(), "{name} was made on this machine");
    assert!(report.not_examined.iter().any(|note| note.contains("EROFS")), "{report:?}");
}

#[test]
fn a_tree_that_does_not_fit_makes_even_an_undisturbed_run_inconclusive() {
    let victim = linkbait::victim("long names", |dir| {
        let dir = long_way(dir)?;
        (0..150).try_for_each(|n| exclusive(&dir.join(n.to_string())).map(drop))
    });
    let report = judged(&victim.keeps("w*"), &[Class::None]);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{:?}", report.not_examined);
}

#[test]
fn what_is_made_in_a_directory_that_was_moved_away_is_no_leftover() {
    let body = |dirs: &Dirs| -> io::Result<()> {
        let path = dirs.shared.join("w");
        private_dir(&path)?;
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let dir = OpenOptions::new().read(true).custom_flags(flags).open(&path)?;
        if dir.metadata()?.permissions().readonly() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let create = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::EXCL | rustix::fs::OFlags::WRONLY;
        rustix::fs::openat(&dir, "x", create, rustix::fs::Mode::RUSR)?;
        fs::remove_dir_all(path)
    };
    let report = judged(&Victim::new("held", body), &[Class::DirWriter]);
    assert!(!finds(&report, "leftover"), "{report:?}");
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[test]
fn a_name_below_a_descriptor_in_proc_is_a_name_in_the_arena() {
    let victim = linkbait::victim("/proc/self/fd", |dir| {
        let dir = File::open(dir)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&dir);
        let path = format!("/proc/{}/fd/{number}/a", std::process::id());
        create(Path::new(&path))?;
        fs::remove_file(path)
    });
    assert!(finds(&judged(&victim, &[Class::OtherUser]), "follows-link"));
}

#[test]
fn the_working_directory_of_the_process_is_not_written_through_proc() {
    let name = format!("linkbait-cwd-{}", std::process::id());
    let path = format!("/proc/self/cwd/{name}");
    let victim = linkbait::victim("/proc/self/cwd", move |_| create(Path::new(&path)));
    let report = judged(&victim, &[Class::OtherUser]);
    assert!(fs::remove_file(&name).is_err(), "{name} was made outside of the arena");
    assert!(report.not_examined.iter().any(|note| note.contains("EROFS")), "{report:?}");
}

#[test]
fn names_that_a_path_does_not_show_never_pass_as_attacked() {
    let through_own_link = linkbait::victim("own link", |dir| {
        std::os::unix::fs::symlink("data", dir.join("link"))?;
        create(&dir.join("link"))?;
        fs::remove_file(dir.join("data")).and_then(|()| fs::remove_file(dir.join("link")))
    });
    let climbs = linkbait::victim("dot dot", |dir| {
        let path = dir.join("sub/../a");
        exclusive(&path).and_then(|_| fs::remove_file(path))
    });
    for victim in [through_own_link, climbs] {
        let report = judged(&victim, &[Class::OtherUser]);
        assert_ne!(report.verdict, Verdict::Pass, "{report:?}");
    }
}

#[test]
fn two_dots_within_a_name_climb_nowhere() {
    let victim = linkbait::victim("dots", |dir| {
        let path = dir.join("a..b");
        exclusive(&path).and_then(|_| fs::remove_file(path))
    });
    assert_eq!(judged(&victim, &[Class::OtherUser]).verdict, Verdict::Pass);
}
