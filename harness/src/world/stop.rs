//! A call that a victim is held at, and what follows from its name, flags and places alone.

use super::calls::{Op, Sys};
use super::handed::Handed;
use super::proc::PATH_MAX;
use crate::sys::perform::RawCall;

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Space {
    /// `shared/`, `outside/` or `private/`: the path is relative to the arena.
    Arena,
    /// Anywhere else on the machine: the path is absolute.
    #[default]
    Elsewhere,
}

/// A path argument, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) space: Space,
    pub(crate) path: Vec<u8>,
    /// Index of the argument to replace by the arena's path, when the victim named the machine's own `/tmp`.
    pub(crate) redirect: Option<usize>,
    /// Named through a descriptor, so no entry is looked up.
    pub(crate) by_descriptor: bool,
    /// Has `..` in it, which may lead elsewhere than the text says.
    pub(crate) climbs: bool,
    /// Ends in a slash, so that only a directory will do.
    pub(crate) slash: bool,
}

/// A victim held before a call.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) id: u64,
    pub(crate) tid: u32,
    /// Number of the task in the order of first stops, from 0.
    pub(crate) task: u16,
    /// The second copy of the victim came by it.
    pub(crate) second: bool,
    pub(crate) sys: &'static Sys,
    pub(crate) raw: RawCall,
    /// One or two paths, as the call has.
    pub(super) places: [Place; 2],
    pub(crate) count: usize,
    pub(crate) flags: u32,
    pub(crate) mode: u32,
    pub(crate) length: u64,
    /// Set where O_EXCL is to be without effect: whether the name was taken when the call arrived.
    pub(crate) was_taken: Option<bool>,
    /// What the program that is about to be started would get of the arena.
    pub(crate) handed: Handed,
    /// Room for the decoder's work.
    pub(super) scratch: Vec<u8>,
    pub(super) below: Vec<u8>,
}

impl Default for Stop {
    fn default() -> Stop {
        let place = || Place {
            space: Space::Elsewhere,
            path: Vec::with_capacity(4 * PATH_MAX),
            redirect: None,
            by_descriptor: false,
            climbs: false,
            slash: false,
        };
        Stop {
            id: 0,
            tid: 0,
            task: 0,
            second: false,
            sys: &super::calls::WATCHED[0],
            raw: RawCall { nr: 0, args: [0; 6] },
            places: [place(), place()],
            count: 0,
            flags: 0,
            mode: 0,
            length: 0,
            was_taken: None,
            handed: Handed::default(),
            scratch: Vec::with_capacity(4 * PATH_MAX),
            below: Vec::with_capacity(4 * PATH_MAX),
        }
    }
}

impl Stop {
    pub(crate) fn places(&self) -> &[Place] {
        &self.places[..self.count]
    }

    /// A stop made up for a test, at paths of the arena.
    #[cfg(test)]
    pub(crate) fn made_up(sys: &'static Sys, task: u16, paths: &[Vec<u8>]) -> Stop {
        let mut stop = Stop { sys, task, count: paths.len().min(2), ..Stop::default() };
        for (place, path) in stop.places.iter_mut().zip(paths) {
            (place.space, place.path) = (Space::Arena, path.clone());
        }
        stop
    }

    /// True for a call that names something of the arena, or that hands something of it to another program.
    pub(crate) fn touches_arena(&self) -> bool {
        self.places().iter().any(|p| p.space == Space::Arena) || !self.handed.is_empty()
    }

    /// True when the call may change something if it succeeds.
    pub(crate) fn mutates(&self) -> bool {
        match self.sys.op {
            Op::Open => self.creates() || self.flags & libc::O_TRUNC as u32 != 0,
            Op::Look | Op::List | Op::Enter | Op::Run | Op::Sync | Op::Close | Op::Lock => false,
            _ => true,
        }
    }

    /// True for an open that may make an entry or an unnamed file.
    pub(crate) fn creates(&self) -> bool {
        self.sys.op == Op::Open
            && self.flags & (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32 != 0
    }

    /// True for an open that fails where its name is taken.
    pub(crate) fn is_exclusive_create(&self) -> bool {
        let both = (libc::O_CREAT | libc::O_EXCL) as u32;
        self.sys.op == Op::Open && self.flags & both == both
    }

    /// True for an open that, if it succeeds, has made the file that it opens.
    pub(crate) fn makes_its_own(&self) -> bool {
        self.is_exclusive_create() && self.was_taken.is_none()
    }

    /// True for an open that may give the victim a file of others, which it can then read, or change through a mapping,
    /// without a stop.
    pub(crate) fn gives_what_was_there(&self) -> bool {
        self.opens() && !self.makes_its_own() && self.flags & libc::O_DIRECTORY as u32 == 0
    }

    /// The flags that an open is made with.
    pub(crate) fn made_with(&self) -> u32 {
        if self.was_taken.is_some() { self.flags & !(libc::O_EXCL as u32) } else { self.flags }
    }

    /// True for a call that is about to give something a name in the arena, or asks whether a name is free.
    pub(crate) fn creates_name(&self) -> bool {
        let named = self.places().last().is_some_and(|p| p.space == Space::Arena && !p.by_descriptor);
        named && (matches!(self.sys.op, Op::Create | Op::Link) || self.creates())
    }

    /// A place elsewhere on the machine that the call would change by name, those apart that are `spared`.
    pub(crate) fn changes_elsewhere(&self, spared: impl Fn(&Place) -> bool) -> Option<&Place> {
        let changes = self.mutates() || self.writes();
        let named = |p: &&Place| p.space == Space::Elsewhere && !p.by_descriptor && !p.path.is_empty();
        self.places().iter().filter(|_| changes).filter(named).find(|p| !spared(p))
    }

    /// True for a call that waits until nobody else has the lock.
    pub(crate) fn waits_for_lock(&self) -> bool {
        let flags = self.flags as i32;
        match (self.sys.op, self.sys.name) {
            (Op::Lock, "flock") => flags & libc::LOCK_NB == 0 && flags != libc::LOCK_UN,
            (Op::Lock, _) => [libc::F_SETLKW, libc::F_OFD_SETLKW].contains(&flags),
            _ => false,
        }
    }

    pub(crate) fn opens(&self) -> bool {
        self.sys.op == Op::Open
    }

    /// The write, of its first half only, if it can be cut short.
    pub(crate) fn cut(&self) -> Option<RawCall> {
        let mut raw = self.raw;
        raw.args[2] /= 2;
        self.sys.can_be_cut(self.length).then_some(raw)
    }

    /// True for an open that asks for more than reading.
    pub(crate) fn writes(&self) -> bool {
        self.opens() && self.flags & libc::O_ACCMODE as u32 != libc::O_RDONLY as u32
    }
}
