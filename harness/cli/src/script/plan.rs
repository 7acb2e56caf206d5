//! When a script does what: before the victim starts, while it is stopped after a call, or at a call.

use super::words::{Part, parts};
use linkbait::timeline::Timeline;
use linkbait::{Act, Does, Fault, FileSystem, Key, Move, Verb, Whom};

/// What the victim meets, and when.
pub(super) struct Plan<'t> {
    /// Moves before it starts.
    pub(super) before: Vec<&'t Move>,
    /// The number of the stop after which it is stopped.
    pub(super) after: Option<usize>,
    /// Moves then.
    pub(super) then: Vec<&'t Move>,
    pub(super) meets: Option<Meets<'t>>,
}

/// What is done to it by others than the attacker.
pub(super) enum Meets<'t> {
    /// The call fails with this errno.
    Fails(&'t Key, i32),
    /// All calls of this name do.
    Missing(&'t str, i32),
    /// It gets this signal where it is stopped.
    Signal(&'static str, Whom),
}

/// Why there can be no script.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--script: a script cannot show this: {}; `linkbait replay` can", self.0)
    }
}

impl std::error::Error for Refused {}

pub(super) fn refuse(why: String) -> Refused {
    Refused(why)
}

pub(super) fn plan(timeline: &Timeline) -> Result<Plan<'_>, Refused> {
    let file_system = &timeline.head.file_system;
    if *file_system != FileSystem::Tmpfs.name() {
        return Err(refuse(format!("it was found on {file_system}, and scripts have tmpfs only")));
    }
    if timeline.schedule.second {
        return Err(refuse("it takes two copies of the victim, which take turns".to_owned()));
    }
    let acts = &timeline.schedule.acts;
    let Some(first) = acts.first() else {
        return Ok(Plan { before: Vec::new(), after: None, then: Vec::new(), meets: None });
    };
    if acts.iter().any(|act| act.at != first.at) {
        return Err(refuse("it takes acts at several calls".to_owned()));
    }
    let at = timeline.stops.iter().position(|stop| *stop == first.at);
    let at = at.ok_or_else(|| refuse("the call that it happens at is not there".to_owned()))?;
    let moves: Vec<&Move> = acts.iter().filter_map(Act::as_move).collect();
    match acts[..] {
        [Act { does: Does::Fault(fault), .. }] => fault_plan(timeline, at, fault),
        _ if moves.len() < acts.len() => Err(refuse("it takes a fault and a move".to_owned())),
        _ => moves_plan(timeline, at, moves),
    }
}

fn moves_plan<'t>(timeline: &'t Timeline, at: usize, moves: Vec<&'t Move>) -> Result<Plan<'t>, Refused> {
    let after = before(timeline, at);
    for does in &moves {
        if does.verb == Verb::PlantPredicted && is_fresh(&does.target) {
            let why = "its name is computed anew for each run; `linkbait names` shows that";
            return Err(refuse(why.to_owned()));
        }
        seen_by_then(timeline, after, &does.target)?;
    }
    Ok(match after {
        None => Plan { before: moves, after, then: Vec::new(), meets: None },
        Some(_) => Plan { before: Vec::new(), after, then: moves, meets: None },
    })
}

fn fault_plan(timeline: &Timeline, at: usize, fault: Fault) -> Result<Plan<'_>, Refused> {
    let key = &timeline.stops[at];
    let plan = |after, meets| Plan { before: Vec::new(), after, then: Vec::new(), meets: Some(meets) };
    match fault {
        Fault::Fails(errno) => {
            let after = before(timeline, at);
            seen_by_then(timeline, after, &key.path)?;
            Ok(plan(after, Meets::Fails(key, errno)))
        }
        Fault::Missing(errno) if errno == ENOSYS => Ok(plan(None, Meets::Missing(&key.call, errno))),
        Fault::Missing(_) => Err(refuse("only some calls of that name are missing".to_owned())),
        Fault::Short => Err(refuse("strace cannot make a write short".to_owned())),
        Fault::Signal(_, whom) => {
            // One that dies of it does not make the call any more.
            let dies = at + 1 == timeline.stops.len();
            let after = if dies { before(timeline, at) } else { Some(at) };
            let after =
                after.ok_or_else(|| refuse("the signal comes before anything was done".to_owned()))?;
            let name = fault.signal().and_then(|name| name.strip_prefix("SIG")).unwrap_or("TERM");
            Ok(plan(Some(after), Meets::Signal(name, whom)))
        }
    }
}

/// The last stop before this one at which anything in the shared directory was named. What comes between does not matter
/// to anybody there, and need not come in every place that a script runs in.
fn before(timeline: &Timeline, at: usize) -> Option<usize> {
    timeline.stops[..at].iter().rposition(|stop| stop.path.starts_with("shared/"))
}

const ENOSYS: i32 = 38;

fn is_fresh(label: &str) -> bool {
    parts(label).is_none_or(|parts| parts.iter().any(|part| matches!(part, Part::Fresh(_))))
}

/// A name that changes from run to run is learned from the call after which the victim is stopped, or not at all.
fn seen_by_then(timeline: &Timeline, after: Option<usize>, label: &str) -> Result<(), Refused> {
    let why = || refuse(format!("{label} is another name in every run, and nobody knows it in time"));
    let wanted = parts(label).ok_or_else(why)?;
    let seen = after.and_then(|at| parts(&timeline.stops[at].path)).unwrap_or_default();
    let known = |part: &Part| matches!(part, Part::Known(_)) || seen.contains(part);
    if wanted.iter().all(known) { Ok(()) } else { Err(why()) }
}
