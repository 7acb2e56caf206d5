//! From the keeper to a program: session, streams, limits, the filter, execve(2). Signals and rights are the keeper's by
//! then (see `leave_behind`). Nothing here allocates.

use super::cell::{FIXED_ADDRESSES, Plan};
use super::keeper::{Start, block, close_range, end, no_signals, send, tell};
use super::perform::borrow;
use super::{notify, streams, thread};
use rustix::fs::Mode;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr::null_mut;

/// What is to be started.
struct Launch<'a> {
    start: &'a Start<'a>,
    program: usize,
    umask: u32,
    /// What it reads and writes: the same numbers in its table of descriptors as in the keeper's.
    streams: Option<[RawFd; 2]>,
}

/// Memory for what a program's first process does before execve(2): a stack, with the [`Launch`] at its foot.
pub(super) struct Ground(*mut libc::c_void);

impl Ground {
    const BYTES: usize = 256 * 1024;

    /// Takes memory that is never given back.
    pub(super) fn new() -> io::Result<Ground> {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping, at a place of the kernel's choice, touches nothing else.
        let ground = unsafe { mmap_anonymous(null_mut(), Ground::BYTES, protection, flags) };
        Ok(Ground(ground?))
    }
}

/// Starts a program; there must be no other on its way to execve(2). Up to there its first process shares the keeper's
/// memory, as a copy of that, made for every trial, costs more than many a program.
///
/// `own` is the keeper's directory of descriptors.
pub(super) fn launch<'a>(
    start: &'a Start<'a>,
    program: usize,
    umask: u32,
    own: BorrowedFd<'_>,
) -> io::Result<libc::pid_t> {
    extern "C" fn begin(launch: *mut libc::c_void) -> libc::c_int {
        // SAFETY: `launch` was written there right before, and stays until the next one is.
        become_program(unsafe { &*launch.cast::<Launch<'_>>() })
    }
    let opened = start.plans[program].streams.open(own)?;
    let streams = opened.as_ref().map(|both| both.each_ref().map(AsRawFd::as_raw_fd));
    let foot = start.ground.0.cast::<Launch<'a>>();
    // SAFETY: the mapping is aligned to pages and larger than this, and nobody else uses it now.
    unsafe { foot.write(Launch { start, program, umask, streams }) };
    // SAFETY: one past the end of the mapping.
    let top = unsafe { start.ground.0.byte_add(Ground::BYTES) };
    // SAFETY: `begin` never returns, has this stack to itself and changes no memory that the keeper reads.
    let pid = unsafe { libc::clone(begin, top, libc::CLONE_VM | libc::SIGCHLD, foot.cast()) };
    if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) }
}

/// The first process of the program, up to its start.
fn become_program(what: &Launch<'_>) -> ! {
    let Launch { start, program, .. } = *what;
    let (plan, (argv, envp)) = (&start.plans[program], &start.arguments[program]);
    let errno = match prepare(what, plan).and_then(|()| hand_over(start, plan.watched)) {
        // SAFETY: all three point to arrays of C strings that end with a null and live in this process's memory.
        Ok(()) => unsafe {
            libc::execve(plan.path.as_ptr(), argv.as_ptr(), envp.as_ptr());
            io::Error::last_os_error()
        },
        Err(e) => {
            tell(start.socket, b'f', e.raw_os_error().unwrap_or(0));
            e
        }
    };
    end(if errno.raw_os_error() == Some(libc::ENOENT) { 127 } else { 126 });
}

fn prepare(what: &Launch<'_>, plan: &Plan) -> io::Result<()> {
    let Launch { start, umask, streams, .. } = *what;
    rustix::process::setsid()?;
    plan.cwd.as_ref().map_or(Ok(()), rustix::process::chdir)?;
    if umask & FIXED_ADDRESSES != 0 {
        thread::fix_addresses()?;
    }
    block(&no_signals());
    streams::connect(streams.map(|both| both.map(borrow)), start.socket)?;
    rustix::process::umask(Mode::from_bits_retain(umask & 0o777));
    let limit = |most| rustix::process::Rlimit { current: Some(most), maximum: Some(most) };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, limit(plan.most_bytes))?;
    rustix::process::setrlimit(rustix::process::Resource::Core, limit(0))?;
    thread::no_new_privileges()
}

/// Leaves behind, once and for all programs, what they must not have of ours: ignored signals and handlers, and what would
/// let a program of root's out of its namespace: mounting, devices, kernel memory, other processes. The keeper itself
/// keeps its capabilities, as it never runs a program in its own place.
pub(super) fn leave_behind() {
    use rustix::thread::CapabilitySet as Set;
    for signal in 1..=64 {
        // SAFETY: restores a default disposition; numbers that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let dangerous = [
        Set::SYS_ADMIN,
        Set::SYS_MODULE,
        Set::SYS_RAWIO,
        Set::SYS_PTRACE,
        Set::SYS_BOOT,
        Set::SYS_CHROOT,
        Set::SYS_TIME,
        Set::MKNOD,
        Set::DAC_READ_SEARCH,
        Set::LINUX_IMMUTABLE,
        Set::CHECKPOINT_RESTORE,
        Set::BPF,
        Set::PERFMON,
        Set::SYS_RESOURCE,
    ];
    for capability in dangerous {
        // One that this kernel does not know cannot be used either.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}

/// Puts this process under the filter if it is to be held, sends the listener out, and closes all but the standard
/// descriptors.
fn hand_over(start: &Start<'_>, watched: bool) -> io::Result<()> {
    if watched {
        let filter = start.code.as_ptr().cast_mut();
        let program = libc::sock_fprog { len: start.code.len() as libc::c_ushort, filter };
        // Asked before, as it is one of the calls that are held.
        let own_pid = rustix::process::getpid().as_raw_nonzero().get();
        let listener = notify::install_program(&program)?;
        send(start.socket, b'l', own_pid, listener.as_fd())?;
    }
    close_range(3, u32::MAX);
    Ok(())
}
