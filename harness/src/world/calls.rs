//! The calls we stop at: their numbers on each architecture and what each argument means. A table, no logic.
//!
//! A signature has one letter per argument: `d` directory descriptor, `p` path, `f` descriptor that is acted on,
//! `F` open flags, `H` pointer to `struct open_how`, `m` mode, `a` AT_ flags, `r` rename flags, `n` length,
//! `S` socket address, `L` what is to be done about a lock, `-` anything else. Numbers: `asm/unistd_64.h` (x86-64), `asm-generic/unistd.h` (aarch64).

/// What a call does to the file system, as far as rules and explorer care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// Opens, perhaps creates or truncates.
    Open,
    /// Makes a directory, node, symbolic link or socket; fails if the name is taken.
    Create,
    /// Makes a hard link.
    Link,
    /// Renames.
    Rename,
    /// Unlinks or removes a directory.
    Remove,
    /// Asks without changing: stat, access, readlink.
    Look,
    /// Changes mode, owner, times or attributes.
    Alter,
    /// Changes the size by path or descriptor.
    Resize,
    /// Writes data.
    Write,
    /// Lists a directory.
    List,
    /// Changes the working directory.
    Enter,
    /// Starts a program.
    Run,
    /// Waits until data is on disk.
    Sync,
    /// Closes a descriptor.
    Close,
    /// Takes, gives back or asks for a lock.
    Lock,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Sys {
    /// The kernel's name of the call.
    pub(crate) name: &'static str,
    x86_64: Option<u32>,
    aarch64: Option<u32>,
    /// What it does.
    pub(crate) op: Op,
    /// Meaning of the arguments.
    pub(crate) signature: &'static str,
}

const fn both(name: &'static str, x86_64: u32, aarch64: u32, op: Op, signature: &'static str) -> Sys {
    Sys { name, x86_64: Some(x86_64), aarch64: Some(aarch64), op, signature }
}

/// Calls of before the `at` family, which newer architectures never had.
const fn old(name: &'static str, x86_64: u32, op: Op, signature: &'static str) -> Sys {
    Sys { name, x86_64: Some(x86_64), aarch64: None, op, signature }
}

/// Every call we stop at, the frequent ones first, as they are looked up from the top.
pub(crate) static WATCHED: &[Sys] = &[
    both("openat", 257, 56, Op::Open, "dpFm"),
    both("write", 1, 64, Op::Write, "f-n"),
    both("newfstatat", 262, 79, Op::Look, "dp-a"),
    both("statx", 332, 291, Op::Look, "dpa--"),
    both("unlinkat", 263, 35, Op::Remove, "dpa"),
    old("unlink", 87, Op::Remove, "p"),
    old("open", 2, Op::Open, "pFm"),
    old("stat", 4, Op::Look, "p-"),
    old("lstat", 6, Op::Look, "p-"),
    both("readlinkat", 267, 78, Op::Look, "dp--"),
    old("readlink", 89, Op::Look, "p--"),
    both("getdents64", 217, 61, Op::List, "f--"),
    old("mkdir", 83, Op::Create, "pm"),
    both("mkdirat", 258, 34, Op::Create, "dpm"),
    old("rmdir", 84, Op::Remove, "p"),
    old("rename", 82, Op::Rename, "pp"),
    both("renameat", 264, 38, Op::Rename, "dpdp"),
    both("renameat2", 316, 276, Op::Rename, "dpdpr"),
    both("openat2", 437, 437, Op::Open, "dpH-"),
    old("creat", 85, Op::Open, "pm"),
    old("mknod", 133, Op::Create, "pm-"),
    both("mknodat", 259, 33, Op::Create, "dpm-"),
    old("symlink", 88, Op::Create, "-p"),
    both("symlinkat", 266, 36, Op::Create, "-dp"),
    old("link", 86, Op::Link, "pp"),
    both("linkat", 265, 37, Op::Link, "dpdpa"),
    old("access", 21, Op::Look, "p-"),
    both("faccessat", 269, 48, Op::Look, "dp-"),
    both("faccessat2", 439, 439, Op::Look, "dp-a"),
    old("chmod", 90, Op::Alter, "pm"),
    both("fchmod", 91, 52, Op::Alter, "fm"),
    both("fchmodat", 268, 53, Op::Alter, "dpm"),
    both("fchmodat2", 452, 452, Op::Alter, "dpma"),
    old("chown", 92, Op::Alter, "p--"),
    old("lchown", 94, Op::Alter, "p--"),
    both("fchown", 93, 55, Op::Alter, "f--"),
    both("fchownat", 260, 54, Op::Alter, "dp--a"),
    old("utime", 132, Op::Alter, "p-"),
    old("utimes", 235, Op::Alter, "p-"),
    old("futimesat", 261, Op::Alter, "dp-"),
    both("utimensat", 280, 88, Op::Alter, "dp-a"),
    both("setxattr", 188, 5, Op::Alter, "p----"),
    both("lsetxattr", 189, 6, Op::Alter, "p----"),
    both("fsetxattr", 190, 7, Op::Alter, "f----"),
    both("removexattr", 197, 14, Op::Alter, "p-"),
    both("lremovexattr", 198, 15, Op::Alter, "p-"),
    both("fremovexattr", 199, 16, Op::Alter, "f-"),
    both("setxattrat", 463, 463, Op::Alter, "dpa---"),
    both("removexattrat", 466, 466, Op::Alter, "dpa-"),
    both("file_setattr", 469, 469, Op::Alter, "dp--a"),
    both("getxattr", 191, 8, Op::Look, "p---"),
    both("lgetxattr", 192, 9, Op::Look, "p---"),
    both("listxattr", 194, 11, Op::Look, "p--"),
    both("llistxattr", 195, 12, Op::Look, "p--"),
    both("truncate", 76, 45, Op::Resize, "pn"),
    both("ftruncate", 77, 46, Op::Resize, "fn"),
    both("fallocate", 285, 47, Op::Resize, "f---"),
    both("chdir", 80, 49, Op::Enter, "p"),
    both("fchdir", 81, 50, Op::Enter, "f"),
    old("getdents", 78, Op::List, "f--"),
    both("bind", 49, 200, Op::Create, "-S-"),
    both("execve", 59, 221, Op::Run, "p--"),
    both("execveat", 322, 281, Op::Run, "dp--a"),
    both("pwrite64", 18, 68, Op::Write, "f-n-"),
    both("writev", 20, 66, Op::Write, "f--"),
    both("pwritev", 296, 70, Op::Write, "f----"),
    both("pwritev2", 328, 287, Op::Write, "f-----"),
    both("sendfile", 40, 71, Op::Write, "f---"),
    both("copy_file_range", 326, 285, Op::Write, "--f---"),
    both("splice", 275, 76, Op::Write, "--f---"),
];

