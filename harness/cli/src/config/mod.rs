//! The config file (`linkbait-config/1`): defaults of options, and what is to be ignored. Owns the format, and that the command line
//! wins; what an ignore does is in `ignore`.

pub(crate) mod ignore;

use crate::args::{Args, Judging, Persona, Usage};
use crate::values::{self, Seconds};
use crate::{files, output};
use clap::{ArgMatches, ValueEnum};
use ignore::Ignore;
use linkbait::{Class, FileSystem, Level};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::num::{NonZeroU16, NonZeroU64};
use std::path::Path;
use std::time::{Duration, SystemTime};
use toml::value::{Date, Datetime};

const SCHEMA: &str = "linkbait-config/1";

/// Where it is looked for when no other is named, from the working directory.
pub(crate) const DEFAULT: &str = ".config/linkbait.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema", deserialize_with = "schema")]
    _schema: (),
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    ignore: Vec<Entry>,
}

/// Options of `run`, by their names. What is about one run only, such as `--shard` and `--output`, is none of them.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    #[serde(deserialize_with = "classes")]
    attacker: Option<Vec<Class>>,
    #[serde(deserialize_with = "umasks")]
    umask: Option<Vec<u32>>,
    #[serde(deserialize_with = "rules")]
    rule: Option<Vec<String>>,
    #[serde(deserialize_with = "depth")]
    depth: Option<u32>,
    samples: Option<NonZeroU64>,
    trials: Option<NonZeroU64>,
    #[serde(deserialize_with = "file_systems")]
    fs: Option<Vec<FileSystem>>,
    faults: Option<bool>,
    signals: Option<bool>,
    #[serde(deserialize_with = "instances")]
    instances: Option<u8>,
    jobs: Option<NonZeroU16>,
    #[serde(deserialize_with = "timeout")]
    timeout: Option<Seconds>,
    #[serde(deserialize_with = "determinism")]
    determinism: Option<Level>,
    seed: Option<u64>,
    #[serde(deserialize_with = "persona")]
    persona: Option<Persona>,
    require: Option<bool>,
}

/// An ignore as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "rule")]
    rule: String,
    victim: Option<String>,
    path: Option<String>,
    #[serde(default, deserialize_with = "class")]
    attacker: Option<Class>,
    #[serde(deserialize_with = "reason")]
    reason: String,
    #[serde(deserialize_with = "date")]
    until: Date,
}

/// Puts what the config file says where the command line says nothing. `now` decides which ignores have expired.
pub(crate) fn apply(args: &mut Args, matches: &ArgMatches, now: SystemTime) -> anyhow::Result<()> {
    let given = matches.subcommand().map_or(matches, |(_, given)| given);
    let Some(asked) = args.judging_mut() else { return Ok(()) };
    let (path, text) = match &asked.config {
        Some(path) => (path.as_path(), files::read(path, "--config names a config file")?),
        None if matches!(Path::new(DEFAULT).try_exists(), Ok(false)) => return Ok(()),
        None => (Path::new(DEFAULT), files::read(Path::new(DEFAULT), "it is the config file")?),
    };
    let File { defaults, ignore, .. } = parse(path, &text)?;
    let on_command_line = |id: &str| given.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
    defaults.fill(asked, on_command_line);
    let today = day(now);
    asked.ignores = ignore.into_iter().map(|entry| entry.on(today)).collect();
    Ok(())
}

fn parse(path: &Path, text: &str) -> Result<File, Usage> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
        let (path, line) = (path.display(), before.matches('\n').count() + 1);
        Usage(output::lines(&format!("{path}:{line}: {}", error.message())))
    })
}

impl Defaults {
    fn fill(self, asked: &mut Judging, on_command_line: impl Fn(&str) -> bool) {
        fn put<T>(place: &mut T, value: Option<T>, given: bool) {
            if let Some(value) = value.filter(|_| !given) {
                *place = value;
            }
        }
        let given = on_command_line;
        put(&mut asked.attacker, self.attacker, given("attacker"));
        put(&mut asked.umask, self.umask, given("umask"));
        put(&mut asked.rule, self.rule, given("rule"));
        put(&mut asked.depth, self.depth, given("depth"));
        put(&mut asked.samples, self.samples.map(|count| Some(count.get())), given("samples"));
        put(&mut asked.trials, self.trials.map(|count| Some(count.get())), given("trials"));
        put(&mut asked.fs, self.fs, given("fs"));
        put(&mut asked.faults, self.faults, given("faults"));
        put(&mut asked.signals, self.signals, given("signals"));
        put(&mut asked.instances, self.instances, given("instances"));
        put(&mut asked.jobs, self.jobs.map(|count| Some(count.get())), given("jobs"));
        put(&mut asked.timeout, self.timeout, given("timeout"));
        put(&mut asked.chance.determinism, self.determinism.map(Some), given("determinism"));
        put(&mut asked.chance.seed, self.seed.map(Some), given("seed"));
        put(&mut asked.persona, self.persona, given("persona"));
        put(&mut asked.printing.require, self.require, given("require"));
    }
}

