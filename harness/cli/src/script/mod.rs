//! `replay --script`: a shell script that shows the findings of a timeline without linkbait, with strace where the victim
//! has to be stopped. Owns the order of its parts; `plan` says when things happen, or why a script cannot show them.
//!
//! Nothing is run here. All text from timelines and victims gets into scripts by `words` alone.

mod checks;
mod moves;
mod plan;
mod words;

pub(crate) use plan::Refused;

use crate::output;
use checks::{Checks, checks};
use linkbait::timeline::Timeline;
use linkbait::{Bait, Class, Program, Victim, Whom, errno_name};
use plan::{Meets, Plan, plan, refuse};
use std::fmt::Write;
use words::{Part, Words, as_strace, octal, parts, quoted};

/// The script, or why there is none.
pub(crate) fn write(victim: &Victim, timeline: &Timeline) -> Result<String, Refused> {
    let Some(program) = victim.command() else {
        return Err(refuse("the victim runs within linkbait".to_owned()));
    };
    if program.tty || !program.writable.is_empty() || program.cwd.is_some() {
        return Err(refuse("the victim takes a terminal or further directories of its own".to_owned()));
    }
    let plan = plan(timeline)?;
    let mut words = Words::default();
    let checks = checks(victim, timeline, &plan, &mut words);
    if checks.count == 0 {
        return Err(refuse("what it did leaves no trace that a script could see".to_owned()));
    }
    if !checks.meanwhile.is_empty() && plan.after.is_some() {
        return Err(refuse("it takes a stop for the attacker and one to look at each step".to_owned()));
    }
    let body = body(victim, program, timeline, &plan, &checks, &mut words)?;
    let needs_strace = needs_strace(&plan, &checks);
    let mut text = head(timeline, &checks, needs_strace);
    text.push_str(include_str!("contain.sh"));
    text.push('\n');
    text.push_str(include_str!("run.sh"));
    text.push('\n');
    text.push_str(include_str!("look.sh"));
    if needs_strace {
        text.push('\n');
        text.push_str(include_str!("window.sh"));
    }
    if matches!(plan.meets, Some(Meets::Fails(..))) {
        text.push('\n');
        text.push_str(include_str!("fault.sh"));
    }
    Ok(format!("{text}\n{}{body}", words.defined))
}

fn needs_strace(plan: &Plan<'_>, checks: &Checks) -> bool {
    plan.after.is_some() || plan.meets.is_some() || !checks.meanwhile.is_empty()
}

/// What it is, for people.
fn head(timeline: &Timeline, checks: &Checks, needs_strace: bool) -> String {
    let mut text = "#!/bin/sh\n".to_owned();
    let strace = if needs_strace { "strace, " } else { "" };
    let mut say = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", format!("# {}", output::line(line)).trim_end());
    };
    say(&format!("Shows what linkbait found in {:?}:", timeline.head.victim));
    say("");
    timeline.steps.iter().for_each(|step| say(step));
    timeline.broken.iter().for_each(|(rule, path)| say(&format!("  ! {rule}  {path}")));
    say("");
    say(
        "Run it with `sh FILE`, or `sh FILE COMMAND...` to try another command, such as a repaired one. It ends with",
    );
    say("1 when a fault shows, 0 when none does, 2 when it cannot run.");
    say(&format!("It needs Linux, GNU tools, {strace}and root or the right to make namespaces."));
    for left_out in &checks.left_out {
        say(&format!("Not looked for, as a script cannot see it: {left_out}"));
    }
    text
}

fn body(
    victim: &Victim,
    program: &Program,
    timeline: &Timeline,
    plan: &Plan<'_>,
    checks: &Checks,
    words: &mut Words,
) -> Result<String, Refused> {
    // strace makes it slow.
    let limit = if needs_strace(plan, checks) { 30 } else { 10 };
    let mut text = format!("mask={:03o}\nlimit={limit}\n", timeline.head.umask);
    if timeline.head.class == Class::DirWriter {
        text.push_str("mode=777\n");
    }
    text.push_str(&stage(victim, timeline, plan, words)?);
    text.push_str(&start(program, words));
    text.push_str(&course(timeline, plan, checks, words)?);
    text.push_str("finish\n");
    if matches!(plan.meets, Some(Meets::Fails(..) | Meets::Missing(..))) {
        text.push_str(
            "grep -q INJECTED \"$work/fault\" || missed 'did not make the call that was to fail'\n",
        );
    }
    text.push_str("\nlook_outside after\n");
    text.push_str(&checks.after);
    text.push_str("[ $shown = 0 ] || exit 1\nsay 'does not show'\n");
    Ok(text)
}

