//! The baseline: how often a free-running attacker hits what the stepped engine finds every time.

use crate::Setup;
use crate::rows::{Amount, Row, Section};
use linkbait::{Class, Error, ErrorKind, Judge, Limits, Victim};
use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Free runs of each victim, and how often the stepped engine judges it.
const ATTEMPTS: u64 = 1_000;
const JUDGEMENTS: usize = 5;

type Body = fn(&Path) -> io::Result<()>;

/// Victims that are wrong, with the class of attacker that can show it.
const VICTIMS: [(&str, Class, Body); 5] = [
    ("predictable name", Class::OtherUser, predictable_name),
    ("checked, then created", Class::OtherUser, check_then_create),
    ("random name, checked (mktemp)", Class::OtherUser, mktemp),
    ("written beside, then renamed", Class::OtherUser, beside_then_renamed),
    ("created, then chmod by path", Class::DirWriter, create_then_chmod),
];

fn create_and_remove(path: &Path) -> io::Result<()> {
    File::create(path)?.write_all(b"secret")?;
    fs::remove_file(path)
}

fn predictable_name(dir: &Path) -> io::Result<()> {
    create_and_remove(&dir.join("app.tmp"))
}

fn check_then_create(dir: &Path) -> io::Result<()> {
    let path = dir.join("app.tmp");
    if path.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { create_and_remove(&path) }
}

fn mktemp(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!("app.{:016x}", RandomState::new().hash_one(0_u8)));
    if path.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { create_and_remove(&path) }
}

fn beside_then_renamed(dir: &Path) -> io::Result<()> {
    let beside = dir.join("app.conf.new");
    File::create(&beside)?.write_all(b"secret")?;
    fs::rename(beside, dir.join("app.conf"))?;
    fs::remove_file(dir.join("app.conf"))
}

fn create_then_chmod(dir: &Path) -> io::Result<()> {
    let path = dir.join("app.tmp");
    File::create_new(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o640))?;
    fs::remove_file(path)
}

pub(crate) fn measure(setup: &Setup) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("runs that were left to luck and in which a free-running attacker hit");
    for (name, class, body) in VICTIMS {
        let victim = linkbait::victim(name, body);
        let judge = Judge::new(setup.host.clone())
            .attackers(&[class])
            .umasks(&[0o022])
            .limits(Limits { silence: Duration::from_millis(200), ..Limits::default() });
        let attempts = ATTEMPTS.min(setup.trials);
        match judge.sample(&victim, class, 0o022, attempts) {
            Ok(luck) => {
                let stepped = stepped(&judge, &victim, JUDGEMENTS.min(setup.rounds))?;
                let detail = format!("{attempts} runs, {} moves; {stepped}", luck.moves);
                let share = 100.0 * luck.hits as f64 / luck.attempts as f64;
                section.row(Row::new(name, Amount::Share(share)).detail(detail));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
                section.note(format!("not measured: {name}: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(vec![section])
}

/// What the stepped engine says of the same victim.
fn stepped(judge: &Judge, victim: &Victim, judgements: usize) -> Result<String, Error> {
    let mut found = 0;
    let mut last = (Vec::new(), 0);
    for _ in 0..judgements {
        let report = judge.judge(victim)?;
        found += u64::from(!report.findings.is_empty());
        last = (report.findings.iter().map(|finding| finding.rule).collect(), report.trials);
    }
    let (mut rules, trials) = last;
    rules.sort_unstable();
    rules.dedup();
    Ok(format!("stepped, found in {found} of {judgements} runs of {trials} trials: {}", rules.join(", ")))
}
