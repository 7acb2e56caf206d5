//! The only unsafe code of the library: the seccomp filter and its listener, calls made for a held victim,
//! ending a thread that will not end.
//!
//! Everything here is one operation a function with a safe signature; decisions are made above.
//!
//! # Safety
//! Pointers that reach the kernel are either our own buffers or the arguments of a victim that is held in that
//! very call; the kernel checks the latter exactly as it would have checked them for the victim.
#![allow(unsafe_code, reason = "this tree is the fence around all unsafe code of the library")]

pub(crate) mod alarm;
pub(crate) mod bpf;
pub(crate) mod cell;
#[cfg(feature = "arbitrary")]
pub(crate) mod extra_counters;
mod keeper;
pub(crate) mod landlock;
mod launch;
pub(crate) mod libc_temp;
pub(crate) mod library;
pub(crate) mod memory;
pub(crate) mod mounts;
pub(crate) mod notify;
pub(crate) mod perform;
pub(crate) mod ptrace;
pub(crate) mod streams;
pub(crate) mod thread;
