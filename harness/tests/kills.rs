//! SIGKILL at every call of victims in this process: what stands there then stays, and nothing else happens.

use linkbait::libc_temp::link_unnamed;
use linkbait::timeline::Timeline;
use linkbait::{Class, Host, Judge, Report, Schedule, Tried, Verdict, Victim};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;

fn judge() -> Judge {
    Judge::new(Host::detect()).umasks(&[0o077]).attackers(&[Class::None]).signals(true)
}

/// A victim that replaces a file and is to leave nothing else.
fn replacing(name: &str, body: impl Fn(&Path) -> io::Result<()> + Send + Sync + 'static) -> Victim {
    linkbait::victim(name, body).stage("app.conf", 0o600, "old").keeps("app.conf").replaces("app.conf")
}

/// What each kill came to, one at every call.
fn killed(victim: &Victim) -> Vec<Tried> {
    let tried = judge().session(victim, Class::None, 0o077, |session| {
        let kills = session.faults().into_iter().map(Schedule::from);
        kills.map(|kill| session.run(&kill)).collect::<Result<Vec<_>, _>>()
    });
    let tried = tried.expect("this machine can judge");
    assert!(tried.len() > 2 && tried.iter().all(|tried| tried.landed), "{tried:#?}");
    tried
}

fn judged(victim: &Victim) -> Report {
    judge().judge(victim).expect("this machine can judge")
}

fn create_and_rename(dir: &Path) -> io::Result<()> {
    let temp = dir.join("new");
    let mut file = File::create_new(&temp)?;
    let done = file.write_all(b"new").and_then(|()| file.sync_all());
    done.and_then(|()| fs::rename(&temp, dir.join("app.conf"))).inspect_err(|_| drop(fs::remove_file(&temp)))
}

#[test]
fn a_rename_is_whole_after_every_kill_and_leaves_the_one_temporary_file() {
    let tried = killed(&replacing("renames", create_and_rename));
    assert!(tried.iter().all(|tried| tried.findings.is_empty()), "{tried:#?}");
    let stays: Vec<usize> = tried.iter().map(|tried| tried.stays.len()).collect();
    // Killed at the open; at the write, the sync and the rename; at the close, when all is done.
    assert_eq!(stays, [0, 1, 1, 1, 0], "{tried:#?}");
}

#[test]
fn a_file_without_a_name_is_gone_after_every_kill() {
    let tried = killed(
        &linkbait::victim("links", |dir| {
            let mut file =
                OpenOptions::new().write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(dir)?;
            file.write_all(b"new").and_then(|()| link_unnamed(&file, &dir.join("result")))
        })
        .keeps("result"),
    );
    assert!(tried.iter().all(|tried| tried.stays.is_empty() && tried.findings.is_empty()), "{tried:#?}");
}

#[test]
fn a_kill_while_a_file_is_written_in_place_shows_it_torn_and_the_timeline_replays() {
    let victim = replacing("writes", |dir| fs::write(dir.join("app.conf"), "new"));
    let tried = killed(&victim);
    let torn: Vec<_> = tried.iter().flat_map(|tried| &tried.findings).collect();
    assert!(!torn.is_empty(), "{tried:#?}");
    for finding in torn {
        assert_eq!((finding.rule, finding.phase), ("torn-replace", "SIGKILL"));
        let file = Timeline::parse(&finding.timeline).expect("it reads back");
        let plain = Judge::new(Host::detect());
        for _ in 0..20 {
            let replay = plain.replay(&victim, &file).expect("this machine can judge");
            assert!(replay.same_steps && replay.same_findings, "{}", replay.timeline);
        }
    }
}

#[test]
fn what_a_destructor_would_remove_stays_and_is_told_but_is_no_finding() {
    let report = judged(&linkbait::victim("guards", |dir| {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(b"secret")
    }));
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    let told =
        |note: &String| note.starts_with("after SIGKILL at write") && note.ends_with("stays shared/<1>");
    assert!(report.notes.iter().any(told), "{report:#?}");
    let noted = report.cells.iter().find(|cell| cell.rule == "leftover" && cell.phase == "SIGKILL");
    assert!(noted.is_some_and(|cell| cell.noted > 1 && cell.broken == 0), "{:#?}", report.cells);
    assert!(report.not_examined.iter().any(|note| note.starts_with("signals but SIGKILL")), "{report:#?}");
}

#[test]
fn the_next_start_meets_what_the_killed_one_left() {
    let locks = |dir: &Path| {
        let lock = dir.join("lock");
        File::create_new(&lock)?;
        let done = fs::write(dir.join("work"), "x").and_then(|()| fs::remove_file(dir.join("work")));
        // It unlocks whatever happens, but not when it is killed.
        fs::remove_file(lock).and(done)
    };
    let report = judged(&linkbait::victim("locks", locks));
    let told = |text: &str| report.notes.iter().any(|note| note.contains(text));
    let stands = "openat(\"shared/work\") #0 of task 0 the next start does not end as usual: error";
    assert!(told(stands), "{report:#?}");
    let report = judged(&linkbait::victim("lives with it", |dir| {
        fs::write(dir.join("work"), "x").and_then(|()| fs::remove_file(dir.join("work")))
    }));
    let lives = |note: &String| note.starts_with("after SIGKILL") && !note.contains("next start");
    assert!(!report.notes.is_empty() && report.notes.iter().all(lives), "{report:#?}");
}

/// Removes its file when dropped, after a look, or panics.
struct Insists(PathBuf);

impl Drop for Insists {
    fn drop(&mut self) {
        fs::metadata(&self.0).expect("it is there");
        fs::remove_file(&self.0).expect("it is there");
    }
}

fn insists(dir: &Path) {
    let file = Insists(dir.join("a"));
    fs::write(&file.0, "x").expect("it can be written");
    fs::write(dir.join("a"), "y").expect("it can be written again");
}

#[test]
fn a_killed_victim_that_panics_loops_or_has_threads_still_comes_to_its_end() {
    let victims = [
        linkbait::victim("panics while it unwinds", insists),
        linkbait::victim("panics on a thread while it unwinds", |dir| {
            let dir = dir.to_owned();
            let _ = thread::spawn(move || insists(&dir)).join();
        }),
        linkbait::victim("catches panics", |dir| {
            let caught = catch_unwind(AssertUnwindSafe(|| insists_once(dir)));
            caught.unwrap_or_else(|_| fs::remove_file(dir.join("b")).expect("it is there"));
        }),
        linkbait::victim("tries for ever", |dir| {
            while fs::write(dir.join("a"), "x").is_err() {}
            fs::remove_file(dir.join("a"))
        }),
        linkbait::victim("waits for its thread", |dir| {
            let ((tell, told), dir) = (channel(), dir.to_owned());
            let helper = thread::spawn(move || {
                let made = fs::write(dir.join("a"), "x").and_then(|()| fs::remove_file(dir.join("a")));
                made.map(|()| tell.send(()).is_ok())
            });
            let _ = told.recv();
            drop(helper.join());
        }),
        linkbait::victim("lists", |dir| {
            fs::create_dir(dir.join("tree"))?;
            fs::write(dir.join("tree/a"), "x")?;
            fs::remove_dir_all(dir.join("tree"))
        }),
    ];
    for victim in victims {
        let report = judged(&victim);
        assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
        assert!(report.cells.iter().any(|cell| cell.phase == "SIGKILL"), "{report:#?}");
    }
}

fn insists_once(dir: &Path) {
    fs::write(dir.join("b"), "x").expect("it can be written");
    fs::remove_file(dir.join("b")).expect("it can be removed");
}