/// Calls that are stopped at only where faults are tried: nothing can be planted there.
pub(crate) static WATCHED_FOR_FAULTS: &[Sys] = &[
    both("fsync", 74, 82, Op::Sync, "f"),
    both("fdatasync", 75, 83, Op::Sync, "f"),
    both("close", 3, 57, Op::Close, "f"),
];

/// Calls that are stopped at only where two copies of a program run.
pub(crate) static WATCHED_FOR_COPIES: &[Sys] =
    &[both("flock", 73, 32, Op::Lock, "fL"), both("fcntl", 72, 25, Op::Lock, "fL")];

/// Which calls to stop at beside those at which an attacker matters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// Those at which only faults can happen.
    pub(crate) faults: bool,
    /// Those by which copies of a program wait for each other.
    pub(crate) locks: bool,
}

/// The numbers of all calls to stop at.
pub(crate) fn watched(watch: Watch) -> impl Iterator<Item = u32> {
    let faults = WATCHED_FOR_FAULTS.iter().filter(move |_| watch.faults);
    let locks = WATCHED_FOR_COPIES.iter().filter(move |_| watch.locks);
    WATCHED.iter().chain(faults).chain(locks).filter_map(Sys::number)
}

/// io_uring does file work that no filter sees, so programs are told that this kernel has none.
pub(crate) static REFUSED: [u32; 3] = [425, 426, 427];

/// Calls refused beside io_uring: new namespaces, mounts and roots, in which paths would mean something else. unshare,
/// setns, mount, umount2, pivot_root, chroot, open_tree, move_mount, fsopen, fsmount, mount_setattr, open_tree_attr, and
/// open_by_handle_at, which opens files without a path.
#[cfg(target_arch = "x86_64")]
pub(crate) static NAMESPACES: [u32; 13] = [272, 308, 165, 166, 155, 161, 428, 429, 430, 432, 442, 467, 304];
#[cfg(target_arch = "aarch64")]
pub(crate) static NAMESPACES: [u32; 13] = [97, 268, 40, 39, 41, 51, 428, 429, 430, 432, 442, 467, 265];

/// Calls that ask for pids or signal one: getpid, gettid, getppid, kill, tkill, tgkill. Copies of a program go by the
/// pid of the original.
#[cfg(target_arch = "x86_64")]
pub(crate) static PIDS: [u32; 6] = [39, 186, 110, 62, 200, 234];
#[cfg(target_arch = "aarch64")]
pub(crate) static PIDS: [u32; 6] = [172, 178, 173, 129, 130, 131];

