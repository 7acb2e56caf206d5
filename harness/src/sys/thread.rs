//! What only the thread itself, or a signal to it, can do: other credentials, another file system context, the end.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::io;
use std::ops::Range;
use std::os::unix::thread::JoinHandleExt;
use std::thread::JoinHandle;
use std::time::Duration;

/// The signal that ends a victim thread which will not end by itself.
fn ending_signal() -> i32 {
    libc::SIGRTMIN() + 7
}

/// Gives the calling thread a working directory and umask of its own (shared with threads that it starts later).
pub(crate) fn own_file_context() -> io::Result<()> {
    // SAFETY: CLONE_FS only splits the calling thread's fs structure from the other threads'.
    if unsafe { libc::unshare(libc::CLONE_FS) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The working directory of the calling thread's file context; `None` when it has no path from the root.
pub(crate) fn working_directory(into: &mut [u8]) -> Option<&[u8]> {
    // SAFETY: `into` is a live buffer of that length.
    let end = unsafe { libc::syscall(libc::SYS_getcwd, into.as_mut_ptr(), into.len()) };
    let path = into.get(..usize::try_from(end).ok()?.checked_sub(1)?)?;
    path.starts_with(b"/").then_some(path)
}

/// Sets the umask of the calling thread's file context and returns the one before.
pub(crate) fn umask(mask: u32) -> u32 {
    // SAFETY: umask takes a number and cannot fail.
    unsafe { libc::umask(mask) }
}

/// Gives up, for the calling thread, gaining rights by running programs: the condition for filters without root.
pub(crate) fn no_new_privileges() -> io::Result<()> {
    // SAFETY: prctl with these constants takes no pointers; it only sets a flag of this thread.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())
}

/// Makes the programs that this process runs from now on lie at the same addresses each time.
pub(crate) fn fix_addresses() -> io::Result<()> {
    // SAFETY: personality takes a number; this flag matters only when a program is run.
    check(unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) }.into())
}

