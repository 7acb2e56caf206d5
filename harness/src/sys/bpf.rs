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
    /// Ends the process with SIGSYS.
    Deadly,
}

impl Fate {
    fn verdict(self) -> u32 {
        match self {
            Fate::Refused => REFUSE,
            Fate::Watched => libc::SECCOMP_RET_USER_NOTIF,
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
            code.push(step(JUMP_EQUAL, number, 0, 1));
            code.push(step(RETURN, fate.verdict(), 0, 0));
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
        let (mut at, mut word) = (0, 0);
        loop {
            let i = code[at];
            at += 1;
            match i.code {
                LOAD_WORD => word = if i.k == OFFSET_NR { nr } else { arch },
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
}