impl Entry {
    fn on(self, today: Date) -> Ignore {
        Ignore {
            rule: self.rule,
            victim: self.victim,
            path: self.path,
            attacker: self.attacker.map(|class| class.name().to_owned()),
            reason: self.reason,
            until: self.until.to_string(),
            expired: self.until < today,
        }
    }
}

/// The day, in UTC. A clock that is before 1970 or after 9999 is at the end of these.
fn day(now: SystemTime) -> Date {
    const NONE: Date = Date { year: 1970, month: 1, day: 1 };
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let now = now.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST);
    let text = humantime::format_rfc3339_seconds(now).to_string();
    text.parse().ok().and_then(|moment: Datetime| moment.date).unwrap_or(NONE)
}

fn schema<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    let known = |text: &str| match text {
        SCHEMA => Ok(()),
        _ => Err(format!("schema {text:?} is not {SCHEMA:?}")),
    };
    one(from, known)
}

fn one<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    read(&String::deserialize(from)?).map_err(Error::custom)
}

fn many<'de, D, T>(from: D, read: fn(&str) -> Result<T, String>) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
{
    let all = Vec::<String>::deserialize(from)?;
    let all: Result<Vec<T>, String> = all.iter().map(|text| read(text)).collect();
    match all.map_err(Error::custom)? {
        none if none.is_empty() => Err(Error::custom("an empty list says nothing; leave the key out")),
        some => Ok(Some(some)),
    }
}

fn classes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Class>>, D::Error> {
    many(from, values::class)
}

fn umasks<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u32>>, D::Error> {
    many(from, values::octal)
}

fn rules<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    many(from, values::rule_id)
}

fn file_systems<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<FileSystem>>, D::Error> {
    many(from, values::file_system)
}

fn depth<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    match u32::deserialize(from)? {
        acts @ 1..=8 => Ok(Some(acts)),
        _ => Err(Error::custom("1 to 8 was expected")),
    }
}

fn instances<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    match u8::deserialize(from)? {
        count @ 1..=2 => Ok(Some(count)),
        _ => Err(Error::custom("1 or 2 was expected")),
    }
}

fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Seconds>, D::Error> {
    one(from, values::seconds).map(Some)
}

fn determinism<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Level>, D::Error> {
    let level = u64::deserialize(from)?.to_string();
    values::level(&level).map(Some).map_err(Error::custom)
}

fn persona<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Persona>, D::Error> {
    let known =
        |text: &str| Persona::from_str(text, false).map_err(|_| "regular or auditor was expected".to_owned());
    one(from, known).map(Some)
}

fn class<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Class>, D::Error> {
    one(from, values::class).map(Some)
}

fn rule<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    one(from, values::rule_id)
}

fn reason<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let said = |text: &str| match text.trim() {
        "" => Err("say why it is ignored".to_owned()),
        text => Ok(text.to_owned()),
    };
    one(from, said)
}

fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    match Datetime::deserialize(from) {
        Ok(Datetime { date: Some(date), time: None, .. }) => Ok(date),
        _ => Err(Error::custom("a date was expected, such as until = 2027-03-31")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::FromArgMatches;

    const HEAD: &str = "schema = 'linkbait-config/1'\n";
    const IGNORE: &str = "[[ignore]]\nrule = 'hangs'\nreason = 'known'\nuntil = 2027-03-31\n";

    /// What these arguments come to with a file of this text.
    fn asked(args: &str, text: &str) -> Judging {
        let words = ["linkbait"].into_iter().chain(args.split_whitespace());
        let matches = crate::command().try_get_matches_from(words).expect("arguments");
        let given = |id: &str| {
            let (_, given) = matches.subcommand().unwrap_or(("", &matches));
            given.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
        };
        let mut args = Args::from_arg_matches(&matches).expect("arguments");
        let asked = args.judging_mut().expect("a command that judges");
        let file = parse(Path::new("mine.toml"), &format!("{HEAD}{text}")).unwrap_or_else(|e| panic!("{e}"));
        file.defaults.fill(asked, given);
        asked.clone()
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_what_is_built_in() {
        let defaults = "[defaults]\nattacker = ['dir-writer']\numask = ['077']\ndepth = 2\njobs = 3\ntimeout = '5s'\n\
            faults = true\nseed = 7\ndeterminism = 2\npersona = 'auditor'\nrequire = true\ntrials = 9\n";
        for command in ["", "run ", "test ", "exec "] {
            let end = if command == "exec " { " -- true" } else { "" };
            let judging = asked(&format!("{command}--umask 027 --depth 1 --jobs 1{end}"), defaults);
            assert_eq!((judging.umask.as_slice(), judging.depth, judging.jobs), (&[0o027][..], 1, Some(1)));
            assert_eq!(judging.attacker, [Class::DirWriter]);
            assert!(judging.faults && !judging.signals && judging.printing.require);
            assert_eq!((judging.chance.seed, judging.trials), (Some(7), Some(9)));
            assert_eq!(Duration::from(judging.timeout), Duration::from_secs(5));
        }
        assert_eq!(asked("run --seed 9 --timeout 2s", defaults).chance.seed, Some(9));
        assert_eq!(Duration::from(asked("run --timeout 2s", defaults).timeout), Duration::from_secs(2));
        assert_eq!(asked("run", "").umask, [0o022, 0]);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_line() {
        let reasonless = IGNORE.replace("reason = 'known'\n", "");
        for (text, said) in [
            ("\nnonsense", "mine.toml:3: "),
            ("\n[defaults]\nattackers = []", "mine.toml:4: unknown field `attackers`"),
            ("[defaults]\nattacker = ['root']", "mine.toml:3: there are none, other-user, dir-writer"),
            ("[defaults]\n\numask = ['99']", "mine.toml:4: an octal number"),
            ("[defaults]\nrule = ['hang']", "mine.toml:3: did you mean hangs?"),
            ("[defaults]\nfs = []", "mine.toml:3: an empty list"),
            ("[defaults]\ndepth = 9", "mine.toml:3: 1 to 8"),
            ("[defaults]\njobs = 0", "mine.toml:3: "),
            ("[defaults]\ndeterminism = 3", "mine.toml:3: 0, 1 or 2"),
            ("[defaults]\ntimeout = 'soon'", "mine.toml:3: "),
            ("[defaults]\npersona = 'me'", "mine.toml:3: regular or auditor"),
            (&format!("{IGNORE}victims = 'x'"), "mine.toml:6: unknown field `victims`"),
            (&format!("\n{reasonless}"), "mine.toml:3: missing field `reason`"),
            (&IGNORE.replace("known", " "), "mine.toml:4: say why"),
            (&IGNORE.replace("until = 2027-03-31\n", ""), "mine.toml:2: missing field `until`"),
            (&IGNORE.replace("2027-03-31", "'2027-03-31'"), "mine.toml:5: a date was expected"),
            (&IGNORE.replace("2027-03-31", "2027-03-31T10:00:00Z"), "mine.toml:5: a date was expected"),
            (&IGNORE.replace("2027-03-31", "2027-02-29"), "mine.toml:5: "),
            (&IGNORE.replace("rule = 'hangs'\n", ""), "mine.toml:2: missing field `rule`"),
        ] {
            let error =
                parse(Path::new("mine.toml"), &format!("{HEAD}{text}")).err().expect("wrong").to_string();
            assert!(error.starts_with(said), "{text}\n{error}");
        }
        for (text, said) in [("", "missing field `schema`"), ("schema = 'linkbait-config/2'", "is not")] {
            let error = parse(Path::new("mine.toml"), text).err().expect("wrong").to_string();
            assert!(error.starts_with("mine.toml:1: ") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_ignore_holds_through_its_last_day() {
        // 2027-03-31T23:59:59Z.
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(1_806_537_599);
        for (now, expired) in [(last, false), (last + Duration::from_secs(1), true)] {
            let file = parse(Path::new("mine.toml"), &format!("{HEAD}{IGNORE}")).expect("a file");
            let ignores: Vec<Ignore> = file.ignore.into_iter().map(|entry| entry.on(day(now))).collect();
            assert_eq!((ignores[0].expired, ignores[0].until.as_str()), (expired, "2027-03-31"));
        }
        for (seconds, year) in [(0, 1970), (300_000_000_000, 9999)] {
            assert_eq!(day(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).year, year);
        }
        assert_eq!(day(SystemTime::UNIX_EPOCH - Duration::from_secs(1)).year, 1970);
    }
}
