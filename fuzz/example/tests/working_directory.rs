//! A fuzzer writes what it finds into its working directory, wherever that is. Nothing of a victim's ever arrives there.

use linkbait::fuzz::Target;
use std::{env, fs};

#[test]
fn a_fuzzer_in_tmp_keeps_its_working_directory_to_itself() {
    let here = tempfile::tempdir_in("/tmp").expect("a directory");
    env::set_current_dir(here.path()).expect("a directory");
    let named = here.path().join("victim");
    let writes_there = linkbait::victim("writes-there", move |dir| {
        let refused = [fs::write(&named, "by its path"), fs::write("victim", "by no path")];
        assert!(refused.iter().all(Result::is_err), "{refused:?}");
        env::set_current_dir(dir)
    });
    let target = Target::new(writes_there);
    for umask in [0, 1] {
        target.attack(&[umask]);
    }
    fs::write("crash", "what the fuzzer found").expect("a file");
    let names = fs::read_dir(here.path()).expect("a directory");
    let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names, ["crash"]);
}
