//! Forking a held process from the outside (ptrace(2)): it is stopped right before its call and made to fork there, as
//! often as wished; each copy makes the call itself. Owns the steps, not when they are sound. x86-64 only.

use super::memory;
use libc::{c_uint, c_void, pid_t, user_regs_struct};
use std::io;
use std::ptr::null_mut;

/// What the held call is answered so that the process comes to stand before it: the kernel takes the call for one that
/// a signal interrupted, and that is to be made again.
pub(crate) const AGAIN: i64 = -512;

/// The flags of the clone(2) that makes a copy. A filter must let it run, as the process cannot be held there too.
pub(crate) const FORK: u32 = (libc::CLONE_PARENT | libc::SIGCHLD) as u32;

/// A process of one thread that stands before a call and never makes it. Used by the thread that made it only. Dropping
/// it ends the process.
pub(crate) struct Original {
    pid: pid_t,
    /// Its registers, the next instruction being that of the call.
    before: user_regs_struct,
}

/// A copy that has not moved yet. Dropping it ends it.
pub(crate) struct Copy {
    pid: pid_t,
    /// The number that it has in its own pid namespace.
    pub(crate) own_pid: u32,
}

impl Original {
    /// Begins to trace a task that is held in a call, and asks it to stop. The call is then to be answered with
    /// [`AGAIN`]; [`Original::arrive`] waits for the task.
    pub(crate) fn seize(tid: u32) -> io::Result<Original> {
        let pid = tid as pid_t;
        let options = libc::PTRACE_O_TRACEFORK | libc::PTRACE_O_EXITKILL;
        request(libc::PTRACE_SEIZE, pid, options as usize as *mut c_void)?;
        request(libc::PTRACE_INTERRUPT, pid, null_mut())?;
        // SAFETY: plain numbers only, for which all zeroes are valid.
        Ok(Original { pid, before: unsafe { std::mem::zeroed() } })
    }

    /// Waits until it stands before its call. If it cannot be made to, it is let go, and makes the call.
    pub(crate) fn arrive(mut self) -> io::Result<Original> {
        let stood = await_stop(self.pid)?;
        let found = rewound(registers(self.pid)?).filter(|_| stood == Stood::Asked);
        match found.filter(|before| stands_before_a_call(self.pid, before)) {
            Some(before) => {
                self.before = before;
                Ok(self)
            }
            None => {
                let signal = if let Stood::Signal(number) = stood { number } else { 0 };
                request(libc::PTRACE_DETACH, self.pid, signal as usize as *mut c_void)?;
                std::mem::forget(self);
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }

    /// Makes it fork. The copy is a child of its parent's, and stands before the call until it is [let go](Copy::let_go).
    pub(crate) fn fork(&self) -> io::Result<Copy> {
        set_registers(self.pid, &forking(self.before))?;
        resume(libc::PTRACE_CONT, self.pid, Stood::Forked)?;
        let mut pid: libc::c_ulong = 0;
        request(libc::PTRACE_GETEVENTMSG, self.pid, (&raw mut pid).cast())?;
        let mut copy = Copy { pid: pid as pid_t, own_pid: 0 };
        while await_stop(copy.pid)? != Stood::Asked {
            request(libc::PTRACE_CONT, copy.pid, null_mut())?;
        }
        set_registers(copy.pid, &self.before)?;
        // The original comes out of its call, where it stays until the next time.
        resume(libc::PTRACE_SYSCALL, self.pid, Stood::Signal(libc::SIGTRAP))?;
        copy.own_pid = value(&registers(self.pid)?) as u32;
        Ok(copy)
    }
}

/// Where a task stands before its call: the registers that lead to its callers.
pub(crate) struct Stand {
    pub(crate) pc: u64,
    pub(crate) sp: u64,
    pub(crate) fp: u64,
}

/// Shows a task that is held in a call, and that `answer` gives [`AGAIN`] for it, as it stands before making it again; then
/// ends its process. One that cannot be made to stand there goes on.
pub(crate) fn stand<T>(
    tid: u32,
    answer: impl FnOnce(i64),
    look: impl FnOnce(&Stand) -> io::Result<T>,
) -> io::Result<T> {
    let held = Original::seize(tid)?;
    answer(AGAIN);
    look(&standing(&held.arrive()?.before))
}

impl Copy {
    /// Lets it run, not traced any more; returns its pid.
    pub(crate) fn let_go(self) -> io::Result<u32> {
        request(libc::PTRACE_DETACH, self.pid, null_mut())?;
        let pid = self.pid as u32;
        std::mem::forget(self);
        Ok(pid)
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        end(self.pid);
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        end(self.pid);
    }
}

/// Ends a process that we trace. Its parent cannot collect it before we have.
fn end(pid: pid_t) {
    // SAFETY: we trace it and have not collected it, so the number is still its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    while await_stop(pid).is_ok() {}
}

/// Sends a signal to a process that we have started and not yet collected, or to a group of such, if negative; returns
/// what kill(2) does.
pub(crate) fn signal(pid: pid_t, number: i32) -> i64 {
    // SAFETY: takes numbers only.
    let sent = unsafe { libc::kill(pid, number) };
    if sent == 0 { 0 } else { -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(libc::ESRCH)) }
}

/// Why a traced process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stood {
    /// It was asked to, or has just been made.
    Asked,
    /// It has forked.
    Forked,
    /// A signal came, which it gets when it is resumed with it; SIGTRAP at the end of a call.
    Signal(i32),
}

