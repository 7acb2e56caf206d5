//! The report: JSON in every case, text and colours.

use crate::desk::Desk;

#[test]
fn json_is_one_document_when_nothing_is_found() {
    let (ran, document) = Desk::new().json(&["run", "create-new"]);
    assert_eq!(ran.code, 0);
    assert_eq!(document["schema"], "linkbait-report/1");
    let victim = &document["victims"][0];
    assert_eq!((&victim["verdict"], &victim["exhaustive"]), (&"pass".into(), &true.into()));
    assert_eq!(victim["findings"].as_array().map(Vec::len), Some(0));
    assert!(victim["trials"].as_u64().is_some_and(|trials| trials > 0));
}

#[test]
fn json_tells_of_each_finding_what_a_program_needs() {
    let (ran, document) = Desk::new().json(&["run", "check-then-create"]);
    assert_eq!(ran.code, 100);
    let findings = document["victims"][0]["findings"].as_array().expect("findings");
    assert!(findings.len() > 3);
    for finding in findings {
        for key in ["rule", "attacker", "phase", "path", "umask", "confidence", "message", "help", "replay"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {finding}");
        }
        let timeline = finding["timeline"].as_array().expect("a timeline");
        assert_eq!(timeline[0], "linkbait-timeline 1");
        if let Some(step) = finding["step"].as_u64() {
            let line = |line: &serde_json::Value| {
                line.as_str().unwrap().trim_start().starts_with(&format!("{step} "))
            };
            assert!(timeline.iter().any(line), "step {step} in {finding}");
        }
    }
}

#[test]
fn the_step_that_broke_the_rule_is_the_one_that_did_it() {
    let (_, document) = Desk::new().json(&["run", "check-then-create"]);
    for (rule, call) in [("follows-link", "openat("), ("deletes-foreign", "unlink("), ("hangs", "openat(")] {
        let findings = document["victims"][0]["findings"].as_array().expect("findings");
        let finding = findings.iter().find(|f| f["rule"] == rule).expect("the rule is broken");
        let number = format!("{} victim", finding["step"]);
        let timeline = finding["timeline"].as_array().expect("a timeline");
        let step = timeline.iter().filter_map(|l| l.as_str()).find(|l| l.trim_start().starts_with(&number));
        assert!(step.is_some_and(|step| step.contains(call)), "{rule}: {step:?}");
    }
}

#[test]
fn the_scorecard_counts_and_gives_no_grade() {
    let ran = Desk::new().run(&["run", "mkstemp", "tmpnam"]);
    let last = ran.out.lines().last().expect("lines");
    assert!(last.starts_with("2 victims, ") && last.ends_with("1 pass, 1 fail, 0 inconclusive"), "{last}");
    let words: Vec<_> = ran.out.split_whitespace().collect();
    assert!(words.join(" ").contains("other-user: deletes-foreign, follows-link"), "{}", ran.out);
}

#[test]
fn many_findings_are_a_line_each_with_path_and_replay_file() {
    let desk = Desk::new();
    let ran = desk.run(&["--rule", "hangs"]);
    let saved = desk.timelines();
    assert!(saved.len() > 5 && !ran.out.contains("error["), "{}", ran.out);
    for file in &saved {
        let name = file.rsplit('/').next().expect("a name");
        let line = ran.out.lines().find(|line| line.ends_with(&format!("  {name}")));
        assert!(line.is_some_and(|line| line.starts_with("  shared/")), "{name} in\n{}", ran.out);
    }
    assert!(ran.out.contains(&format!("{} findings, drawn by", saved.len())), "{}", ran.out);
}

#[test]
fn findings_are_drawn_when_few_when_victims_are_named_and_when_asked_for() {
    let desk = Desk::new();
    let drawn = |args: &[&str]| desk.run(args).out.matches("error[").count();
    assert_eq!(drawn(&["--rule", "crashes"]), 1);
    for args in [&["run", "create-fixed"][..], &["--rule", "hangs", "--verbose"]] {
        assert_eq!(drawn(args), desk.timelines().len(), "{args:?}");
        assert!(desk.timelines().len() > 5);
    }
}

