//! A call on its way, step by step: what it walks to, and that it acts at the end.

use super::call::{Call, Place, Reply};
use super::node::Ino;
use super::process::Task;
use super::walk::{Last, Walk, is_path};
use super::{Model, open};
use rustix::fs::RenameFlags;
use rustix::io::{Errno, Result};

/// Ways to rename, one of which can be asked for.
const KNOWN: [RenameFlags; 3] = [RenameFlags::empty(), RenameFlags::NOREPLACE, RenameFlags::EXCHANGE];

/// A call that has not been answered yet.
#[derive(Clone, Debug)]
pub struct Pending {
    task: Task,
    call: Call,
    /// The places to walk to, the next one at the end.
    ahead: Vec<(Place, Goal)>,
    walk: Option<(Walk, Goal)>,
    found: Vec<Found>,
}

/// What a walk is to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// The directory of the last name.
    Parent,
    /// What the path leads to, through a link at its end if asked for.
    Node { follow: bool },
    /// What open(2) makes or opens.
    Open,
}

/// What a walk has come to.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The directory of the last name.
    pub(super) dir: Ino,
    pub(super) last: Last,
    pub(super) slash: bool,
    /// What the path leads to; the directory where only that was looked for.
    pub(super) node: Ino,
}

impl Pending {
    pub(super) fn new(task: Task, call: Call) -> Pending {
        let ahead = places(&call);
        Pending { task, call, ahead, walk: None, found: Vec::new() }
    }

    /// Goes back to before the first step, to make the same call again.
    pub fn restart(&mut self) {
        *self = Pending::new(self.task, self.call.clone());
    }

    /// Whose call it is.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// The call.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }
}

/// The places of a call in the order in which it walks to them, the first at the end.
fn places(call: &Call) -> Vec<(Place, Goal)> {
    let one = |at: &Place, goal| vec![(at.clone(), goal)];
    match call {
        Call::Open { at, .. } => one(at, Goal::Open),
        Call::Mkdir { at, .. }
        | Call::Mkfifo { at, .. }
        | Call::Mksocket { at, .. }
        | Call::Symlink { at, .. }
        | Call::LinkOpen { to: at, .. }
        | Call::Unlink { at }
        | Call::Rmdir { at } => one(at, Goal::Parent),
        Call::Chmod { at, .. } => one(at, Goal::Node { follow: true }),
        Call::Stat { at, follow } | Call::Chown { at, follow, .. } => one(at, Goal::Node { follow: *follow }),
        // Without a path it is the open link itself.
        Call::Readlink { at: Place { dir: Some(_), path } } if path.is_empty() => Vec::new(),
        Call::Readlink { at } => one(at, Goal::Node { follow: false }),
        Call::Link { from, to, follow } => {
            vec![(to.clone(), Goal::Parent), (from.clone(), Goal::Node { follow: *follow })]
        }
        Call::Rename { from, to, .. } => {
            vec![(to.clone(), Goal::Parent), (from.clone(), Goal::Parent)]
        }
        _ => Vec::new(),
    }
}

impl Model {
    /// Makes one step of a call; its answer, if that was the last one.
    pub fn step(&mut self, pending: &mut Pending) -> Option<Result<Reply>> {
        self.advance(pending).transpose()
    }

    /// The directory in which a call is held between two names, and the name that it looks up there next; `None` where there
    /// is none to look up.
    #[must_use]
    pub fn held_at(&self, pending: &Pending) -> Option<(Ino, Vec<u8>)> {
        let under_way = |(walk, goal): &&(Walk, Goal)| {
            walk.has_more() || *goal != Goal::Parent || pending.ahead.is_empty()
        };
        let walk = match (pending.walk.as_ref().filter(under_way), pending.ahead.last()) {
            (Some((walk, _)), _) => walk.clone(),
            (None, Some((place, goal))) => self.set_out(pending.task, &pending.call, place, *goal).ok()?,
            (None, None) => return None,
        };
        walk.next_name().map(|name| (walk.at, name.to_vec()))
    }

    fn advance(&mut self, pending: &mut Pending) -> Result<Option<Reply>> {
        let task = pending.task;
        loop {
            let Some((walk, goal)) = &mut pending.walk else {
                let Some((place, goal)) = pending.ahead.pop() else {
                    return self.act(task, &pending.call, &pending.found).map(Some);
                };
                pending.walk = Some((self.set_out(task, &pending.call, &place, goal)?, goal));
                continue;
            };
            if walk.has_more() {
                return walk.pass(self, task).map(|()| None);
            }
            let goal = *goal;
            let node = match goal {
                Goal::Parent => Some(walk.at),
                Goal::Node { .. } => walk.resolve(self, task)?,
                Goal::Open => return open::open(self, task, walk, &pending.call),
            };
            let Some(node) = node else { return Ok(None) };
            let (dir, last, slash) = (walk.at, walk.last(), walk.slash);
            pending.found.push(Found { dir, last, slash, node });
            pending.walk = None;
            if goal != Goal::Parent && !pending.ahead.is_empty() {
                return Ok(None);
            }
        }
    }

    fn set_out(&self, task: Task, call: &Call, place: &Place, goal: Goal) -> Result<Walk> {
        match (goal, call) {
            (Goal::Open, Call::Open { flags, .. }) => open::set_out(self, task, place, *flags),
            (_, Call::Symlink { target, .. }) => {
                is_path(target)?;
                Walk::begin(self, task, place, false)
            }
            (_, Call::Rename { flags, .. }) if !KNOWN.contains(flags) => Err(Errno::INVAL),
            (_, Call::LinkOpen { file, .. }) => {
                self.opened(task, *file)?;
                Walk::begin(self, task, place, false)
            }
            (Goal::Node { follow }, _) => Walk::begin(self, task, place, follow),
            _ => Walk::begin(self, task, place, false),
        }
    }

    fn act(&mut self, task: Task, call: &Call, found: &[Found]) -> Result<Reply> {
        match found {
            [] => self.act_on_open(task, call),
            [at] => self.act_at(task, call, at),
            [from, to, ..] => self.act_on_two(task, call, from, to),
        }
    }
}
