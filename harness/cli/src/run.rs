//! `run`, `exec` and `crate`: judge victims. What is done with the report is in `publish`.

use crate::apart::Apart;
use crate::args::{Judging, Streams, Usage, Which};
use crate::cache::{Cache, Keep};
use crate::config::ignore;
use crate::costs::{Costs, deal, longest_first};
use crate::crew::When;
use crate::interrupt::Interrupt;
use crate::output::{self, counted};
use crate::package::spec::Crates;
use crate::progress::Progress;
use crate::publish::{Target, publish};
use crate::report::Run;
use crate::report::origin::{self, Environment, Part, Settings};
use crate::select::{Chosen, Selected};
use crate::source::Reader;
use crate::subject::{self, By, Subject};
use crate::test::{self, Found};
use crate::values::Shard;
use crate::{Exit, crew, select};
use linkbait::{Determinism, Error, ErrorKind, Host, Judge, Limits};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::PathBuf;

/// `run`: victims of the roster, or those named, or those of files.
pub(crate) fn run(asked: &Judging, names: &[String]) -> anyhow::Result<Exit> {
    judge_victims(asked, select::victims(names)?, !names.is_empty(), How::new())
}

/// `exec`: one command.
pub(crate) fn exec(asked: &Judging, streams: &Streams, argv: &[String]) -> anyhow::Result<Exit> {
    judge_victims(asked, select::command(streams, argv)?.into(), true, How::new())
}

/// `crate`: calls of crates.
pub(crate) fn crates(asked: &Judging, crates: &Crates) -> anyhow::Result<Exit> {
    judge_victims(asked, crates.victims()?.into(), true, How::new())
}

/// `test`: the tests of the package here.
pub(crate) fn test(asked: &Judging, which: &Which, cargo: &[String]) -> anyhow::Result<Exit> {
    can_be_tried(asked)?;
    let Found { victims, aside, narrowed } = test::find(which, cargo)?;
    let victims = victims.into_iter().map(Chosen::from).collect();
    let how = How { tests: true, keep: Keep::Clean, ..How::new() };
    judge_victims(asked, Selected { victims, left_out: 0, narrowed, aside }, false, how)
}

/// How victims are judged, beside what was asked for.
pub(crate) struct How {
    /// Most of them may have nothing to do with temporary files.
    tests: bool,
    /// Results that the next run takes as they are.
    keep: Keep,
    /// What samples follow from when no seed was asked for.
    drawn: u64,
}

impl How {
    /// As victims are.
    pub(crate) fn new() -> How {
        How { keep: Keep::UntilComplete, ..How::for_another(any_seed()) }
    }

    /// As a victim is for the linkbait that started this one, which keeps what is to be kept.
    pub(crate) fn for_another(drawn: u64) -> How {
        How { tests: false, keep: Keep::None, drawn }
    }
}

fn judge_victims(asked: &Judging, selected: Selected, named: bool, how: How) -> anyhow::Result<Exit> {
    let target = Target::prepare(&asked.printing)?;
    let (mut run, interrupt) = judged(asked, selected, &how)?;
    ignore::apply(&mut run, &asked.ignores);
    publish(&run, &asked.printing, named, target, &interrupt)
}

/// Judges the victims, but for those whose results are known.
pub(crate) fn judged(asked: &Judging, selected: Selected, how: &How) -> anyhow::Result<(Run, Interrupt)> {
    can_be_tried(asked)?;
    let Selected { victims, left_out, narrowed, aside } = selected;
    let victims = allow(victims, &asked.writable)?;
    let costs = Costs::of(asked.costs.as_deref())?.each(victims.iter().map(|chosen| chosen.victim.name()));
    let (victims, costs, part) = in_shard(asked.shard, victims, costs);
    let subjects = subject::all(asked, victims)?;
    if subjects.iter().any(Subject::is_program_here) || !asked.fs.is_empty() {
        contain()?;
    }
    let host = Host::detect();
    let interrupt = Interrupt::watch()?;
    let environment = Environment::of(&host, asked.chance.or(Determinism::default()));
    let settings = Settings::of(asked);
    let cache = Cache::open(keep(asked, how), &environment, &settings)?;
    let judge = judge(asked, &host, how).until(interrupt.stop());
    let apart = Apart::new(asked, how.drawn, &interrupt);
    let by = By { judge: &judge, apart: &apart, cache: cache.as_ref() };
    let jobs = host.at_once(asked.jobs.map_or(host.cores(), usize::from));
    let progress = Progress::new(!asked.no_progress && !subjects.is_empty(), subjects.len());
    let each = |subject: &Subject, reader: &mut Reader| subject.judge(&by, reader);
    let judged = crew::judge_all(&subjects, &longest_first(&costs), each, jobs, &progress, &interrupt);
    let before = judged.iter().filter(|judged| judged.when == When::BeforeInterruption).count();
    if before > 0 {
        let of = counted(judged.len(), "result");
        output::complain(&format!(
            "{before} of {of} from before an interruption; `--no-cache` judges all anew"
        ));
    }
    if !interrupt.came() {
        cache.into_iter().for_each(Cache::complete);
    }
    let (asked, ignores) = (subjects.len(), Vec::new());
    let run = Run { environment, settings, part, judged, asked, left_out, narrowed, ignores, aside };
    Ok((run, interrupt))
}