/// Calls that start a thread; watched so that none outlives its trial unseen.
pub(crate) const CLONE: u32 = if cfg!(target_arch = "x86_64") { 56 } else { 220 };
pub(crate) const CLONE3: u32 = 435;

/// Calls that make a process or a thread.
#[cfg(target_arch = "x86_64")]
pub(crate) const MAKE_TASKS: [u32; 4] = [CLONE, CLONE3, 57, 58];
#[cfg(target_arch = "aarch64")]
pub(crate) const MAKE_TASKS: [u32; 2] = [CLONE, CLONE3];

/// Ends the whole process; watched so that a victim cannot end ours with a status that looks like success.
pub(crate) const EXIT_GROUP: u32 = if cfg!(target_arch = "x86_64") { 231 } else { 94 };

impl Sys {
    /// A step of a path walk, at which only the model stops.
    pub(crate) const fn lookup() -> Sys {
        Sys { name: "lookup", x86_64: None, aarch64: None, op: Op::Look, signature: "p" }
    }

    /// The number on this machine, if it has the call.
    pub(crate) fn number(&self) -> Option<u32> {
        if cfg!(target_arch = "x86_64") { self.x86_64 } else { self.aarch64 }
    }

    /// The row of a number on this machine.
    pub(crate) fn of(number: u32) -> Option<&'static Sys> {
        Sys::all().find(|sys| sys.number() == Some(number))
    }

    /// The row of a name.
    pub(crate) fn named(name: &str) -> Option<&'static Sys> {
        Sys::all().find(|sys| sys.name == name)
    }

    /// True for a write of so many bytes that can be cut short: write(2) and pwrite(2) of more than one.
    pub(crate) fn can_be_cut(&self, length: u64) -> bool {
        matches!(self.name, "write" | "pwrite64") && length > 1
    }

    fn all() -> impl Iterator<Item = &'static Sys> {
        WATCHED.iter().chain(WATCHED_FOR_FAULTS).chain(WATCHED_FOR_COPIES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_and_no_name_stands_twice() {
        for (at, sys) in Sys::all().enumerate() {
            for other in Sys::all().skip(at + 1) {
                assert_ne!(sys.name, other.name);
                assert!(sys.x86_64 != other.x86_64 || sys.x86_64.is_none(), "{} {}", sys.name, other.name);
                assert!(sys.aarch64 != other.aarch64 || sys.aarch64.is_none(), "{} {}", sys.name, other.name);
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn numbers_agree_with_the_c_library_of_this_machine() {
        let known = [
            ("openat", libc::SYS_openat),
            ("statx", libc::SYS_statx),
            ("renameat2", libc::SYS_renameat2),
            ("linkat", libc::SYS_linkat),
            ("fchmodat2", libc::SYS_fchmodat2),
            ("utimensat", libc::SYS_utimensat),
            ("copy_file_range", libc::SYS_copy_file_range),
            ("execveat", libc::SYS_execveat),
            ("bind", libc::SYS_bind),
            ("mknodat", libc::SYS_mknodat),
            ("getdents64", libc::SYS_getdents64),
            ("pwritev2", libc::SYS_pwritev2),
            ("fremovexattr", libc::SYS_fremovexattr),
            ("futimesat", libc::SYS_futimesat),
            ("fsync", libc::SYS_fsync),
            ("fdatasync", libc::SYS_fdatasync),
            ("close", libc::SYS_close),
            ("flock", libc::SYS_flock),
            ("fcntl", libc::SYS_fcntl),
        ];
        for (name, number) in known {
            assert_eq!(Sys::named(name).and_then(Sys::number), Some(number as u32), "{name}");
        }
        assert_eq!(EXIT_GROUP, libc::SYS_exit_group as u32);
        let makers = [libc::SYS_clone, libc::SYS_clone3, libc::SYS_fork, libc::SYS_vfork];
        assert_eq!(MAKE_TASKS, makers.map(|nr| nr as u32));
        let pids = [
            libc::SYS_getpid,
            libc::SYS_gettid,
            libc::SYS_getppid,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_tgkill,
        ];
        assert_eq!(PIDS, pids.map(|nr| nr as u32));
        let ends = [NAMESPACES[0], NAMESPACES[5], NAMESPACES[12]];
        assert_eq!(
            ends,
            [libc::SYS_unshare, libc::SYS_chroot, libc::SYS_open_by_handle_at].map(|nr| nr as u32)
        );
    }
}
