//! The victims written in Rust, and the roster that lists them.
//!
//! Owns what real code does with temporary files, each idiom as a small function beside what is expected to be
//! found in it. Does not own judging, attackers or rules: those are the package `linkbait`.

mod deep;
mod descriptors;
mod idioms;
pub mod inprocess;
mod libc_calls;
mod locks;
mod names;
mod parts;
mod programs;
pub mod protocols;
mod remove;
mod replace;
mod tempfile_crate;

pub use deep::deep;
use linkbait::Victim;

pub use programs::programs;

/// Every victim of this package, module by module, in a fixed order.
pub fn roster() -> Vec<Victim> {
    [
        idioms::victims(),
        descriptors::victims(),
        locks::victims(),
        names::victims(),
        replace::victims(),
        remove::victims(),
        libc_calls::victims(),
        tempfile_crate::victims(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
