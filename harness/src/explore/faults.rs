//! Which faults a recorded call can meet: the errnos that its man page gives, what older kernels and other file systems
//! lack, short writes, signals. A table, and the schedules made from it.

use super::{Next, key_of, open_stops};
use crate::evidence::{CallStep, Deed, Evidence};
use crate::fault::{Fault, SIGNALS, Whom};
use crate::schedule::Act;
use crate::world::calls::Op;
use libc::{
    EACCES, EBUSY, EDQUOT, EEXIST, EINTR, EINVAL, EIO, ELOOP, EMFILE, EMLINK, ENAMETOOLONG, ENFILE, ENOMEM,
    ENOSPC, ENOSYS, ENOTEMPTY, EOPNOTSUPP, EPERM, EROFS, ESTALE, ETXTBSY, EXDEV,
};

/// Every fault that can come next in a recorded run; with missing calls only if the victim forgets from one trial to the
/// next that a call was missing.
pub(crate) fn faults(recorded: &Evidence, forgets: bool) -> Vec<Next> {
    each(recorded, |call| faults_at(recorded, call, forgets))
}

/// Every fault that this call can meet.
pub(crate) fn faults_at(recorded: &Evidence, call: &CallStep, forgets: bool) -> Vec<Fault> {
    let errors = errors(call).iter().filter(|_| can_fail(recorded, call));
    let errors = errors.map(|errno| Fault::Fails(*errno));
    let missing = missing(call).map(Fault::Missing).filter(|_| forgets);
    let short = call.sys.can_be_cut(call.length).then_some(Fault::Short);
    errors.chain(missing).chain(short).collect()
}

/// What ends a process wherever it is.
pub(crate) const KILL: Fault = Fault::Signal(libc::SIGKILL, Whom::Process);

/// SIGKILL at each call of a recorded run.
pub(crate) fn kills(recorded: &Evidence) -> Vec<Next> {
    each(recorded, |_| vec![KILL])
}

/// Every signal that can come next in a recorded run; to the group as well where there is more than one process.
pub(crate) fn signals(recorded: &Evidence) -> Vec<Next> {
    let several = recorded.calls().any(|(_, call)| call.task > 0);
    let whom: &[Whom] = if several { &[Whom::Process, Whom::Group] } else { &[Whom::Process] };
    each(recorded, |_| {
        let all =
            SIGNALS.iter().flat_map(|(_, number)| whom.iter().map(|whom| Fault::Signal(*number, *whom)));
        all.collect()
    })
}

fn each(recorded: &Evidence, faults: impl Fn(&CallStep) -> Vec<Fault>) -> Vec<Next> {
    let open = open_stops(recorded);
    let moved = |at: usize| at > 0 && matches!(recorded.steps[at - 1].deed, Deed::Move(_));
    let at_call = |(at, call): (usize, &CallStep)| {
        let key = key_of(recorded, call);
        // A move before a call that is never made is a move before the next one.
        let apart = faults(call).into_iter().filter(move |fault| fault.errno().is_none() || !moved(at));
        apart
            .map(move |fault| Next { at, act: Act { at: key.clone(), does: fault.into() } })
            .collect::<Vec<_>>()
    };
    recorded.calls().filter(|(at, _)| open.contains(at)).flat_map(at_call).collect()
}

/// Closing fails when it brings written data to where it belongs; else there is nothing that could go wrong.
fn can_fail(recorded: &Evidence, call: &CallStep) -> bool {
    let path = recorded.paths(call).next();
    let written = |other: &CallStep| other.sys.op == Op::Write && recorded.paths(other).next() == path;
    call.sys.op != Op::Close || recorded.calls().any(|(_, other)| written(other))
}

/// What the call can fail with, by section 2 of the manual. Errors that speak of the caller's own mistakes are left out:
/// a call that is right does not meet them.
fn errors(call: &CallStep) -> &'static [i32] {
    match (call.sys.name, call.sys.op) {
        (_, Op::Open) if call.creates => &[
            EACCES,
            EDQUOT,
            EEXIST,
            EINTR,
            EIO,
            ELOOP,
            EMFILE,
            ENAMETOOLONG,
            ENFILE,
            ENOMEM,
            ENOSPC,
            EROFS,
            ESTALE,
        ],
        (_, Op::Open) => &[EACCES, EINTR, EIO, ELOOP, EMFILE, ENFILE, ENOMEM, ESTALE],
        ("bind", _) => &[EACCES, ENOMEM, EROFS],
        (_, Op::Create) => &[EACCES, EDQUOT, EEXIST, EIO, EMLINK, ENAMETOOLONG, ENOMEM, ENOSPC, EPERM, EROFS],
        (_, Op::Link) => &[EACCES, EDQUOT, EEXIST, EIO, EMLINK, ENOMEM, ENOSPC, EPERM, EROFS, EXDEV],
        (_, Op::Rename) => &[EACCES, EBUSY, EDQUOT, EIO, EMLINK, ENOMEM, ENOSPC, EPERM, EROFS, EXDEV],
        ("rmdir", _) => &[EACCES, EBUSY, EIO, ENOMEM, ENOTEMPTY, EPERM, EROFS],
        (_, Op::Remove) => &[EACCES, EBUSY, EIO, ENOMEM, EPERM, EROFS],
        (_, Op::Look) => &[EACCES, EIO, ELOOP, ENOMEM, ESTALE],
        (_, Op::Alter) => &[EACCES, EIO, EPERM, EROFS],
        ("fallocate", _) => &[EINTR, EIO, ENOSPC, EOPNOTSUPP],
        (_, Op::Resize) => &[EINTR, EIO, EPERM],
        (_, Op::Write | Op::Sync) => &[EDQUOT, EINTR, EIO, ENOSPC],
        (_, Op::Close) => &[EDQUOT, EINTR, EIO, ENOSPC],
        (_, Op::List) => &[EIO, ENOMEM],
        (_, Op::Enter) => &[EACCES, EIO, ENOMEM],
        (_, Op::Run) => &[EACCES, EIO, ENOMEM, ETXTBSY],
        // Of what copies of a program wait for: it is tried by running two.
        (_, Op::Lock) => &[],
    }
}

/// What the call fails with where it does not exist.
fn missing(call: &CallStep) -> impl Iterator<Item = i32> + use<> {
    let unnamed = call.flags & libc::O_TMPFILE as u32 == libc::O_TMPFILE as u32 && call.sys.op == Op::Open;
    let all: &[i32] = match call.sys.name {
        // renameat2(2): EINVAL from a file system that does not know the flag.
        "renameat2" => &[ENOSYS, EINVAL],
        "openat2" | "statx" | "faccessat2" | "fchmodat2" => &[ENOSYS],
        "copy_file_range" => &[ENOSYS, EOPNOTSUPP, EXDEV],
        _ if unnamed => &[EOPNOTSUPP],
        _ => &[],
    };
    all.iter().copied()
}
