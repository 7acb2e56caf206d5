//! Carrying out a program, whoever does it: which handles there are, which of them an operation takes, and what is answered.

use super::op::{Does, Kind, Op};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What an operation answers, or what one sees of the whole. What is drawn for a name stands in paths as the number of the
/// operation that drew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No handle fits.
    Unfit,
    Done,
    Is(bool),
    Path(PathBuf),
    Bytes(Vec<u8>),
    Position(u64),
    Metadata {
        length: u64,
        mode: u32,
    },
    Failed(ErrorKind),
    Panicked,
    /// Each entry with its mode and content, sorted.
    Tree(Vec<String>),
}

impl Answer {
    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Answer::Failed(_))
    }
}

impl From<io::Error> for Answer {
    fn from(error: io::Error) -> Answer {
        Answer::Failed(error.kind())
    }
}

/// An answer, and the handles that there are in the place of those taken.
pub(super) type Answered<H> = (Answer, Vec<H>);

/// The crate, or what it promises.
pub(super) trait Tempfile {
    type Handle;

    fn kind(handle: &Self::Handle) -> Kind;

    /// Where a temporary directory is.
    fn path(handle: &Self::Handle) -> &Path;

    /// Carries out an operation, in its place among all, in this directory or the crate's default.
    fn act(
        &mut self,
        number: usize,
        op: Op,
        dir: Option<&Path>,
        taken: Vec<Self::Handle>,
    ) -> Answered<Self::Handle>;

    /// Drops a handle, on a thread of its own if asked to.
    fn release(&mut self, handle: Self::Handle, elsewhere: bool);

    /// What stands in the directory.
    fn tree(&mut self) -> Vec<String>;
}

/// What tells what an open file holds: its length, and its beginning.
const SHOW: [Op; 3] = [
    Op { does: Does::Seek, at: 0, place: 2, detail: 32 },
    Op { does: Does::Seek, at: 0, place: 0, detail: 0 },
    Op { does: Does::Read, at: 0, place: 0, detail: 47 },
];

/// Carries out the operations, notes each answer, and drops what is left. `looks` also notes what the open files hold in the end,
/// and what stands in the directory before and after.
pub(super) fn carry_out<T: Tempfile>(side: &mut T, ops: &[Op], looks: bool, mut note: impl FnMut(Answer)) {
    let mut handles = Vec::new();
    for (number, op) in ops.iter().enumerate() {
        let dir = place(&handles, op.place, T::kind, T::path).map(Path::to_owned);
        note(match take(&mut handles, *op, T::kind) {
            None => Answer::Unfit,
            Some((_, taken)) if matches!(op.does, Does::Drop | Does::DropElsewhere) => {
                taken.into_iter().for_each(|handle| side.release(handle, op.does == Does::DropElsewhere));
                Answer::Done
            }
            Some((at, taken)) => {
                let (answer, back) = side.act(number, *op, dir.as_deref(), taken);
                handles.splice(at..at, back);
                answer
            }
        });
    }
    if looks {
        note(Answer::Tree(side.tree()));
        handles = show(side, handles, ops.len(), &mut note);
    }
    handles.into_iter().for_each(|handle| side.release(handle, false));
    if looks {
        note(Answer::Tree(side.tree()));
    }
}

/// Notes what the open files among these handles hold, and gives all of them back.
fn show<T: Tempfile>(
    side: &mut T,
    handles: Vec<T::Handle>,
    number: usize,
    note: &mut impl FnMut(Answer),
) -> Vec<T::Handle> {
    let show_one = |handle: T::Handle| {
        if !Does::Read.takes()[0].contains(&T::kind(&handle)) {
            return vec![handle];
        }
        SHOW.into_iter().fold(vec![handle], |taken, op| {
            let (answer, back) = side.act(number, op, None, taken);
            note(answer);
            back
        })
    };
    handles.into_iter().flat_map(show_one).collect()
}

/// The directory of an operation: none for the crate's default, an empty path for the one that all is done in.
fn place<H>(handles: &[H], number: u8, kind: fn(&H) -> Kind, path: fn(&H) -> &Path) -> Option<&Path> {
    let dirs: Vec<&H> = handles.iter().filter(|handle| kind(handle) == Kind::Dir).collect();
    match number.checked_sub(2) {
        None if number == 0 => None,
        Some(nth) if !dirs.is_empty() => Some(path(dirs[usize::from(nth) % dirs.len()])),
        _ => Some(Path::new("")),
    }
}

/// The handles that an operation is to take, and the place for what comes back; none when one of them is missing.
pub(super) fn take<H>(handles: &mut Vec<H>, op: Op, kind: fn(&H) -> Kind) -> Option<(usize, Vec<H>)> {
    let mut places = Vec::new();
    for kinds in op.does.takes() {
        let fit: Vec<usize> = (0..handles.len()).filter(|at| kinds.contains(&kind(&handles[*at]))).collect();
        places.push(*fit.get(usize::from(op.at) % fit.len().max(1))?);
    }
    let first = places.iter().copied().min().unwrap_or(handles.len());
    // No operation takes two of a kind, so these are different handles.
    let gone_before = |nth: usize| places[..nth].iter().filter(|place| **place < places[nth]).count();
    let taken = (0..places.len()).map(|nth| handles.remove(places[nth] - gone_before(nth))).collect();
    Some((first, taken))
}
