//! Directories that programs may write beside their arena: new in each trial, and as they were afterwards.

use crate::desk::{Desk, Ran, ran};
use std::fs;
use std::io::Write;
use std::path::Path;
use tempfile::TempDir;

/// A directory that no arena lies over, with a file and a directory in it. Where there can be none, or no overlay, that
/// is said past the test's capture.
fn directory() -> Option<TempDir> {
    let made = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).and_then(|dir| {
        fs::write(dir.path().join("precious"), "keep")?;
        fs::create_dir(dir.path().join("sub"))?;
        fs::write(dir.path().join("sub/more"), "keep").map(|()| dir)
    });
    let told = match made {
        Ok(dir) => {
            let ran = writing(dir.path(), &["--attacker", "none"], "true");
            if ran.code != 6 {
                return Some(dir);
            }
            ran.out
        }
        Err(e) => format!("no directory beside /tmp: {e}"),
    };
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "not checked: writable directories: {told}");
    None
}

/// Judges a line of shell that starts in `dir` and may write it.
fn writing(dir: &Path, options: &[&str], line: &str) -> Ran {
    let dir = dir.to_str().expect("text");
    let fixed = ["exec", "--umask", "022", "--writable", dir];
    let args = [&fixed, options, &["--", "sh", "-c", line]].concat();
    // The report goes to a directory of its own.
    let desk = Desk::new();
    let report = desk.path("report");
    let output = ["--output", report.to_str().expect("text")];
    let mut command = desk.command(&[&args[..1], &output, &args[1..]].concat());
    let mut ran = ran(command.output().expect("the command starts"));
    ran.out = fs::read_to_string(report).unwrap_or_default();
    ran
}

fn is_untouched(dir: &Path) -> bool {
    let kept = |name: &str| fs::read_to_string(dir.join(name)).is_ok_and(|text| text == "keep");
    let entries = fs::read_dir(dir).expect("a directory").count();
    kept("precious") && kept("sub/more") && entries == 2
}

/// It makes a temporary file so that there are many trials, and leaves one if anything is not as it should be.
#[test]
fn what_is_written_is_seen_in_its_own_trial_and_nowhere_else() {
    let Some(dir) = directory() else { return };
    let line = "cd DIR && f=$(mktemp) && rm \"$f\" && test \"$(cat precious)\" = keep && ! test -e new && \
                echo changed > precious && echo x > new && rm -r sub && mkdir -m 755 sub && ! test -e sub/more && \
                test \"$(cat new)\" = x && mv new sub/moved && chmod 700 . || { umask 077; echo x > /tmp/wrong; }";
    let line = line.replace("DIR", &dir.path().display().to_string());
    let ran = writing(dir.path(), &["--attacker", "none,other-user"], &line);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(is_untouched(dir.path()));
    assert!(!ran.out.contains("outside of the arena"), "{}", ran.out);
}

#[test]
fn without_the_option_the_same_program_cannot_write_there() {
    let Some(dir) = directory() else { return };
    let line = format!("echo x > {}/new || {{ umask 077; echo x > /tmp/wrong; }}", dir.path().display());
    let ran = Desk::new().run(&["exec", "--umask", "022", "--attacker", "none", "--", "sh", "-c", &line]);
    assert!(ran.code == 100 && ran.out.contains("leftover"), "{}{}", ran.out, ran.err);
}

#[test]
fn the_working_directory_can_be_writable() {
    let Some(dir) = directory() else { return };
    let line = "echo x > new && test \"$(cat new)\" = x && f=$(mktemp) && rm \"$f\" || \
                { umask 077; echo x > /tmp/wrong; }";
    let options = ["exec", "--umask", "022", "--attacker", "none,other-user", "--writable", ".", "--output"];
    let desk = Desk::new();
    let report = desk.path("report");
    let more = [report.to_str().expect("text"), "--", "sh", "-c", line];
    let mut command = desk.command(&[&options[..], &more].concat());
    let ran = ran(command.current_dir(dir.path()).output().expect("the command starts"));
    assert_eq!(ran.code, 0, "{}{}", fs::read_to_string(report).unwrap_or_default(), ran.err);
    // Reports and timelines are ours, and real.
    fs::remove_dir_all(dir.path().join("target")).expect("saved there");
    assert!(is_untouched(dir.path()));
}