fn keep(asked: &Judging, how: &How) -> Keep {
    // Samples are others each time unless a seed is given.
    let is_lasting = asked.samples.is_none() || asked.chance.seed.is_some();
    if is_lasting && !asked.no_cache { how.keep } else { Keep::None }
}

/// The victims of the shard that was asked for with their costs, and which that is. A victim is in one shard with all its schedules: what one
/// shows, others need not show again, so that shards of schedules would not come to what all of them come to.
fn in_shard(
    shard: Option<Shard>,
    victims: Vec<Chosen>,
    costs: Vec<u64>,
) -> (Vec<Chosen>, Vec<u64>, Option<Part>) {
    let Some(shard) = shard else { return (victims, costs, None) };
    let of = victims.iter().map(|chosen| chosen.victim.name().to_owned()).collect();
    let shards = deal(&costs, shard.n);
    let (victims, costs) = (shard.own(victims, &shards).collect(), shard.own(costs, &shards).collect());
    (victims, costs, Some(Part { shard, of, shards }))
}

/// More than three acts can only be sampled; samples of shards that are to be merged need a seed.
fn can_be_tried(asked: &Judging) -> Result<(), Usage> {
    const MOST: u32 = 3;
    let wrong = match (asked.samples, asked.depth) {
        (None, acts) if acts > MOST => {
            format!("all schedules of {acts} acts are too many; 3 is the most, or add --samples N")
        }
        (Some(_), 1) => "--samples are of several acts; add --depth N, 2 to 8".to_owned(),
        (Some(_), _) if asked.shard.is_some() && asked.chance.seed.is_none() => {
            "the --samples of all shards must follow from one seed; add --seed N".to_owned()
        }
        _ => return Ok(()),
    };
    Err(Usage(wrong))
}

/// Lets the programs among the victims write these directories. What is built first may turn out to be one.
fn allow(victims: Vec<Chosen>, writable: &[PathBuf]) -> Result<Vec<Chosen>, Usage> {
    let may_be_program = |chosen: &Chosen| chosen.victim.is_program() || chosen.package.is_some();
    if !writable.is_empty() && !victims.is_empty() && !victims.iter().any(may_be_program) {
        return Err(Usage("--writable is for programs, and none of these victims is one".to_owned()));
    }
    let allow = |chosen: Chosen| Chosen { victim: select::allow(chosen.victim, writable), ..chosen };
    Ok(victims.into_iter().map(allow).collect())
}

/// Makes ready for programs, and for file systems to be mounted. Where that is impossible the reports on them say so,
/// which costs no report on others.
pub(crate) fn contain() -> Result<(), Error> {
    match linkbait::prepare_to_contain() {
        Err(e) if matches!(e.kind(), ErrorKind::Unsupported(_)) => Ok(()),
        prepared => prepared,
    }
}

/// Bounds of one test: some make thousands of files, which nobody would wait for.
const OF_A_TEST: (u64, u64) = (2000, 200_000);

fn judge(asked: &Judging, host: &Host, how: &How) -> Judge {
    let limits = Limits { silence: asked.timeout.into(), ..Limits::default() };
    let limits = match (asked.trials, how.tests) {
        (Some(trials), _) => Limits { trials, ..limits },
        (None, true) => Limits { trials: OF_A_TEST.0, calls: OF_A_TEST.1, ..limits },
        (None, false) => limits,
    };
    let judge = Judge::new(host.clone()).rules(&origin::rules(asked)).umasks(&asked.umask).limits(limits);
    let judge =
        judge.file_systems(&asked.fs).faults(asked.faults).signals(asked.signals).instances(asked.instances);
    let judge = if asked.no_reduction { judge.without_reduction() } else { judge };
    let judge = if how.tests { judge.looks_first() } else { judge };
    let judge = match asked.samples {
        Some(count) => judge.samples(count, asked.depth, asked.chance.seed.unwrap_or(how.drawn)),
        None => judge.depth(asked.depth),
    };
    let judge = match asked.chance.seed {
        Some(seed) => judge.seed(seed),
        None => judge,
    };
    let judge = match asked.chance.determinism {
        Some(level) => judge.determinism(Determinism { level, ..Determinism::default() }),
        None => judge,
    };
    if asked.attacker.is_empty() { judge } else { judge.attackers(&asked.attacker) }
}

/// One that nobody has chosen, short enough to be typed.
fn any_seed() -> u64 {
    RandomState::new().hash_one(()) & 0xffff_ffff
}