/// What stands there before anybody acts.
fn stage(
    victim: &Victim,
    timeline: &Timeline,
    plan: &Plan<'_>,
    words: &mut Words,
) -> Result<String, Refused> {
    let mut text = "chmod \"$mode\" /mnt/shared\n\
        echo 'canary: nothing may touch this' >/mnt/outside/canary\n\
        echo keep >/mnt/outside/dir/keep\n\
        # No usual mode, so that a change to one shows.\n\
        chmod 664 /mnt/outside/canary /mnt/outside/dir/keep\n"
        .to_owned();
    let baited = plan.before.iter().chain(&plan.then).find(|does| does.bait == Bait::LinkDecoy);
    for (name, is_dir) in baited.map(|does| moves::below(&does.target, timeline)).unwrap_or_default() {
        let path = words.path(&[b"outside".to_vec(), b"decoy".to_vec(), name].map(Part::Known));
        let _ = match is_dir {
            true => writeln!(text, "mkdir {path} && echo keep >{path}/keep"),
            false => writeln!(text, "echo keep >{path}"),
        };
    }
    for file in victim.stage_list() {
        let names = file.path.split('/').map(|name| Part::Known(name.into()));
        let path =
            words.path(&std::iter::once(Part::Known(b"shared".to_vec())).chain(names).collect::<Vec<_>>());
        let content = octal(file.content.as_bytes());
        let _ = writeln!(text, "mkdir -p \"$(dirname {path})\"\nprintf '{content}' >{path}");
        if file.foreign {
            let _ = writeln!(text, "[ \"$mode\" = 1777 ] || chown 65534:65534 {path}");
        }
        let _ = writeln!(text, "chmod {:o} {path}", file.mode);
    }
    text.push_str("find /mnt/outside -exec touch -h -d @1000000000 {} +\n");
    Ok(text)
}

/// The victim's surroundings, its setup, and its command as the arguments of the script.
fn start(program: &Program, words: &mut Words) -> String {
    let mut text = "surround() {\n".to_owned();
    for (key, value) in program.surroundings() {
        let _ = writeln!(text, "export {}", words.word(format!("{key}={value}").as_bytes()));
    }
    text.push_str("}\ninput=/dev/null\n");
    if let Some(stdin) = &program.stdin {
        let _ = writeln!(text, "input=$work/input\nprintf '{}' >\"$input\"", octal(stdin));
    }
    if let Some(setup) = &program.setup {
        let setup = words.word(program.filled(setup).as_bytes());
        let _ = writeln!(text, "(umask 022 && surround && sh -c {setup}) 6>&- || cannot 'the setup failed'");
    }
    let argv: Vec<String> =
        program.argv.iter().map(|arg| words.word(program.filled(arg).as_bytes())).collect();
    let _ = writeln!(text, "swapped=$#\n[ $# -gt 0 ] || set -- {}", argv.join(" "));
    text.push_str("find /mnt/shared -mindepth 1 >\"$work/before.shared\"\nlook_outside before\n\n");
    text
}

/// What happens from the first move to the victim's going on alone.
fn course(
    timeline: &Timeline,
    plan: &Plan<'_>,
    checks: &Checks,
    words: &mut Words,
) -> Result<String, Refused> {
    let mut text = String::new();
    for does in &plan.before {
        text.push_str(&moves::lines(does, timeline, words)?);
    }
    if !checks.meanwhile.is_empty() {
        // Shown once, it need not be looked for again.
        let _ =
            writeln!(text, "meanwhile() {{\n[ $shown = 0 ] || return 0\n{}return 0\n}}", checks.meanwhile);
        text.push_str("stops %file,write,pwrite64,writev,pwritev,fchmod,ftruncate meanwhile \"$@\"\n");
        return Ok(text);
    }
    let Some(after) = plan.after else {
        text.push_str(&at_once(plan, words)?);
        return Ok(text);
    };
    let stop = &timeline.stops[after];
    text.push_str(&wanted(timeline, after)?);
    let _ = writeln!(text, "stops {} not_yet \"$@\" || missed 'did not make this call'", stop.call);
    for does in &plan.then {
        text.push_str(&moves::lines(does, timeline, words)?);
    }
    match plan.meets {
        Some(Meets::Fails(key, errno)) => {
            let fault = format!("{}:error={}", key.call, errno_name(errno));
            let _ = writeln!(text, "meet {fault} {}", spellings(&key.path, words)?.join(" "));
        }
        Some(Meets::Signal(name, Whom::Group)) => {
            let _ = writeln!(text, "kill -s {name} -- \"-$victim\"");
        }
        Some(Meets::Signal(name, Whom::Process)) => {
            let _ = writeln!(text, "kill -s {name} \"$stopped\"");
        }
        _ => {}
    }
    text.push_str("kill -CONT \"$stopped\"\n");
    Ok(text)
}