/// Pins the calling thread to one core; refusal only costs speed.
pub(crate) fn pin_to(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

/// Runs `work` without the capabilities that override what a user may do with files. Root keeps them: what it runs has
/// them too. In a user namespace of its own an ordinary user's thread has them all, but what it runs does not.
pub(crate) fn without_file_capabilities<T>(work: impl FnOnce() -> T) -> T {
    const FILES: CapabilitySet = CapabilitySet::CHOWN
        .union(CapabilitySet::DAC_OVERRIDE)
        .union(CapabilitySet::DAC_READ_SEARCH)
        .union(CapabilitySet::FOWNER)
        .union(CapabilitySet::FSETID);
    if rustix::process::geteuid().is_root() {
        return work();
    }
    let all = capabilities(None).ok().filter(|all| all.effective.intersects(FILES));
    let Some(all) = all else { return work() };
    // Giving up rights, and taking back what is permitted, is never refused.
    let _ = set_capabilities(None, CapabilitySets { effective: all.effective - FILES, ..all });
    let result = work();
    let _ = set_capabilities(None, all);
    result
}

/// Runs `work` with the file system ids of `uid` (setfsuid(2)): for every path the kernel then asks what that user may
/// do, and the capabilities that override it are gone. The calling thread, whose ids are `own`, must have no
/// supplementary groups.
pub(crate) fn as_user<T>(uid: u32, own: (u32, u32), work: impl FnOnce() -> T) -> T {
    const ROOT: u32 = 0;
    set_file_ids((uid, uid));
    // The kernel takes the capabilities from root's thread by itself (capabilities(7), "Effect of user ID changes").
    let result = if own.0 == ROOT { work() } else { without_file_capabilities(work) };
    set_file_ids(own);
    result
}

/// User and group of the calling thread.
pub(crate) fn own_ids() -> (u32, u32) {
    (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

/// Sets the file system ids of the calling thread. Cannot fail where `Host::attacker` has told of another user's.
fn set_file_ids((user, group): (u32, u32)) {
    // SAFETY: takes a number.
    unsafe { libc::setfsgid(group) };
    // SAFETY: takes a number.
    unsafe { libc::setfsuid(user) };
}

/// Takes the supplementary groups from the calling thread, and no other: the C library's wrapper would change all.
pub(crate) fn leave_groups() -> io::Result<()> {
    // SAFETY: an empty group list needs no buffer.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0usize, std::ptr::null::<libc::gid_t>()) })
}

/// Gives the calling thread, and no other, the credentials of `uid` without groups. Raw calls on purpose, as above.
pub(crate) fn become_user(uid: u32) -> io::Result<()> {
    leave_groups()?;
    // SAFETY: takes numbers only.
    check(unsafe { libc::syscall(libc::SYS_setresgid, uid, uid, uid) })?;
    // SAFETY: takes numbers only.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives a thread of this process the lowest priority.
pub(crate) fn yield_to_others(tid: u32) -> io::Result<()> {
    // SAFETY: takes numbers only; for Linux a thread id names the thread alone (setpriority(2)).
    let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, tid as libc::id_t, 19) };
    check(set.into())
}

/// True when `tid` is a thread of this process.
pub(crate) fn is_ours(tid: u32) -> bool {
    let pid = std::process::id() as libc::pid_t;
    // SAFETY: signal 0 only asks whether the thread exists.
    unsafe { libc::syscall(libc::SYS_tgkill, pid, tid as libc::pid_t, 0) == 0 }
}

extern "C" fn end_this_thread(_signal: libc::c_int) {
    // SAFETY: ends only the calling thread, whose stack stays mapped until it is reclaimed.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// Lets a signal through to the calling thread, whatever the thread that started it has blocked.
pub(crate) fn let_through(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: an all-zero set is a valid buffer for the next call.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is live.
    unsafe { libc::sigemptyset(&raw mut set) };
    // SAFETY: `set` is live and empty.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: `set` is live; only the calling thread's mask changes.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// Lets others [`end`] the calling thread.
pub(crate) fn allow_end() -> io::Result<()> {
    let_through(ending_signal())
}

/// Makes a thread of this process end at once, without unwinding, wherever it is in user code or in an
/// interruptible call. What it owned is leaked, and its stack until it is [`reclaim`]ed.
pub(crate) fn end(tid: u32) {
    // Each time, as victims alter what signals do.
    let handler = end_this_thread as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: a real-time signal that only we send, to threads that only we started.
    let _ = unsafe { libc::signal(ending_signal(), handler) };
    let pid = std::process::id() as libc::pid_t;
    // SAFETY: sends a signal to one thread of this process; a dead one gives an error that does not matter.
    let _ = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid as libc::pid_t, ending_signal()) };
}

/// Gives back the stack of a thread that was told to [`end`], once it has. What it owned stays, and where the C library is not
/// glibc, which learns of the end from the kernel (pthread_join, `CLONE_CHILD_CLEARTID` in clone(2)), the stack too.
pub(crate) fn reclaim(thread: JoinHandle<()>, tid: u32) {
    // Up to a second: first on the core that the two share, then by leaving it.
    const YIELDS: u32 = 200;
    const PAUSES: u32 = 1000;
    for round in 0..YIELDS + PAUSES {
        match () {
            () if !is_ours(tid) => break,
            () if round < YIELDS => std::thread::yield_now(),
            () => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    if cfg!(target_env = "gnu") && !is_ours(tid) {
        let thread = thread.into_pthread_t();
        // SAFETY: a thread that nobody else joins or detaches. It has ended, so this does not wait.
        let _ = unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
    }
}

/// The addresses of the calling thread's stack, all of them mapped for as long as the thread lives; `None` where the C
/// library does not tell.
pub(crate) fn own_stack() -> Option<Range<u64>> {
    // SAFETY: an all-zero value is a valid buffer for the next call.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    // SAFETY: takes nothing and cannot fail.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: names the calling thread and a live buffer.
    if unsafe { libc::pthread_getattr_np(this, &raw mut attributes) } != 0 {
        return None;
    }
    let (mut lowest, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: three live buffers; the attributes have been filled in.
    let told =
        unsafe { libc::pthread_attr_getstack(&raw const attributes, &raw mut lowest, &raw mut size) } == 0;
    // SAFETY: as above.
    let told = unsafe { libc::pthread_attr_getguardsize(&raw const attributes, &raw mut guard) } == 0 && told;
    // SAFETY: the attributes have been filled in and are not used again.
    unsafe { libc::pthread_attr_destroy(&raw mut attributes) };
    let lowest = lowest.addr();
    // Some C libraries count the guard as part of the stack.
    told.then(|| (lowest + guard) as u64..(lowest + size) as u64)
}

/// The calling thread's id.
pub(crate) fn own_tid() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// Ends this process with a status of our choice, in the place of a victim that is just doing so.
pub(crate) fn end_process(status: i32) {
    // SAFETY: the process was about to end anyway; no code of it runs afterwards.
    unsafe { libc::syscall(libc::SYS_exit_group, status) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;

    #[test]
    fn a_thread_can_be_ended_that_was_started_by_one_that_blocks_all_signals() {
        let (tell, told) = channel();
        let blocks_all = thread::spawn(move || {
            // SAFETY: an all-zero set is a valid buffer for the next call.
            let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
            // SAFETY: `all` is live.
            unsafe { libc::sigfillset(&raw mut all) };
            // SAFETY: `all` is live; only this thread's mask changes.
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut()) };
            thread::spawn(move || {
                allow_end().expect("a signal can be let through");
                tell.send(own_tid()).expect("the test listens");
                loop {
                    thread::park();
                }
            })
        });
        let waits = blocks_all.join().expect("it starts a thread");
        let tid = told.recv().expect("the thread tells");
        end(tid);
        reclaim(waits, tid);
        assert!(!is_ours(tid));
    }
}
