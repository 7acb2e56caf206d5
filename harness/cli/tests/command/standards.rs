//! Reports in forms that others have laid down: SARIF by the schema of the standard, JUnit XML by what its schemas agree on.

use crate::desk::Desk;
use cargo_metadata::MetadataCommand;
use jsonschema::Validator;
use roxmltree::{Document, Node};
use serde_json::{Value, json};
use std::fs;

/// The schema of the standard. The crate that we read SARIF with is made from it, and has it in its sources.
fn schema() -> Validator {
    let mut command = MetadataCommand::new();
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.other_options(["--frozen".to_owned(), "--filter-platform".to_owned(), platform]);
    let packages = command.exec().expect("the packages of this workspace").packages;
    let package = packages.iter().find(|package| package.name == "serde-sarif").expect("a dependency");
    let file = package.manifest_path.with_file_name("src").join("schema.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(file).expect("a schema")).expect("JSON");
    assert!(schema["$id"].as_str().is_some_and(|id| id.contains("oasis-tcs")), "{}", schema["$id"]);
    // A bracket too many: no patterns, and about keys that we do not write.
    for at in ["run", "toolComponent"] {
        let language = schema["definitions"][at]["properties"]["language"].as_object_mut();
        language.and_then(|language| language.remove("pattern")).expect("a pattern that is none");
    }
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

/// A desk with a config file that ignores one rule, and a victim that nothing can judge, of a name that is awkward.
fn desk() -> Desk {
    let desk = Desk::new();
    let ignore = "schema = 'linkbait-config/1'\n[[ignore]]\nrule = 'hangs'\nreason = 'known <\"&'\nuntil = 9999-12-31\n";
    fs::write(desk.path("ignore.toml"), ignore).expect("a file");
    let victim = "schema = 'linkbait-victim/1'\nname = '<a disabled=\"1\" & \u{202e}>'\n[command]\nargv = ['true']\n\
        needs = ['no-such']\n";
    fs::write(desk.path("lacking.toml"), victim).expect("a file");
    desk
}

const RUNS: [&[&str]; 5] = [
    &["run", "check-then-create", "create-new", "lacking.toml"],
    &["run", "create-fixed", "--config", "ignore.toml"],
    &["run", "create-new", "--shard", "2/2"],
    &[
        "run",
        "create-fixed",
        "--persona",
        "auditor",
        "--faults",
        "--depth",
        "2",
        "--rule",
        "hangs,non-exclusive-create",
    ],
    &["exec", "--attacker", "none", "--", "sh", "-c", "echo secret > /tmp/app.log; exit 3"],
];

/// What each of the runs prints in this form.
fn printed(desk: &Desk, format: &str) -> Vec<String> {
    RUNS.iter()
        .map(|run| desk.run(&[&run[..1], &["--no-progress", "--format", format], &run[1..]].concat()).out)
        .collect()
}

#[test]
fn sarif_fits_the_schema_of_the_standard_and_what_is_changed_does_not() {
    let (validator, desk) = (schema(), desk());
    for text in printed(&desk, "sarif") {
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let wrong: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let read: serde_sarif::sarif::Sarif = serde_json::from_str(&text).expect("SARIF");
        let results = document["runs"][0]["results"].as_array().expect("results");
        assert_eq!(read.runs[0].results.as_ref().map(Vec::len), Some(results.len()));
        for result in results {
            let index =
                result["ruleIndex"].as_u64().and_then(|at| usize::try_from(at).ok()).expect("a number");
            let rule = &document["runs"][0]["tool"]["driver"]["rules"][index]["id"];
            assert_eq!(rule, &result["ruleId"]);
        }
    }
    let mut document: Value = serde_json::from_str(&printed(&desk, "sarif")[1]).expect("JSON");
    for (at, key, value) in [
        ("/runs/0", "neither", json!(1)),
        ("/runs/0/results/0", "neither", json!(1)),
        ("/runs/0/results/0", "kind", json!("outside")),
        ("/runs/0/results/0/message", "text", json!(7)),
        ("/runs/0/results/0/locations/0/physicalLocation/region", "startLine", json!(0)),
        ("/runs/0/results/0", "suppressions", json!([{ "kind": "outside" }])),
        ("/runs/0/tool/driver", "name", Value::Null),
    ] {
        let old = document.clone();
        document.pointer_mut(at).expect("a place")[key] = value;
        assert!(!validator.is_valid(&document), "{at} {key}");
        document = old;
    }
}

fn number(node: Node<'_, '_>, name: &str) -> usize {
    let value = node.attribute(name).unwrap_or_else(|| panic!("no {name} of {}", node.tag_name().name()));
    value.parse().unwrap_or_else(|e| panic!("{name} {value}: {e}"))
}

fn elements<'d>(node: Node<'d, 'd>) -> impl Iterator<Item = Node<'d, 'd>> {
    node.children().filter(Node::is_element)
}

fn only(node: Node<'_, '_>, name: &str, attributes: &[&str]) -> Result<(), String> {
    let odd = node.attributes().find(|attribute| !attributes.contains(&attribute.name()));
    match odd {
        _ if node.tag_name().name() != name => Err(format!("{name} was expected")),
        Some(odd) => Err(format!("{name} has no {}", odd.name())),
        None => Ok(()),
    }
}

/// What is wrong with a document by the structure that readers of JUnit XML rely on: suites of cases, each with what came of it,
/// and counts that are true.
fn structure(text: &str) -> Result<usize, String> {
    let document = Document::parse(text).map_err(|e| e.to_string())?;
    let root = document.root_element();
    only(root, "testsuites", &["name", "tests", "failures", "errors", "time"])?;
    let kinds = ["failure", "error", "skipped"];
    let mut all = [0; 4];
    for suite in elements(root) {
        only(suite, "testsuite", &["name", "tests", "failures", "errors", "skipped", "time"])?;
        suite.attribute("name").ok_or("a suite without a name")?;
        suite.attribute("time").and_then(|time| time.parse::<f64>().ok()).ok_or("no time in seconds")?;
        let mut counts = [0; 4];
        for case in elements(suite) {
            only(case, "testcase", &["name", "classname", "time"])?;
            case.attribute("name").zip(case.attribute("classname")).ok_or("a case without names")?;
            counts[3] += 1;
            for came in elements(case) {
                let kind = kinds.iter().position(|kind| came.has_tag_name(*kind)).ok_or("no such result")?;
                only(came, kinds[kind], &["message", "type"])?;
                counts[kind] += 1;
            }
            if elements(case).count() > 1 {
                return Err("a case with two results".to_owned());
            }
        }
        let told = ["failures", "errors", "skipped", "tests"].map(|name| number(suite, name));
        if told != counts {
            return Err(format!("{told:?} is not {counts:?}"));
        }
        (0..4).for_each(|at| all[at] += counts[at]);
    }
    match ["tests", "failures", "errors"].map(|name| number(root, name)) == [all[3], all[0], all[1]] {
        true => Ok(all[3]),
        false => Err("the sums are wrong".to_owned()),
    }
}

#[test]
fn junit_xml_has_the_structure_that_its_readers_rely_on() {
    let desk = desk();
    let texts = printed(&desk, "junit");
    let counts: Vec<usize> =
        texts.iter().map(|text| structure(text).unwrap_or_else(|e| panic!("{e}: {text}"))).collect();
    assert_eq!(counts[..3], [3, 1, 0].map(|victims| victims * linkbait::RULES.len()));
    let awkward = Document::parse(&texts[0]).expect("XML").descendants().any(|node| {
        node.attribute("name")
            .is_some_and(|name| name.starts_with("<a disabled=\"1\" & ") && !name.contains('\u{202e}'))
    });
    assert!(awkward, "{}", texts[0]);
    for (old, new) in [
        (" skipped=", " disabled="),
        ("<failure ", "<failed "),
        ("tests=\"", "tests=\"1"),
        ("failures=\"", "failures=\"1"),
        (" classname=", " class="),
        ("</testsuites>", ""),
        ("<skipped ", "<skipped odd=\"1\" "),
    ] {
        assert!(structure(&texts[0].replacen(old, new, 1)).is_err(), "{old} {new}");
    }
}
