//! What the target begins with: a program for each promise, with a name that says which.

use super::program::{Does, Op, Program};
use linkbait::fuzz::Plan;

/// One input, with a name, for each.
#[must_use]
pub fn tempfile_api_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let op = |does| Op { does, at: 0, place: 1, detail: 0 };
    let alone = |ops: &[Op]| Program { ops: ops.to_vec(), ..Program::default() };
    let _ = Plan::default();
    vec![("new-in", alone(&[op(Does::NewIn)]).bytes())]
}
