//! The seccomp filter as a list of classic BPF instructions. Owns the program's shape, not which calls are in it.
//!
//! Order: a foreign ABI is refused, then numbers are told apart by halves. For each new filter the kernel tries every number
//! there is, to know those that always run; with a hundred comparisons in a row that was most of what a filter costs.

use libc::sock_filter;
use std::collections::BTreeMap;

/// Classic BPF opcodes used here (`linux/bpf_common.h`).
const COPY_TO_INDEX: u16 = (libc::BPF_MISC | libc::BPF_TAX) as u16;
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP: u16 = (libc::BPF_JMP | libc::BPF_JA) as u16;
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

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Builds the filter: calls of a foreign ABI are refused, those that are named meet their fate, the first one if there are
/// several, all others run.
pub(crate) fn program(fates: &[(Fate, &[u32])]) -> Vec<sock_filter> {
    let mut code = Backwards(Vec::new());
    let known = code.tree(&spans(fates));
    let refused = code.end(REFUSE);
    code.test(JUMP_AT_LEAST, FOREIGN_NUMBERS, refused, known);
    let native = code.load(OFFSET_NR);
    code.test(JUMP_EQUAL, NATIVE_ARCH, native, refused);
    code.load(OFFSET_ARCH);
    code.0.reverse();
    code.0
}

/// The same for a process that is held for a moment only. An instruction that the kernel does not try out, and that does nothing
/// here, keeps it from trying every number there is: that took a third of what a filter costs. Each call that runs takes some
/// 20 ns longer for it.
pub(crate) fn short_lived(fates: &[(Fate, &[u32])]) -> Vec<sock_filter> {
    let untried = sock_filter { code: COPY_TO_INDEX, jt: 0, jf: 0, k: 0 };
    [untried].into_iter().chain(program(fates)).collect()
}

/// Where runs of numbers with the same fate begin, from 0 on; `None` is for those that run.
fn spans(fates: &[(Fate, &[u32])]) -> Vec<(u32, Option<Fate>)> {
    let mut named = BTreeMap::new();
    for (fate, numbers) in fates {
        numbers.iter().for_each(|number| _ = named.entry(*number).or_insert(*fate));
    }
    let mut spans = vec![(0, None)];
    for (number, fate) in named {
        spans.pop_if(|(start, _)| *start == number);
        if spans.last().is_none_or(|(_, last)| *last != Some(fate)) {
            spans.push((number, Some(fate)));
        }
        spans.push((number + 1, None));
    }
    spans
}

/// A program in the making, its last instruction first, so that all that can be jumped to is there already. Instructions go
/// by their place in this list.
struct Backwards(Vec<sock_filter>);

impl Backwards {
    fn push(&mut self, code: u16, k: u32, jt: u8, jf: u8) -> usize {
        self.0.push(sock_filter { code, jt, jf, k });
        self.0.len() - 1
    }

    /// Loads a word, then goes on with the instruction that was made last.
    fn load(&mut self, offset: u32) -> usize {
        self.push(LOAD_WORD, offset, 0, 0)
    }

    /// Goes on with one of two instructions.
    fn test(&mut self, code: u16, k: u32, when_true: usize, when_false: usize) -> usize {
        let (when_true, when_false) = (self.near(when_true), self.near(when_false));
        let skipped = |to: usize| (self.0.len() - 1 - to) as u8;
        let (jt, jf) = (skipped(when_true), skipped(when_false));
        self.push(code, k, jt, jf)
    }

    /// The instruction, or a jump there if it is too far for a test, which cannot skip more than 255; one of these may still
    /// be such a jump.
    fn near(&mut self, to: usize) -> usize {
        let skipped = self.0.len() - 1 - to;
        if skipped < 255 { to } else { self.push(JUMP, skipped as u32, 0, 0) }
    }

    /// Ends with this verdict.
    fn end(&mut self, verdict: u32) -> usize {
        let known = self.0.iter().rposition(|step| step.code == RETURN && step.k == verdict);
        known.unwrap_or_else(|| self.push(RETURN, verdict, 0, 0))
    }

    /// Finds the run that a loaded number is in, and ends.
    fn tree(&mut self, spans: &[(u32, Option<Fate>)]) -> usize {
        let (below, above) = spans.split_at(spans.len() / 2);
        match (below, above) {
            ([], [(_, fate), ..]) => self.meet(*fate),
            ([_, ..], [(start, _), ..]) => {
                let (from, under) = (self.tree(above), self.tree(below));
                self.test(JUMP_AT_LEAST, *start, from, under)
            }
            (_, []) => self.meet(None),
        }
    }

    fn meet(&mut self, fate: Option<Fate>) -> usize {
        let Some(fate) = fate else { return self.end(libc::SECCOMP_RET_ALLOW) };
        let verdict = self.end(fate.verdict());
        let Fate::WatchedUnless(argument, value) = fate else { return verdict };
        let low = OFFSET_ARGS + 8 * u32::from(argument);
        let run = self.end(libc::SECCOMP_RET_ALLOW);
        self.test(JUMP_EQUAL, 0, run, verdict);
        let high = self.load(low + 4);
        self.test(JUMP_EQUAL, value, high, verdict);
        self.load(low)
    }
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
                JUMP => at += i.k as usize,
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

    #[test]
    fn every_number_meets_its_first_fate_however_long_the_program_is() {
        // No two neighbours share a fate, so that there are as many runs as numbers, too many for a test to skip.
        let watched: Vec<u32> = (0..2_000).step_by(2).collect();
        let refused: Vec<u32> = (0..2_000).step_by(3).collect();
        let unless: Vec<u32> = (0..2_000).step_by(5).collect();
        let code = program(&[
            (Fate::Watched, &watched),
            (Fate::Refused, &refused),
            (Fate::WatchedUnless(1, 7), &unless),
        ]);
        for number in 0..2_100 {
            let wanted = match number {
                _ if watched.contains(&number) => libc::SECCOMP_RET_USER_NOTIF,
                _ if refused.contains(&number) => REFUSE,
                _ if unless.contains(&number) => libc::SECCOMP_RET_USER_NOTIF,
                _ => libc::SECCOMP_RET_ALLOW,
            };
            assert_eq!(verdict(&code, NATIVE_ARCH, number), wanted, "{number}");
        }
    }

    #[test]
    fn a_number_is_known_after_few_comparisons() {
        let numbers: Vec<u32> = (0..200).step_by(2).collect();
        let code = program(&[(Fate::Watched, &numbers)]);
        let comparisons = code.iter().filter(|step| step.code == JUMP_AT_LEAST).count();
        assert_eq!(comparisons, 200, "one for each run but the first, one for foreign numbers");
        assert!(code.len() < 210, "the ends are shared: {}", code.len());
    }
}