#[test]
fn suspicions_are_for_auditors() {
    let desk = Desk::new();
    assert!(!desk.run(&["run", "umask-file"]).out.contains("non-exclusive-create"));
    let shown = desk.run(&["run", "create-fixed", "--persona", "auditor"]).out;
    assert!(shown.contains("error[non-exclusive-create]") && shown.contains("suspected"), "{shown}");
}

#[test]
fn another_file_system_than_tmpfs_is_said() {
    let ran = Desk::new().run(&["run", "create-new", "--fs", "overlay"]);
    let told = if ran.out.contains("unsupported here") { "overlay" } else { "file systems: overlay" };
    assert!(ran.out.contains(told) && ran.code != 100, "{}{}", ran.out, ran.err);
    let ran = Desk::new().run(&["run", "mkdtemp", "--fs", "no-excl,tmpfs"]);
    assert!(ran.out.contains("file systems: tmpfs, no-excl"), "{}{}", ran.out, ran.err);
}

#[test]
fn colours_come_only_when_asked_for_or_in_a_terminal() {
    let desk = Desk::new();
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let args = [&["run", "create-new"], args].concat();
        let output = desk.command(&args).envs(env.iter().copied()).output().expect("the command starts");
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&[], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&[], &[("CARGO_TERM_COLOR", "always")]));
    assert!(!coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["--color", "always", "--format", "json"], &[]));
    assert!(!coloured(&["--color", "auto"], &[("NO_COLOR", "1"), ("CARGO_TERM_COLOR", "always")]));
}

#[test]
fn progress_is_a_line_for_each_victim_and_can_be_turned_off() {
    let desk = Desk::new();
    let shown = desk.run(&["run", "create-new", "mkstemp"]).err;
    assert!(shown.contains("judging 2 victims") && shown.contains("judged 2 of 2"), "{shown}");
    assert_eq!(desk.run(&["run", "create-new", "--no-progress"]).err, "");
}

#[test]
fn several_acts_are_counted_and_samples_told_with_their_seed() {
    let names = ["run", "create-new", "check-then-create"];
    let ran = Desk::new().run(&[&names[..], &["--depth", "2"]].concat());
    let line = ran.out.lines().find(|line| line.starts_with("all schedules of up to 2 acts: "));
    assert!(line.is_some_and(|line| line.ends_with(" refused, 0 not reached")), "{}", ran.out);
    assert!(ran.out.contains("; depth 2 complete"), "{}", ran.out);
    let (_, document) = Desk::new().json(&["run", "create-new", "--depth", "2"]);
    let victim = &document["victims"][0];
    assert_eq!((&victim["depth"], &victim["exhaustive"]), (&2.into(), &true.into()));
    let reduced = victim["reduced"].as_u64().expect("a number");
    let (_, full) = Desk::new().json(&["run", "create-new", "--depth", "2", "--no-reduction"]);
    let trials = |document: &serde_json::Value| document["victims"][0]["trials"].as_u64().expect("a number");
    assert!(reduced > 0 && trials(&full) > trials(&document), "{document}");
    assert_eq!(full["victims"][0]["reduced"], 0);
    let drawn = ["--samples", "20", "--depth", "5", "--seed", "7"];
    let ran = Desk::new().run(&[&names[..], &drawn].concat());
    assert!(ran.out.contains(" samples of up to 5 acts, seed 7: "), "{}", ran.out);
    let (_, document) = Desk::new().json(&[&names[..2], &drawn].concat());
    let victim = &document["victims"][0];
    assert_eq!((&victim["exhaustive"], &victim["samples"]["seed"]), (&false.into(), &7.into()));
}
