//! A limit of loom's that was hit, or could be, fails; it never looks like a pass.
#![cfg(loom)]

use linkbait::sync::hint::spin_loop;
use linkbait::under_loom::explore;
use std::process::Command;

#[test]
#[should_panic(expected = "not explored")]
fn a_model_that_never_ends_is_not_explored() {
    explore(|| {
        loop {
            spin_loop();
        }
    });
}

#[test]
fn nothing_is_explored_where_the_environment_sets_a_limit() {
    let this = std::env::current_exe().expect("this program's path");
    let limits = ["MAX_PERMUTATIONS", "MAX_DURATION", "MAX_PREEMPTIONS", "CHECKPOINT_FILE"];
    for limit in limits.map(|name| format!("LOOM_{name}")) {
        let mut small = Command::new(&this);
        small.args(["--exact", "names::no_two_threads_get_the_same_number"]).env(&limit, "1000000");
        let output = small.output().expect("this program starts again");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(&limit), "{limit}: {said}");
    }
}
