//! A thread's stack as it stood at a call, raw: what a reader of debug information needs to tell the callers. Owns none of
//! that reading.

/// The most of a stack that is kept, from its top.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// Why there is none of a victim that is no program.
pub(crate) const NO_PROGRAM: &str = "it runs within linkbait, where stacks are not read";

/// The stack of a program's thread that stands before a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The address of the call's instruction.
    pub pc: u64,
    /// Where the stack begins, which is also where `bytes` do.
    pub sp: u64,
    /// The register that compilers use as the frame pointer, or for anything else.
    pub fp: u64,
    /// The stack, from its top on.
    pub bytes: Vec<u8>,
    /// What is mapped where, as proc_pid_maps(5) tells it.
    pub maps: String,
}

/// The call that a finding comes from, and who made it.
#[derive(Clone, Debug)]
pub struct CallSite {
    /// Number of its step in the timeline: the one that broke the rule, or the one that made what was left behind.
    pub step: Option<usize>,
    /// The stack of the victim's thread there, or why there is none.
    pub stack: Result<Stack, &'static str>,
}

impl CallSite {
    /// One of which nothing is known, and why.
    #[must_use]
    pub fn unknown(why: &'static str) -> CallSite {
        CallSite { step: None, stack: Err(why) }
    }
}
