//! Trials of programs are copies of one that stands before its first call in the arena. They must show what starts anew
//! show.

use linkbait::{Class, ErrorKind, Host, Judge, Program, Report, Victim};
use std::collections::BTreeSet;

fn victim(argv: &[&str], setup: Option<&str>) -> Victim {
    let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
    let program = Program { argv: argv.clone(), setup: setup.map(str::to_owned), ..Program::default() };
    Victim::program(&argv.join(" "), program)
}

/// The report, or `None` where this machine cannot judge it, which is said.
fn judged(judge: &Judge, victim: &Victim) -> Option<Report> {
    match judge.judge(victim) {
        Ok(report) => Some(report),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_) | ErrorKind::Victim(_)) => {
            println!("not checked: {}: {error}", victim.name());
            None
        }
        Err(error) => panic!("{}: {error}", victim.name()),
    }
}

/// What fresh names were differs from run to run.
fn without_names(timeline: &str) -> String {
    timeline.lines().filter(|line| !line.starts_with("names ")).collect::<Vec<_>>().join("\n")
}

/// All that two reports must have in common. Names are predicted for programs started anew, with the machine's own luck.
fn essence(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    let findings: BTreeSet<_> = report
        .findings
        .iter()
        .filter(|f| f.rule != "predictable-name")
        .map(|f| (f.rule, f.path.clone(), f.attacker, f.umask, f.phase, without_names(&f.timeline)))
        .collect();
    let counts = (report.trials, report.refused, report.unreached, report.stops);
    (report.verdict, counts, findings, report.not_examined.clone())
}

fn shows_the_same(victim: &Victim) {
    let judge = Judge::new(Host::detect()).umasks(&[0o022]);
    let (Some(copied), Some(anew)) = (judged(&judge, victim), judged(&judge.start_anew(), victim)) else {
        return;
    };
    assert_eq!(essence(&copied), essence(&anew), "{}", victim.name());
}

#[test]
fn a_shell_that_uses_its_pid_its_parents_and_its_childs_shows_the_same() {
    shows_the_same(&victim(
        &[
            "sh",
            "-c",
            "echo x > /tmp/a.$$; sh -c 'echo x > /tmp/b.$$.$PPID'; (sleep 0; echo x > /tmp/c) & wait",
        ],
        None,
    ));
}

#[test]
fn a_shell_that_signals_itself_shows_the_same() {
    shows_the_same(&victim(&["sh", "-c", "echo x > /tmp/a; kill -TERM $$; echo y > /tmp/b"], None));
    shows_the_same(&victim(&["sh", "-c", "trap 'rm /tmp/a' TERM; echo x > /tmp/a; kill -TERM $$"], None));
}

#[test]
fn a_shell_that_kills_its_process_group_shows_the_same() {
    shows_the_same(&victim(&["sh", "-c", "echo x > /tmp/a; kill -KILL 0; echo y > /tmp/b"], None));
}

/// ptrace(PTRACE_TRACEME), so that we cannot trace it.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_program_that_is_traced_already_shows_the_same() {
    shows_the_same(&victim(&["perl", "-e", "syscall(101, 0, 0, 0, 0); open(F, '>', '/tmp/a')"], None));
}

#[test]
fn a_script_that_is_read_bit_by_bit_shows_the_same() {
    let line = format!("# {}\n", "long ".repeat(200));
    let setup = format!(
        "{{ echo 'echo x > /tmp/a'; yes '{}' | head -n 100; echo 'rm /tmp/a; echo y > /tmp/b'; }} > {{private}}/script",
        line.trim()
    );
    shows_the_same(&victim(&["sh", "{private}/script"], Some(&setup)));
}

#[test]
fn a_program_that_changes_its_directory_before_it_writes_shows_the_same() {
    let setup = "mkdir -p {private}/deep/er; echo old > {private}/deep/er/settings";
    shows_the_same(&victim(
        &["sh", "-c", "cd deep/er; cat settings > /tmp/copy; echo new > settings"],
        Some(setup),
    ));
}

#[test]
fn python_that_has_read_its_own_home_shows_the_same() {
    let script = "import os, tempfile\n\
                  with tempfile.NamedTemporaryFile() as f: f.write(b'x')\n\
                  open(f'/tmp/app.{os.getpid()}', 'w').write('x')";
    shows_the_same(&victim(&["python3", "-c", script], Some("echo x > .pythonrc")));
}

#[test]
fn programs_with_threads_or_pipes_show_the_same() {
    shows_the_same(&victim(&["sh", "-c", "echo x | { read y; echo $y > /tmp/a; }"], None));
    let script = "import os, threading\n\
                  r, w = os.pipe(); os.write(w, b'a')\n\
                  open('/tmp/first', 'w').close()\n\
                  open('/tmp/' + os.read(r, 1).decode(), 'w').write('x')";
    shows_the_same(&victim(&["python3", "-c", script], None));
}

#[test]
fn a_copy_draws_its_random_bytes_from_where_the_original_stood() {
    let script = "import os\n\
                  os.urandom(100)\n\
                  open('/tmp/first', 'w').close()\n\
                  for n in range(os.urandom(1)[0] % 3): open(f'/tmp/{n}', 'w').close()";
    shows_the_same(&victim(&["python3", "-c", script], None));
}

#[test]
fn copies_read_on_from_where_the_original_stood_and_begin_with_its_output() {
    let line = "read a; echo $a; echo x > /tmp/$a; read b; echo $b; echo x > /tmp/$b; test -e /proc/4001 && echo copied";
    let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
    let stdin = Some(b"one\ntwo\n".to_vec());
    let victim = Victim::program("reads", Program { argv, stdin, ..Program::default() });
    shows_the_same(&victim);
    let judge = Judge::new(Host::detect()).attackers(&[Class::None]).umasks(&[0o022]);
    let printed = |judge: &Judge| judged(judge, &victim).and_then(|report| report.alone).map(|a| a.output);
    let (Some(copied), Some(anew)) = (printed(&judge), printed(&judge.start_anew())) else { return };
    assert_eq!(anew, "one\ntwo\n");
    // Copies have pids of their own, which only such a look shows; other machines have none.
    let expected = if cfg!(target_arch = "x86_64") { "one\ntwo\ncopied\n" } else { "one\ntwo\n" };
    assert_eq!(copied, expected);
}

#[test]
fn what_a_copy_does_to_the_mode_of_its_output_is_not_there_for_the_next() {
    let script = "import os\n\
                  open('/tmp/first', 'w').close()\n\
                  if not os.get_blocking(1): open('/tmp/odd', 'w').close()\n\
                  os.set_blocking(1, False)";
    shows_the_same(&victim(&["python3", "-c", script], None));
}