/// The start of a victim that is not stopped.
fn at_once(plan: &Plan<'_>, words: &mut Words) -> Result<String, Refused> {
    let strace = |what: &str| format!("start strace -D -f -o \"$work/fault\" {what} -- \"$@\"\n");
    Ok(match plan.meets {
        Some(Meets::Fails(key, errno)) => {
            let paths: String =
                spellings(&key.path, words)?.iter().map(|path| format!(" -P {path}")).collect();
            let (call, errno, when) = (&key.call, errno_name(errno), key.occurrence + 1);
            strace(&format!("-e inject={call}:error={errno}:when={when}{paths}"))
        }
        Some(Meets::Missing(call, errno)) => {
            strace(&format!("-e trace={call} -e inject={call}:error={}", errno_name(errno)))
        }
        _ => "start \"$@\"\n".to_owned(),
    })
}

/// The function that knows the call after which the victim is stopped, and how often it comes by until then.
fn wanted(timeline: &Timeline, after: usize) -> Result<String, Refused> {
    let stop = &timeline.stops[after];
    let unknown = || refuse(format!("{} has a name in it that is linkbait's own", stop.path));
    let wanted = parts(&stop.path).ok_or_else(unknown)?;
    let shape = |label: &str| parts(label).map(|all| all.iter().map(form).collect::<Vec<_>>());
    let same = |at: &&linkbait::Key| at.call == stop.call && shape(&at.path) == shape(&stop.path);
    let number = timeline.stops[..=after].iter().filter(same).count();
    let pattern: Vec<String> = wanted.iter().map(form).collect();
    let pattern = pattern.join("/");
    let mut text = format!("left={number}\nwanted() {{\ncase $1 in\n{pattern}/*) return 1 ;;\n");
    if pattern.contains('*') {
        // A name that is the same in every run is none of those that change.
        let mut others: Vec<String> =
            timeline.stops.iter().filter_map(|at| shape(&at.path)).map(|all| all.join("/")).collect();
        others.sort();
        others.dedup();
        for other in others.iter().filter(|other| !other.contains('*')) {
            let _ = writeln!(text, "{other}) return 1 ;;");
        }
    }
    let _ = writeln!(text, "{pattern}) ;;\n*) return 1 ;;\nesac");
    for (at, part) in wanted.iter().enumerate() {
        if let Part::Fresh(number) = part {
            let _ = writeln!(text, "name{number}=$(say \"$1\" | cut -d / -f {})", at + 1);
            let _ = writeln!(text, "case $name{number} in *\\\\*) cannot 'the name is not plain' ;; esac");
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// A name in a pattern of the shell.
fn form(part: &Part) -> String {
    match part {
        Part::Fresh(_) => "*".to_owned(),
        Part::Known(name) => quoted(&as_strace(name)),
    }
}

/// The ways in which a program may name an entry.
fn spellings(label: &str, words: &mut Words) -> Result<Vec<String>, Refused> {
    let all =
        parts(label).ok_or_else(|| refuse(format!("{label} has a name in it that is linkbait's own")))?;
    let path = words.path(&all);
    let last = path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut ways = Vec::new();
    if let Some(rest) = path.strip_prefix("/mnt/shared") {
        ways.extend(["/tmp", "/var/tmp", "/dev/shm"].map(|top| format!("{top}{rest}")));
    }
    ways.extend([path.clone(), last.clone(), format!("./{last}")]);
    Ok(ways)
}
