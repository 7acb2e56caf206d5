//! The free-running attacker: plants and swaps in a loop beside a victim that is never held. The baseline that the
//! stepped engine is compared with; it hits by luck.

use crate::attacker::gate::Gate;
use crate::attacker::hands::Hands;
use crate::attacker::{Bait, Move, Verb};
use crate::class::Class;
use crate::error::Error;
use crate::sys;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// An attacker on a thread of its own, raging between [`Storm::rage`] and [`Storm::calm`].
pub(crate) struct Storm {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    has_targets: bool,
}

#[derive(Default)]
struct Shared {
    gate: Gate,
    moves: AtomicU64,
}

/// What the attacker needs to know.
pub(crate) struct Plan {
    pub(crate) class: Class,
    /// The attacker's uid, if another than ours.
    pub(crate) uid: Option<u32>,
    /// Paths relative to the arena.
    pub(crate) names: Vec<Vec<u8>>,
}

impl Storm {
    /// Starts the thread, calm.
    pub(crate) fn start(arena: &Path, root: OwnedFd, plan: Plan) -> Result<Storm, Error> {
        let has_targets = !plan.names.is_empty();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let mut hands = Hands::new(arena, None)?;
        let (tell, told) = std::sync::mpsc::channel();
        let rage = move || {
            let ready = prepare(plan.uid);
            let go = ready.is_ok();
            if tell.send(ready).is_ok() && go {
                theirs.gate.serve(|| round(&theirs, &mut hands, &root, &plan));
            }
        };
        let start = |e| Error::ours("start the attacker's thread", e);
        let thread = std::thread::Builder::new().name("storm".into()).spawn(rage).map_err(start)?;
        told.recv().map_err(std::io::Error::other).and_then(|ready| ready).map_err(start)?;
        Ok(Storm { shared, thread: Some(thread), has_targets })
    }

    /// Lets the attacker loose; returns when it has begun.
    pub(crate) fn rage(&self) {
        self.shared.gate.rage(self.has_targets);
    }

    /// Returns when the attacker has stopped.
    pub(crate) fn calm(&self) {
        self.shared.gate.calm();
    }

    /// Moves made so far.
    pub(crate) fn moves(&self) -> u64 {
        self.shared.moves.load(Ordering::Relaxed)
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.shared.gate.end();
        // A panic of the attacker's thread has been printed by then and changes nothing here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn prepare(uid: Option<u32>) -> std::io::Result<()> {
    sys::thread::own_file_context()?;
    sys::thread::umask(0);
    uid.map_or(Ok(()), sys::thread::become_user)
}

/// Takes turns at all names until told to stop. Moves fail most of the time: that is the nature of a storm.
fn round(shared: &Shared, hands: &mut Hands, root: &OwnedFd, plan: &Plan) {
    let verbs: &[Verb] = match (plan.class, plan.uid) {
        (Class::DirWriter, _) => &[Verb::Plant, Verb::SwapOver, Verb::Unlink],
        // Without a uid of its own nothing would keep it from unlinking what is the victim's.
        (_, None) => &[Verb::Plant],
        (_, Some(_)) => &[Verb::Plant, Verb::Unlink],
    };
    let turns = Bait::ALL[..4].iter().flat_map(|bait| plan.names.iter().map(move |name| (bait, name)));
    for (bait, name) in turns.cycle() {
        for verb in verbs {
            if !shared.gate.is_raging() {
                return;
            }
            let act = Move { verb: *verb, bait: *bait, target: String::new() };
            let done = hands.act(root.as_fd(), &act, name).is_ok();
            shared.moves.fetch_add(u64::from(done), Ordering::Relaxed);
            shared.gate.tried();
        }
    }
}
