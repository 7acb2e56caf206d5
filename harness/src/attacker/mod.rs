//! Who interferes: the classes of attacker, what each may do, and the hands that do it.
//!
//! As root the attacker is another uid on a thread of its own, so the kernel decides. Without root the attacker has
//! our uid, and [`permits::permits`] applies the same rules beforehand.

mod gate;
pub(crate) mod hands;
pub(crate) mod moves;
pub(crate) mod permits;
mod proptests;
pub(crate) mod storm;

pub use moves::{Bait, Move, Verb};