/// The setup's files are there in every trial, whatever the trial before did to them.
#[test]
fn a_victim_file_can_name_directories_and_its_setup_writes_there_for_all_trials() {
    let Some(dir) = directory() else { return };
    let script = "f=$(mktemp) && rm \"$f\" && test \"$(cat {here}/made)\" = new && rm {here}/made && \
                  rm -r {here}/sub && echo x > {here}/precious || { umask 077; echo x > /tmp/wrong; }";
    let text = format!(
        "schema = \"linkbait-victim/1\"\nname = \"writes\"\n[command]\nargv = [\"sh\", \"-c\", '''{script}''']\n\
         setup = \"test ! -e {{here}}/made && echo new > {{here}}/made\"\nwritable = [\"{{here}}\"]\n"
    );
    fs::write(dir.path().join("writes.toml"), &text).expect("a file");
    let desk = Desk::new();
    let file = dir.path().join("writes.toml");
    let ran = desk.run(&["run", "--umask", "022,077", file.to_str().expect("text")]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    fs::remove_file(file).expect("still there");
    assert!(is_untouched(dir.path()));
    fs::write(desk.path("bad.toml"), text.replace("[\"{here}\"]", "[\"/proc\"]")).expect("a file");
    let ran = desk.run(&["run", "./bad.toml"]);
    assert!(ran.code == 2 && ran.err.contains("command.writable: /proc"), "{}{}", ran.out, ran.err);
}

#[test]
fn a_directory_given_twice_or_within_another_is_one() {
    let Some(dir) = directory() else { return };
    let sub = dir.path().join("sub");
    let sub = sub.to_str().expect("text");
    let line = format!("echo x > {sub}/new && echo x > {sub}/../new || echo x > /tmp/wrong");
    let ran = writing(dir.path(), &["--attacker", "none", "--writable", sub, "--writable", sub], &line);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(is_untouched(dir.path()));
}

#[test]
fn findings_of_a_program_that_writes_there_replay_with_the_same_option() {
    let Some(dir) = directory() else { return };
    let shown = dir.path().display();
    let line = format!("echo x > {shown}/new && echo secret > /tmp/app.log && rm /tmp/app.log");
    let desk = Desk::new();
    let option = ["--writable", dir.path().to_str().expect("text")];
    let judged = desk.run(&[&["exec", "--umask", "022"], &option[..], &["--", "sh", "-c", &line]].concat());
    assert_eq!(judged.code, 100, "{}{}", judged.out, judged.err);
    let timelines = desk.timelines();
    let file = timelines.iter().find(|name| name.contains("follows-link")).expect("a finding");
    let again = desk.run(&[&["replay", file], &option[..]].concat());
    assert_eq!(again.code, 100, "{}{}", again.out, again.err);
    assert!(is_untouched(dir.path()));
}

#[test]
fn directories_that_cannot_be_laid_over_exit_2_and_say_why() {
    for (dir, said) in [
        ("/", "name the directory that is written to"),
        ("/proc", "name the directory that is written to"),
        ("/sys/kernel", "name the directory that is written to"),
        ("/dev/shm", "name the directory that is written to"),
        ("/tmp", "the arena lies over /tmp"),
        ("/mnt", "the arena lies over /mnt"),
        ("/var", "the arena lies over /var/tmp in it"),
        ("/no/such/directory", "No such file or directory"),
        ("/etc/passwd", "it is no directory"),
    ] {
        let ran = Desk::new().run(&["exec", "--writable", dir, "--", "true"]);
        assert!(ran.code == 2 && ran.err.contains(said), "{dir}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn victims_that_are_no_programs_cannot_be_given_directories() {
    let Some(dir) = directory() else { return };
    let ran = Desk::new().run(&["run", "mkstemp", "--writable", dir.path().to_str().expect("text")]);
    assert!(ran.code == 2 && ran.err.contains("for programs"), "{} {}", ran.code, ran.err);
}
