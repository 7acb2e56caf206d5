//! What is fuzzed, as plain functions from bytes: each reads an input from them and panics when what must hold does not.
//!
//! Owns inputs, oracles and the list of targets. Does not own libFuzzer, which calls them from `fuzz_targets`, nor the
//! corpus, which plain tests replay.

mod attack;
mod faults;
mod model_kernel;
mod names;
mod ready;
mod remove_tree;
mod replace_file;
mod seeds;
mod tempfile_api;
mod timeline_text;
mod victim_file;
mod wishes;

pub use attack::{Arsenal, attack, cross_attacks, mutate_attack, mutate_plans};
pub use faults::rules_with_a_fault;
pub use model_kernel::model_kernel;
pub use names::names;
pub use remove_tree::{Deleter, REMOVE_TREE_HEAD, remove_tree, remove_tree_with};
pub use replace_file::{REPLACE_FILE_HEAD, ReplaceFault, replace_file, replace_file_with};
pub use seeds::seeds;
pub use tempfile_api::{Fault, mutate_tempfile_api, tempfile_api, tempfile_api_seeds, tempfile_api_with};
pub use timeline_text::timeline_text;
pub use victim_file::victim_file;

/// What an input is given to.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its directory below `corpus`.
pub const TARGETS: [(&str, Target); 8] = [
    ("attack", attack),
    ("model_kernel", model_kernel),
    ("names", names),
    ("remove_tree", remove_tree),
    ("replace_file", replace_file),
    ("tempfile_api", tempfile_api),
    ("timeline_text", timeline_text),
    ("victim_file", victim_file),
];
