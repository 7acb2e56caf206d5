//! The config file: defaults of options, and findings that are shown but do not fail a run. Dates here are far away, so that no
//! result depends on today's.

use crate::desk::{Desk, Ran};
use serde_json::Value;
use std::fs;

/// A finding of each of two rules.
const BAD: [&str; 5] = ["run", "create-fixed", "--rule", "follows-link,hangs", "--no-progress"];

/// An ignore of a rule, with these lines beside.
fn ignore(rule: &str, lines: &str) -> String {
    format!("[[ignore]]\nrule = '{rule}'\nreason = 'known, see <#12>'\nuntil = 9999-12-31\n{lines}\n")
}

fn configure(desk: &Desk, text: &str) {
    fs::create_dir_all(desk.path(".config")).expect("a directory");
    let text = format!("schema = 'linkbait-config/1'\n{text}");
    fs::write(desk.path(".config/linkbait.toml"), text).expect("a file");
}

/// A desk with this config file.
fn desk(text: &str) -> Desk {
    let desk = Desk::new();
    configure(&desk, text);
    desk
}

fn with(desk: &Desk, options: &[&str]) -> Ran {
    desk.run(&[&BAD, options].concat())
}

fn findings(document: &Value) -> Vec<&Value> {
    let victims = document["victims"].as_array().expect("victims").iter();
    victims.flat_map(|victim| victim["findings"].as_array().expect("findings")).collect()
}

