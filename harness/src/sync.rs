//! What threads share memory with: the standard library's, or with `--cfg loom` loom's, which tries every interleaving.
//! The only file that chooses; what loom is to explore takes its own from here. With the flag all of that works inside of
//! `under_loom::explore` only.

#[cfg(not(loom))]
pub use std::{hint, sync::*, thread};
#[cfg(loom)]
pub use {
    loom::{hint, sync::*, thread},
    std::sync::PoisonError,
};
