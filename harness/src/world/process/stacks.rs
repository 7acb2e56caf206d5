//! The stack of a held task. The kernel tells of a task in a notification only where its stack begins; what else leads
//! to its callers is in registers that show when it has come out of the call, before it makes it again.

use crate::stack::{MOST_BYTES, Stack};
use crate::sys::memory;
use crate::sys::ptrace::{self, Stand};
use crate::world::proc::Proc;
use crate::world::stop::Stop;
use std::io;

/// Takes the stack of the task held at `stop`, whose call `answer` ends. The task's process is ended.
pub(super) fn take(proc: &Proc, stop: &Stop, answer: impl FnOnce(i64)) -> Result<Stack, &'static str> {
    let taken = ptrace::stand(stop.tid, answer, |stand| read(proc, stop.tid, stand));
    taken.map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => "this machine does not let us look into it (ptrace(2))",
        _ if cfg!(target_arch = "x86_64") => "it could not be stopped at the call",
        _ => "stacks are read on x86-64 only",
    })
}

fn read(proc: &Proc, tid: u32, stand: &Stand) -> io::Result<Stack> {
    let maps = String::from_utf8_lossy(&proc.whole(format_args!("{tid}/maps"))).into_owned();
    let end = end_of(&maps, stand.sp).ok_or(io::ErrorKind::NotFound)?;
    let mut bytes = vec![0; MOST_BYTES.min((end - stand.sp) as usize)];
    let count = memory::read(tid, stand.sp, &mut bytes)?;
    bytes.truncate(count);
    let Stand { pc, sp, fp } = *stand;
    Ok(Stack { pc, sp, fp, bytes, maps })
}

/// Where the mapping ends that has this address in it.
fn end_of(maps: &str, address: u64) -> Option<u64> {
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    let range = |line: &str| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        Some(number(start)?..number(end)?)
    };
    maps.lines().filter_map(range).find(|range| range.contains(&address)).map(|range| range.end)
}