#[test]
fn ignored_findings_do_not_fail_a_run_and_others_do() {
    let desk = desk(&ignore("follows-link", ""));
    assert_eq!(with(&desk, &[]).code, 100);
    configure(&desk, &(ignore("follows-link", "") + &ignore("hangs", "victim = 'create-*'\npath = 'app*'")));
    let ran = with(&desk, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    for lines in ["victim = 'create-new'", "path = 'b*'", "attacker = 'none'"] {
        configure(&desk, &(ignore("follows-link", "") + &ignore("hangs", lines)));
        assert_eq!(with(&desk, &[]).code, 100, "{lines}");
    }
}

#[test]
fn every_form_shows_an_ignored_finding_and_says_why_it_is_ignored() {
    let desk = desk(&ignore("hangs", ""));
    let show = |format: &str| with(&desk, &["--format", format]).out;
    let text = show("text");
    assert!(text.contains("ignored[hangs]: ") && text.contains("error[follows-link]: "), "{text}");
    assert!(text.contains("ignored until 9999-12-31: known, see <#12>") && !text.contains("error[hangs]"));
    assert!(text.contains("hangs (ignored)") && text.contains("1 of 2 findings ignored"), "{text}");
    let document: Value = serde_json::from_str(&show("json")).expect("JSON");
    for finding in findings(&document) {
        let ignored = serde_json::json!({ "reason": "known, see <#12>", "until": "9999-12-31" });
        let told = if finding["rule"] == "hangs" { &ignored } else { &Value::Null };
        assert_eq!(&finding["ignored"], told, "{finding}");
    }
    assert_eq!(document["ignores"][0]["rule"], "hangs");
    let sarif: Value = serde_json::from_str(&show("sarif")).expect("JSON");
    for result in sarif["runs"][0]["results"].as_array().expect("results") {
        let suppressions = result["suppressions"].as_array().expect("a list");
        assert_eq!(suppressions.len(), usize::from(result["ruleId"] == "hangs"), "{result}");
        let justified = |s: &Value| s["justification"].as_str().is_some_and(|why| why.contains("see <#12>"));
        assert!(suppressions.iter().all(|s| s["kind"] == "external" && justified(s)), "{result}");
    }
    let junit = show("junit");
    assert!(
        junit.contains("<skipped message=\"ignored until 9999-12-31: known, see &lt;#12&gt;\"/>"),
        "{junit}"
    );
    assert_eq!(junit.matches("<failure ").count(), 1, "{junit}");
    let github = show("github");
    let notice = github.lines().find(|line| line.starts_with("::notice "));
    assert!(
        notice.is_some_and(|line| line.ends_with("; ignored until 9999-12-31: known, see <#12>")),
        "{github}"
    );
    assert_eq!(github.matches("::error ").count(), 1, "{github}");
    let page = show("html");
    assert_eq!(
        page.matches("<li>ignored until 9999-12-31: known, see &lt;#12&gt;</li>").count(),
        1,
        "{page}"
    );
    let markdown = show("markdown");
    assert!(
        markdown.contains("hangs (ignored)") && markdown.contains("known, see \\<\\#12\\>"),
        "{markdown}"
    );
    let run = [
        "run",
        "create-fixed",
        "check-then-create",
        "--shard",
        "1/1",
        "--format",
        "json",
        "--output",
        "1.json",
    ];
    desk.run(&run);
    let many = desk.run(&["merge", "1.json"]).out;
    assert!(
        many.contains("shared/app.tmp, ignored  ") && many.contains("shared/app.tmp           "),
        "{many}"
    );
}

#[test]
fn an_ignore_that_has_expired_ignores_nothing_and_is_told_of() {
    let desk = desk(&ignore("follows-link", "").replace("9999", "2001"));
    let ran = with(&desk, &["--rule", "follows-link"]);
    assert_eq!(ran.code, 100);
    let said = "linkbait: warning: follows-link: expired after 2001-12-31 and ignores nothing";
    assert!(ran.err.contains(said) && ran.out.contains("error[follows-link]"), "{}", ran.err);
}

#[test]
fn an_ignore_that_nothing_fits_is_stale_when_all_that_it_is_about_was_judged() {
    let desk = Desk::new();
    let roster = "schema = 'linkbait-roster/1'\nname = 'ours'\nvictims = ['create-new', 'mkstemp']\n";
    fs::write(desk.path("ours.toml"), roster).expect("a file");
    let is_told = |lines: &str, args: &[&str]| {
        configure(&desk, &ignore("hangs", lines));
        let ran = desk.run(&[&["run"], args, &["--no-progress"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let stale =
            ran.err.contains("warning: hangs") && ran.err.contains("stale, as no finding fits it; remove it");
        assert!(stale || ran.err.is_empty(), "{}", ran.err);
        stale
    };
    for (lines, args, stale) in [
        ("victim = 'mkstemp'", &["mkstemp"][..], true),
        ("victim = 'mkstemp'", &["create-new"], false),
        ("victim = 'mkstemp'", &["mkstemp", "--rule", "leftover"], false),
        ("victim = 'mkstemp'\nattacker = 'dir-writer'", &["mkstemp", "--attacker", "none"], false),
        ("victim = 'mkstemp'", &["mkstemp", "create-new", "--shard", "1/2"], false),
        ("victim = 'create-new'", &["mkstemp", "create-new", "--shard", "1/2"], true),
        ("", &["mkstemp"], false),
        ("victim = 'mk*'", &["mkstemp"], false),
        ("", &["ours.toml"], true),
        ("victim = 'mk*'", &["ours.toml"], true),
        ("victim = 'py*'", &["ours.toml"], false),
        ("", &["ours.toml", "--shard", "1/2"], false),
    ] {
        assert_eq!(is_told(lines, args), stale, "{lines} {args:?}");
    }
}

#[test]
fn defaults_of_the_file_hold_unless_the_command_line_says_otherwise() {
    let desk = desk("[defaults]\nrule = ['hangs']\numask = ['077']\nattacker = ['dir-writer']\n");
    let (_, document) = desk.json(&["run", "create-new"]);
    let settings = &document["settings"];
    assert_eq!((&settings["rules"], &settings["umasks"]), (&["hangs"][..].into(), &["077"][..].into()));
    let (_, document) = desk.json(&["run", "create-new", "--rule", "leftover"]);
    let settings = &document["settings"];
    assert_eq!((&settings["rules"], &settings["umasks"]), (&["leftover"][..].into(), &["077"][..].into()));
}

#[test]
fn a_named_file_must_be_there_and_a_wrong_one_is_refused_before_the_work() {
    let desk = desk("\n[[ignore]]\nrule = 'hangs'\nuntil = 9999-12-31\n");
    let ran = desk.run(&["run", "create-new"]);
    let said = "linkbait: .config/linkbait.toml:3: missing field `reason`\n";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", said));
    fs::write(desk.path("mine.toml"), "schema = 'linkbait-config/1'\n").expect("a file");
    assert_eq!(desk.run(&["run", "create-new", "--config", "mine.toml"]).code, 0);
    assert_eq!(desk.run(&["list", "rules"]).code, 0, "what judges nothing reads no config file");
    let ran = desk.run(&["run", "create-new", "--config", "nowhere.toml"]);
    assert!(ran.code == 2 && ran.err.contains("open(\"nowhere.toml\") = ENOENT"), "{}", ran.err);
    fs::remove_dir_all(desk.path(".config")).expect("it was there");
    assert_eq!(desk.run(&["run", "create-new"]).code, 0);
}

#[test]
fn merged_shards_carry_their_ignores_and_are_the_report_of_the_whole() {
    let (desk, elsewhere) =
        (desk(&(ignore("follows-link", "") + &ignore("hangs", "victim = 'mk*'"))), Desk::new());
    let run = ["run", "create-fixed", "mkstemp", "--rule", "follows-link,hangs", "--no-progress"];
    let shard = |shard: &str, into: &str| {
        let into = elsewhere.path(into).to_string_lossy().into_owned();
        desk.run(&[&run[..], &["--shard", shard, "--format", "json", "--output", &into]].concat());
    };
    shard("1/2", "1.json");
    shard("2/2", "2.json");
    for format in ["text", "json", "sarif"] {
        let whole = desk.run(&[&run[..], &["--format", format, "--verbose"]].concat());
        let merged = elsewhere.run(&["merge", "2.json", "1.json", "--format", format, "--verbose"]);
        assert_eq!((merged.code, &merged.err), (whole.code, &whole.err));
        let timeless = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.contains("\"duration_s\"")).map(str::to_owned).collect()
        };
        assert_eq!(timeless(&merged.out), timeless(&whole.out));
        assert!(merged.out.contains("known, see <#12>"), "{}", merged.out);
    }
    configure(&desk, &(ignore("follows-link", "") + &ignore("hangs", "victim = 'create-*'")));
    shard("1/2", "1.json");
    shard("2/2", "2.json");
    let merged = elsewhere.run(&["merge", "1.json", "2.json"]);
    assert_eq!(merged.code, 0, "{}", merged.err);
    configure(&desk, "");
    shard("2/2", "2.json");
    let merged = elsewhere.run(&["merge", "1.json", "2.json"]);
    assert!(merged.code == 2 && merged.err.contains("are of other ignores"), "{}", merged.err);
}

#[test]
fn with_a_baseline_what_is_ignored_is_neither_new_nor_known_for_good() {
    let desk = desk(&ignore("hangs", ""));
    desk.run(&["run", "create-fixed", "--rule", "hangs", "--format", "json", "--output", "ignored.json"]);
    let against = |baseline: &str| with(&desk, &["--baseline", baseline]);
    let ran = against("ignored.json");
    assert!(
        ran.code == 100 && ran.out.contains("1 new finding, 0 the same, 0 gone, 1 ignored"),
        "{}",
        ran.out
    );
    configure(&desk, &(ignore("hangs", "") + &ignore("follows-link", "")));
    let ran = against("ignored.json");
    assert!(
        ran.code == 0 && ran.out.contains("0 new findings, 0 the same, 0 gone, 2 ignored"),
        "{}",
        ran.out
    );
    configure(&desk, "");
    let ran = against("ignored.json");
    assert!(ran.code == 100 && ran.out.contains("2 new findings"), "{}", ran.out);
    with(&desk, &["--format", "json", "--output", "all.json"]);
    assert_eq!(against("all.json").code, 0);
    configure(&desk, &ignore("hangs", ""));
    let ran = against("all.json");
    assert!(
        ran.code == 0 && ran.out.contains("0 new findings, 1 the same, 0 gone, 1 ignored"),
        "{}",
        ran.out
    );
}

#[test]
fn findings_of_a_command_can_be_ignored() {
    let Some(desk) = Desk::seen_by_programs() else { return };
    configure(&desk, &ignore("leftover", "victim = 'exec: sh -c *'\npath = '*.log'"));
    let ran =
        desk.run(&["exec", "--rule", "leftover", "--", "sh", "-c", "umask 077; echo secret > /tmp/app.log"]);
    if ran.code != 6 {
        assert!(ran.code == 0 && ran.out.contains("ignored[leftover]: exec: sh"), "{}{}", ran.out, ran.err);
    }
}
