//! The seccomp filter as a list of classic BPF instructions. Owns the program's shape, not which calls are in it.
//!
//! Order: a foreign ABI is refused, then the calls that are named, frequent ones first; all else runs untouched.

use libc::sock_filter;

/// Classic BPF opcodes used here (`linux/bpf_common.h`).
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Offsets into `struct seccomp_data` (`linux/seccomp.h`).
const OFFSET_NR: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGS: u32 = 16;

#[cfg(target_arch = "x86_64")]
const NATIVE_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE_ARCH: u32 = 0xc000_00b7;

/// Numbers from here on are x32 on x86-64 and nothing at all on aarch64.
const FOREIGN_NUMBERS: u32 = 0x4000_0000;

const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

fn step(code: u16, k: u32, when_true: u8, when_false: u8) -> sock_filter {
    sock_filter { code, jt: when_true, jf: when_false, k }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Fails with ENOSYS.
    Refused,
    /// Stops until the listener answers.
    Watched,
    /// The same, unless this argument has this value.
    WatchedUnless(u8, u32),
    /// Ends the process with SIGSYS.
    Deadly,
}

impl Fate {
    fn verdict(self) -> u32 {
        match self {
            Fate::Refused => REFUSE,
            Fate::Watched | Fate::WatchedUnless(..) => libc::SECCOMP_RET_USER_NOTIF,
            Fate::Deadly => libc::SECCOMP_RET_KILL_PROCESS,
        }
    }
}

/// Builds the filter: calls of a foreign ABI are refused, those that are named meet their fate, all others run.
pub(crate) fn program(fates: &[(Fate, &[u32])]) -> Vec<sock_filter> {
    let mut code = vec![
        step(LOAD_WORD, OFFSET_ARCH, 0, 0),
        step(JUMP_EQUAL, NATIVE_ARCH, 1, 0),
        step(RETURN, REFUSE, 0, 0),
        step(LOAD_WORD, OFFSET_NR, 0, 0),
        step(JUMP_AT_LEAST, FOREIGN_NUMBERS, 0, 1),
        step(RETURN, REFUSE, 0, 0),
    ];
    for (fate, numbers) in fates {
        for &number in *numbers {
            let verdict = step(RETURN, fate.verdict(), 0, 0);
            match fate {
                Fate::WatchedUnless(argument, value) => {
                    let low = OFFSET_ARGS + 8 * u32::from(*argument);
                    code.push(step(JUMP_EQUAL, number, 0, 6));
                    code.push(step(LOAD_WORD, low, 0, 0));
                    code.push(step(JUMP_EQUAL, *value, 0, 2));
                    code.push(step(LOAD_WORD, low + 4, 0, 0));
                    code.push(step(JUMP_EQUAL, 0, 1, 0));
                    code.push(verdict);
                    code.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
                }
                _ => code.extend([step(JUMP_EQUAL, number, 0, 1), verdict]),
            }
        }
    }
    code.push(step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the program as the kernel would, for one call.
    fn verdict(code: &[sock_filter], arch: u32, nr: u32) -> u32 {
        verdict_with(code, arch, nr, 0)
    }

    /// The same with this as the second argument.
    fn verdict_with(code: &[sock_filter], arch: u32, nr: u32, argument: u64) -> u32 {
        let (mut at, mut word) = (0, 0);
        loop {
            let i = code[at];
            at += 1;
            match i.code {
                LOAD_WORD => {
                    word = match i.k {
                        OFFSET_NR => nr,
                        OFFSET_ARCH => arch,
                        24 => argument as u32,
                        28 => (argument >> 32) as u32,
                        other => panic!("unknown offset {other}"),
                    }
                }
                JUMP_EQUAL => at += usize::from(if word == i.k { i.jt } else { i.jf }),
                JUMP_AT_LEAST => at += usize::from(if word >= i.k { i.jt } else { i.jf }),
                RETURN => return i.k,
                other => panic!("unknown opcode {other}"),
            }
        }
    }

    #[test]
    fn watched_stop_refused_fail_foreign_abis_fail_and_others_run() {
        let code = program(&[(Fate::Refused, &[425]), (Fate::Watched, &[2, 257]), (Fate::Deadly, &[231])]);
        assert_eq!(verdict(&code, NATIVE_ARCH, 257), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(verdict(&code, NATIVE_ARCH, 2), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!(verdict(&code, NATIVE_ARCH, 425), REFUSE);
        assert_eq!(verdict(&code, NATIVE_ARCH, 231), libc::SECCOMP_RET_KILL_PROCESS);
        assert_eq!(verdict(&code, NATIVE_ARCH, 39), libc::SECCOMP_RET_ALLOW);
        assert_eq!(verdict(&code, NATIVE_ARCH, FOREIGN_NUMBERS | 2), REFUSE);
        assert_eq!(verdict(&code, 0x4000_0003, 2), REFUSE);
    }

    #[test]
    fn a_call_watched_unless_an_argument_has_a_value_stops_with_any_other() {
        let code = program(&[
            (Fate::WatchedUnless(1, 0), &[202]),
            (Fate::WatchedUnless(1, 7), &[56]),
            (Fate::Watched, &[2]),
        ]);
        let fate = |nr, argument| verdict_with(&code, NATIVE_ARCH, nr, argument);
        for pointer in [1, 0x7fff_0000_0000, u64::MAX] {
            assert_eq!(fate(202, pointer), libc::SECCOMP_RET_USER_NOTIF);
        }
        assert_eq!((fate(202, 0), fate(56, 7)), (libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ALLOW));
        assert_eq!(fate(56, 7 | 1 << 32), libc::SECCOMP_RET_USER_NOTIF);
        assert_eq!((fate(2, 0), fate(3, 1)), (libc::SECCOMP_RET_USER_NOTIF, libc::SECCOMP_RET_ALLOW));
    }
}
