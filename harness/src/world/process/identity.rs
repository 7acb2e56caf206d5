//! As whom a program's tasks make files, and under which umask: what we have to be like to make a call in their place.
//!
//! All tasks descend from one and inherit both, so what that one is started with is true of all of them until one makes a
//! call that changes it; those calls are watched. From there on each task is looked at every time, in `status`, which takes
//! as long as two stops. Running a program changes neither, as none gains rights there.

use crate::sys::bpf::Fate;
use crate::sys::thread as own_thread;
use crate::world::proc::{Proc, field};

/// umask(2), and all calls that change a user or group id.
const CHANGE: [libc::c_long; 9] = [
    libc::SYS_umask,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
];

/// What is watched for it.
pub(super) fn watched() -> (Fate, Vec<u32>) {
    (Fate::Watched, CHANGE.map(|nr| nr as u32).to_vec())
}

/// What is known of the program's tasks.
#[derive(Default)]
pub(super) struct Identity {
    /// The umask and whether the ids are ours, of all tasks.
    known: Option<(u32, bool)>,
    /// Some task may differ from others.
    varies: bool,
}

impl Identity {
    /// A program is started anew, by us and under this umask.
    pub(super) fn start(&mut self, umask: u32) {
        *self = Identity { known: Some((umask, true)), varies: false };
    }

    /// Takes note of a call before it goes on. A copy of a template inherits what the template was, so what only copies
    /// change is noted for too long, which costs time alone.
    pub(super) fn note(&mut self, nr: u32) {
        self.varies |= CHANGE.contains(&libc::c_long::from(nr));
    }

    /// True when the task's file system ids are ours; takes over its umask.
    pub(super) fn is_ours(&mut self, proc: &Proc, tid: u32) -> bool {
        let known = self.known.filter(|_| !self.varies).or_else(|| look(proc, tid));
        self.known = known;
        let Some((mask, ours)) = known else { return false };
        own_thread::umask(mask);
        ours
    }
}

/// The umask of a task, and whether its file system ids are ours.
fn look(proc: &Proc, tid: u32) -> Option<(u32, bool)> {
    let mut buffer = [0; 2048];
    let status = proc.status(tid, &mut buffer);
    let mask = u32::from_str_radix(field(status, "Umask:")?, 8).ok()?;
    let file_id = |name| field(status, name)?.split('\t').nth(3)?.parse().ok();
    let (user, group) = own_thread::own_ids();
    Some((mask, file_id("Uid:") == Some(user) && file_id("Gid:") == Some(group)))
}
