//! What is asked of the workflows in `.github`: nothing runs that was not chosen, and nothing may do more than it needs. The action
//! that others use runs nothing that was not chosen either, and pastes nothing of theirs into its scripts.

use crate::source::{files, read};

/// What is wrong with a workflow.
fn faults(text: &str) -> Vec<String> {
    let lines = || text.lines().map(str::trim);
    let mut faults = not_pinned(text);
    if !text.contains("\npermissions: {}\n") {
        faults.push("no `permissions: {}` at the top".to_owned());
    }
    let count = |wanted: &str| lines().filter(|line| line.starts_with(wanted)).count();
    if count("persist-credentials: false")
        != uses(text).filter(|action| action.contains("/checkout@")).count()
    {
        faults.push("a checkout keeps its credentials".to_owned());
    }
    if count("timeout-minutes: ") != count("runs-on: ") {
        faults.push("a job without a timeout".to_owned());
    }
    faults
}

/// The actions that are used.
fn uses(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: "))
}

fn not_pinned(text: &str) -> Vec<String> {
    uses(text).filter(|action| !is_pinned(action)).map(|action| format!("not pinned: {action}")).collect()
}

/// Lines of scripts with something pasted into them before a shell reads them.
fn pasted(text: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    // How far the key of the script that a line is of is indented.
    let mut key = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        key = key.filter(|key| indent > *key || line.trim().is_empty());
        if line.trim_start().trim_start_matches("- ").starts_with("run: ") {
            key = line.find("run: ");
        }
        scripts.extend((key.is_some() && line.contains("${{")).then_some(line));
    }
    scripts
}

/// True for `owner/name@` and the forty digits of a commit, with the version beside it.
fn is_pinned(action: &str) -> bool {
    let Some((commit, version)) = action.split_once('@').and_then(|(_, at)| at.split_once(" # v")) else {
        return false;
    };
    commit.len() == 40 && commit.bytes().all(|digit| digit.is_ascii_hexdigit()) && !version.is_empty()
}

#[test]
fn every_workflow_is_pinned_bounded_and_may_do_nothing_by_default() {
    let pinned = format!("a/checkout@{} # v1.2.3", "0123456789".repeat(4));
    let good = format!(
        "\npermissions: {{}}\njobs:\n runs-on: a\n timeout-minutes: 5\n - uses: {pinned}\n persist-credentials: false\n"
    );
    assert_eq!(faults(&good), [""; 0]);
    for part in ["permissions: {}", "timeout-minutes", "persist-credentials", "89 # v", " # v1.2.3"] {
        assert_eq!(faults(&good.replacen(part, "other", 1)).len(), 1, "without {part}");
    }
    let workflows = files().into_iter().filter(|path| path.starts_with(".github/workflows/"));
    let wrong = workflows.map(|path| (faults(&read(&path)), path)).collect::<Vec<_>>();
    assert!(!wrong.is_empty(), "no workflows were found");
    let wrong: Vec<_> = wrong.into_iter().filter(|(faults, _)| !faults.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_action_is_pinned_and_pastes_nothing_into_its_scripts() {
    let bad = "  - run: |\n      echo ${{ inputs.command }}\n    env:\n      A: ${{ inputs.a }}\n  - run: ${{ inputs.b }}\n";
    assert_eq!(pasted(bad).len(), 2, "{:?}", pasted(bad));
    let action = read("action.yml");
    assert_eq!(not_pinned(&action), [""; 0]);
    assert_eq!(pasted(&action), [""; 0]);
    assert!(uses(&action).count() > 1 && action.contains("run: "), "{action}");
}
