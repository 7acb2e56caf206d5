//! Programs that do their worst: each is contained, bounded, ended, and told of; never does it look like a pass.

use linkbait::{Class, Ending, ErrorKind, Host, Judge, Limits, Program, Report, Verdict, Victim};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

fn shell(line: &str) -> Program {
    Program { argv: ["sh", "-c", line].map(str::to_owned).to_vec(), ..Program::default() }
}

/// The report on a program left alone, or `None` where this machine cannot contain it, which is said past the test's
/// capture.
fn alone(program: Program) -> Option<Report> {
    let limits = Limits { silence: Duration::from_millis(200), ..Limits::default() };
    let judge = Judge::new(Host::detect()).attackers(&[Class::None]).umasks(&[0o077]).limits(limits);
    match judge.judge(&Victim::program("hostile", program)) {
        Ok(report) => Some(report),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(std::io::stderr(), "not checked: a hostile program: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn assert_noted(report: &Report, note: &str) {
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report:#?}");
    assert!(report.not_examined.iter().any(|said| said.contains(note)), "{report:#?}");
}

/// A number for sleep(1) that no other process on this machine waits for.
fn mark(number: u32) -> String {
    format!("{}.{number}", 100_000 + std::process::id())
}

fn assert_not_running(mark: &str) {
    let told = |dir: &fs::DirEntry| fs::read_to_string(dir.path().join("cmdline")).unwrap_or_default();
    let runs = |dir: &fs::DirEntry| told(dir).split('\0').any(|word| word == mark);
    assert!(!fs::read_dir("/proc").expect("procfs").flatten().any(|dir| runs(&dir)), "{mark} still runs");
}

/// Two thousand processes and no more, for the case that nothing stops them.
const BOMB: &str = "f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & wait; else sleep $2; fi; }; f 10";

#[test]
fn a_fork_bomb_is_ended_and_is_no_pass() {
    let mark = mark(1);
    let Some(report) = alone(shell(&format!("{BOMB} {mark}"))) else { return };
    assert_noted(&report, "more than 512 processes");
    assert_not_running(&mark);
}

#[test]
fn a_fork_bomb_of_a_daemon_in_a_session_of_its_own_is_ended_and_is_no_pass() {
    let mark = mark(2);
    let hidden = format!("setsid setsid sh -c '{BOMB} {mark}' <&- >&- 2>&- & true");
    let Some(report) = alone(shell(&hidden)) else { return };
    assert_noted(&report, "more than 512 processes");
    assert_not_running(&mark);
}

#[test]
fn a_fork_bomb_of_a_copy_is_ended_and_is_no_pass() {
    let mark = mark(7);
    let Some(report) = alone(shell(&format!("echo x > /tmp/a; rm /tmp/a; {BOMB} {mark}"))) else { return };
    assert_noted(&report, "more than 512 processes");
    assert_not_running(&mark);
}

/// The one clone that no filter stops, because copies are made by it.
#[test]
fn a_fork_bomb_that_is_made_as_copies_are_is_ended_and_is_no_pass() {
    let mark = mark(8);
    let script = "import ctypes, os, sys\n\
                  clone = lambda: ctypes.CDLL(None).syscall(56, 0x8000 | 17, 0, 0, 0, 0)\n\
                  for n in range(10): clone()\n\
                  os.execvp('sleep', ['sleep', sys.argv[1]])";
    let argv = ["python3", "-c", script, &mark].map(str::to_owned).to_vec();
    if cfg!(not(target_arch = "x86_64")) || !Path::new("/usr/bin/python3").exists() {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(std::io::stderr(), "not checked: a clone of its own: no python3 on x86-64");
        return;
    }
    let Some(report) = alone(Program { argv, ..Program::default() }) else { return };
    assert_noted(&report, "more than 512 processes");
    assert_not_running(&mark);
}

#[test]
fn a_fork_bomb_in_a_setup_is_ended_and_is_no_pass() {
    let mark = mark(3);
    let program = Program { setup: Some(format!("{BOMB} {mark}")), ..shell("true") };
    let judged = Judge::new(Host::detect()).judge(&Victim::program("bomb in a setup", program));
    let error = judged.expect_err("its setup does not end");
    assert!(matches!(error.kind(), ErrorKind::Victim(_) | ErrorKind::Unsupported(_)), "{error}");
    assert_not_running(&mark);
}

#[test]
fn a_program_that_calls_without_end_is_ended_and_is_no_pass() {
    let Some(report) = alone(shell("while test -e /etc; do :; done")) else { return };
    assert_noted(&report, "200000 calls");
}

#[test]
fn a_full_disk_is_told_and_is_no_pass() {
    let line = "i=0; while dd if=/dev/zero of=/tmp/big.$i bs=60000000 count=1 2>/dev/null; do i=$((i+1)); done; rm -f /tmp/big.*; test $i -gt 2";
    let Some(report) = alone(shell(line)) else { return };
    assert_noted(&report, "disk");
}

#[test]
fn a_daemon_that_left_twice_closed_all_and_ignores_signals_is_ended() {
    let mark = mark(4);
    let all = "1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 17 18 20 21 22 23 24 25 26 27 28 29 30 31";
    let worst = format!("trap '' {all}; exec <&- >&- 2>&-; sleep {mark}");
    let line = "(setsid sh -c '(setsid sh -c \"$WORST\" &)' &); true";
    let program = Program { env: vec![("WORST".to_owned(), worst)], ..shell(line) };
    let Some(report) = alone(program) else { return };
    assert!(report.not_examined.iter().any(|note| note.contains("left running")), "{report:#?}");
    assert_not_running(&mark);
}

#[test]
fn a_program_that_ignores_all_signals_and_never_ends_is_ended() {
    let mark = mark(5);
    let line = format!("trap '' HUP INT QUIT TERM ALRM USR1 USR2 TSTP; exec sleep {mark}");
    let Some(report) = alone(shell(&line)) else { return };
    assert!(report.hangs_alone && report.verdict == Verdict::Inconclusive, "{report:#?}");
    assert_not_running(&mark);
}

#[test]
fn a_program_that_kills_all_that_it_sees_kills_nobody_else() {
    let Some(report) = alone(shell("kill -9 1; kill -9 -1; kill -9 $PPID; exit 3")) else { return };
    let ending = report.alone.map(|alone| alone.ending);
    assert_eq!(ending, Some(Ending::Error("exit_3".to_owned())));
}

#[test]
fn a_program_that_stops_itself_is_told_from_one_that_waits() {
    let Some(report) = alone(shell("kill -STOP $$")) else { return };
    assert!(report.hangs_alone, "{report:#?}");
    assert_noted(&report, "stopped by a signal");
}

#[test]
fn a_program_sees_neither_disks_nor_terminals_of_this_machine_nor_shared_memory() {
    let line = "test -c /dev/null && test -c /dev/tty && test ! -e /dev/pts/0 && \
                for d in /dev/*; do test ! -b $d || exit 1; done && test ! -e /dev/kmsg && \
                test $(wc -l < /proc/sysvipc/shm) -eq 1";
    let Some(report) = alone(shell(line)) else { return };
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    assert_eq!(report.alone.map(|alone| alone.ending), Some(Ending::Success));
}

#[test]
fn what_a_program_prints_is_kept_to_the_end_of_it_and_costs_it_no_wait() {
    let Some(report) = alone(shell("head -c 3000000 /dev/zero; echo the end; echo really >&2; exit 3"))
    else {
        return;
    };
    let alone = report.alone.expect("it is a program");
    assert!(alone.output.ends_with("\0the end\nreally\n") && alone.cut, "{}", alone.output.len());
    assert_eq!((alone.output.len(), alone.ending), (64 << 10, Ending::Error("exit_3".to_owned())));
}

#[test]
fn a_daemon_that_keeps_the_output_open_keeps_nobody_waiting() {
    let mark = mark(6);
    let Some(report) = alone(shell(&format!("sleep {mark} & echo mine"))) else { return };
    assert_eq!(report.alone.map(|alone| alone.output), Some("mine\n".to_owned()));
    assert_not_running(&mark);
}

/// What it does to its own input must not show in the next trial.
#[test]
fn every_trial_reads_its_input_from_the_start() {
    let line = "read a; test \"$a\" = one && read b && test \"$b\" = two && ! read c && \
                ! echo x 2>/dev/null > /proc/self/fd/0 && echo read";
    let program = Program { stdin: Some(b"one\ntwo\n".to_vec()), ..shell(line) };
    let Some(report) = alone(program) else { return };
    assert_eq!(
        report.alone.map(|alone| alone.output),
        Some("read\n".to_owned()),
        "{:?}",
        report.not_examined
    );
}

#[test]
fn a_terminal_is_one_and_is_new_in_every_trial() {
    let line = "test -t 0 && test -t 1 && test -t 2 && stty -a | grep -q ' echo ' && stty -echo && \
                echo x > /dev/tty && stty size && cd /dev/pts && echo [0-9]*";
    let Some(report) = alone(Program { tty: true, ..shell(line) }) else { return };
    assert_eq!(report.alone.map(|alone| alone.output), Some("x\r\n24 80\r\n0\r\n".to_owned()));
}

#[test]
fn a_program_that_comes_back_to_its_terminal_is_not_left_waiting() {
    let line = "exec <&- >&- 2>&-; exec </dev/tty >/dev/tty 2>&1; head -c 300000 /dev/zero; echo; echo back";
    let Some(report) = alone(Program { tty: true, ..shell(line) }) else { return };
    let alone = report.alone.expect("it is a program");
    assert!(alone.output.ends_with("\r\nback\r\n") && alone.ending == Ending::Success, "{:?}", alone.ending);
}

#[test]
fn a_program_that_asks_on_its_terminal_is_told_to_hang_with_its_question() {
    let Some(report) = alone(Program { tty: true, ..shell("printf 'Password: '; read x") }) else { return };
    assert!(report.hangs_alone, "{report:#?}");
    assert_eq!(report.alone.map(|alone| alone.output), Some("Password: ".to_owned()));
}

#[test]
fn nothing_of_what_a_program_can_open_is_a_file_of_this_machine() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made-through-a-descriptor");
    let name = target.display();
    let line = format!("for f in /proc/self/fd/*; do echo x > $f/../{name}; done; echo x > {name}; true");
    let Some(_) = alone(Program { stdin: Some(Vec::new()), ..shell(&line) }) else { return };
    assert!(!target.exists());
}

/// The first process of every trial begins as a copy of what has handlers, ignored signals and all rights.
#[test]
fn a_program_has_neither_our_signals_nor_the_rights_to_leave() {
    /// By number: reading any file, immutable files, modules, raw devices, chroot, ptrace, mounting, reboot, resources,
    /// time, devices, perfmon, bpf, checkpoints; see capabilities(7).
    const LEFT_BEHIND: [u32; 14] = [2, 9, 16, 17, 18, 19, 21, 22, 24, 25, 27, 38, 39, 40];
    /// Signals but those that are the C library's own, which it lets nobody set.
    const STANDARD: u64 = (1 << 31) - 1;
    let argv = ["grep", "-E", "^(SigBlk|SigIgn|CapBnd)", "/proc/self/status"];
    let grep = Program { argv: argv.map(str::to_owned).to_vec(), ..Program::default() };
    let Some(report) = alone(grep) else { return };
    let printed = report.alone.expect("it is a program").output;
    let mask = |name: &str| {
        let field = printed.lines().find_map(|line| line.strip_prefix(name));
        field.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
    };
    assert_eq!(mask("SigBlk:"), Some(0), "{printed}");
    assert_eq!(mask("SigIgn:").map(|ignored| ignored & STANDARD), Some(0), "{printed}");
    let rights = mask("CapBnd:").expect("a set of capabilities");
    assert!(LEFT_BEHIND.iter().all(|bit| rights & (1 << bit) == 0), "{printed}");
}

/// Too little memory for a program ends the process within execve(2): after that stop nothing tells of its end but that no
/// task is left.
#[test]
fn a_program_that_ends_without_another_call_is_told_to() {
    let Some(report) = alone(shell("ulimit -v 200; exec true")) else { return };
    let ending = report.alone.map(|alone| alone.ending);
    assert!(matches!(ending, Some(Ending::Signal(9 | 11))), "{ending:?}");
}