/// Resumes until it stands as wanted. Signals that come meanwhile are dropped: what they were for is the copies.
fn resume(how: c_uint, pid: pid_t, wanted: Stood) -> io::Result<()> {
    request(how, pid, null_mut())?;
    while await_stop(pid)? != wanted {
        request(how, pid, null_mut())?;
    }
    Ok(())
}

fn await_stop(pid: pid_t) -> io::Result<Stood> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live number that the kernel fills.
        if unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) } == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
    }
    match status >> 16 {
        _ if !libc::WIFSTOPPED(status) => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        libc::PTRACE_EVENT_STOP => Ok(Stood::Asked),
        libc::PTRACE_EVENT_FORK => Ok(Stood::Forked),
        _ => Ok(Stood::Signal(libc::WSTOPSIG(status))),
    }
}

fn request(what: c_uint, pid: pid_t, data: *mut c_void) -> io::Result<()> {
    let nothing: *mut c_void = null_mut();
    // SAFETY: `data` is a number, or points to a live buffer of the size that the request fills or reads.
    let done = unsafe { libc::ptrace(what, pid, nothing, data) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The general registers, in the kernel's own layout.
const GENERAL: usize = libc::NT_PRSTATUS as usize;

fn registers(pid: pid_t) -> io::Result<user_regs_struct> {
    // SAFETY: plain numbers only, for which all zeroes are valid.
    let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
    move_registers(libc::PTRACE_GETREGSET, pid, &raw mut registers)?;
    Ok(registers)
}

fn set_registers(pid: pid_t, registers: &user_regs_struct) -> io::Result<()> {
    move_registers(libc::PTRACE_SETREGSET, pid, std::ptr::from_ref(registers).cast_mut())
}

fn move_registers(what: c_uint, pid: pid_t, registers: *mut user_regs_struct) -> io::Result<()> {
    let mut area = libc::iovec { iov_base: registers.cast(), iov_len: size_of::<user_regs_struct>() };
    // SAFETY: `area` describes a live struct of the kernel's layout, which it fills, or only reads when it is to set.
    let done = unsafe { libc::ptrace(what, pid, GENERAL as *mut c_void, &raw mut area) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The registers as they were before the call that was answered with [`AGAIN`].
#[cfg(target_arch = "x86_64")]
fn rewound(at: user_regs_struct) -> Option<user_regs_struct> {
    const LENGTH: u64 = 2;
    // A number of no call in `orig_rax` keeps the kernel from making anything again by itself.
    let before =
        user_regs_struct { rip: at.rip.wrapping_sub(LENGTH), rax: at.orig_rax, orig_rax: u64::MAX, ..at };
    (at.rax == AGAIN as u64).then_some(before)
}

/// Those with which it forks instead.
#[cfg(target_arch = "x86_64")]
fn forking(before: user_regs_struct) -> user_regs_struct {
    let (rax, rdi) = (libc::SYS_clone as u64, FORK.into());
    user_regs_struct { rax, rdi, rsi: 0, rdx: 0, r10: 0, r8: 0, ..before }
}

#[cfg(target_arch = "x86_64")]
fn standing(before: &user_regs_struct) -> Stand {
    Stand { pc: before.rip, sp: before.rsp, fp: before.rbp }
}

/// What the call has returned.
#[cfg(target_arch = "x86_64")]
fn value(after: &user_regs_struct) -> u64 {
    after.rax
}

/// True when the next instruction is `syscall`.
#[cfg(target_arch = "x86_64")]
fn stands_before_a_call(pid: pid_t, before: &user_regs_struct) -> bool {
    let mut code = [0; 2];
    memory::read(pid as u32, before.rip, &mut code).is_ok_and(|n| n == 2) && code == [0x0f, 0x05]
}

#[cfg(not(target_arch = "x86_64"))]
fn rewound(_: user_regs_struct) -> Option<user_regs_struct> {
    None
}

#[cfg(not(target_arch = "x86_64"))]
fn forking(before: user_regs_struct) -> user_regs_struct {
    before
}

#[cfg(not(target_arch = "x86_64"))]
fn standing(_: &user_regs_struct) -> Stand {
    Stand { pc: 0, sp: 0, fp: 0 }
}

#[cfg(not(target_arch = "x86_64"))]
fn value(_: &user_regs_struct) -> u64 {
    0
}

#[cfg(not(target_arch = "x86_64"))]
fn stands_before_a_call(_: pid_t, _: &user_regs_struct) -> bool {
    false
}
