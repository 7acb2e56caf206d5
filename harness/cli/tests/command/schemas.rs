//! The schemas of our formats: what is written fits them, and what is not fits them not.

use crate::desk::{Desk, ran};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What a document may lack, and what an ignore may.
const OPTIONAL: [&str; 8] = ["narrowed", "ignores", "aside", "cached", "ignored", "source", "size", "target"];
const OF_AN_IGNORE: [&str; 3] = ["victim", "path", "attacker"];

fn schema(name: &str) -> Value {
    serde_json::from_str(&Desk::new().run(&["schema", name]).out).expect("JSON")
}

fn validator(name: &str) -> Validator {
    let schema = schema(name);
    assert!(jsonschema::meta::is_valid(&schema), "{name}");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

fn assert_fits(validator: &Validator, document: &Value, what: &str) {
    let wrong: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
}

/// The places in a document, one of each kind: items of a list count as one.
fn places(document: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, kind: &str, seen: &mut BTreeSet<String>, found: &mut Vec<String>) {
        if seen.insert(kind.to_owned()) {
            found.push(at.to_owned());
        }
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                walk(value, &format!("{at}/{key}"), &format!("{kind}/{key}"), seen, found);
            }),
            Value::Array(all) => all.iter().enumerate().for_each(|(number, value)| {
                walk(value, &format!("{at}/{number}"), &format!("{kind}/*"), seen, found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", "", &mut BTreeSet::new(), &mut found);
    found
}

/// Demands that a document fits, and that it does not once a key is added to, or taken out of, any object in it, or
/// any value is of another type.
fn assert_fits_exactly(validator: &Validator, document: &Value, what: &str) {
    assert_fits(validator, document, what);
    let refused = |change: &dyn Fn(&mut Value), at: &str, how: &str| {
        let mut other = document.clone();
        change(other.pointer_mut(at).expect("a place"));
        assert!(!validator.is_valid(&other), "{what}: {at} {how}");
    };
    // What the kernel's settings are called is not ours to say, nor what is an environment's, nor a dependency's.
    let free = |at: &str| ["/protected", "/env", "/dependencies"].iter().any(|name| at.contains(name));
    for at in places(document) {
        refused(&|value| *value = json!([{ "neither": "here" }]), &at, "of another type");
        if let Some(map) = document.pointer(&at).and_then(Value::as_object).filter(|_| !free(&at)) {
            refused(&|value| value["neither"] = json!("here"), &at, "with another key");
            let may = if at.contains("/ignores/") { &OF_AN_IGNORE[..] } else { &OPTIONAL };
            for key in map.keys().filter(|key| !may.contains(&key.as_str())) {
                refused(&|value| drop(value.as_object_mut().and_then(|map| map.remove(key))), &at, key);
            }
        }
    }
}

#[test]
fn every_list_names_the_schemas_and_they_name_the_rules() {
    let rules: Vec<&str> = linkbait::RULES.iter().map(|rule| rule.id).collect();
    let list = Desk::new().run(&["list", "schemas"]).out;
    let names: Vec<&str> = list.lines().map(|line| line.split(' ').next().expect("a name")).collect();
    assert_eq!(names.len(), fs::read_dir(format!("{WORKSPACE}/harness/cli/schemas")).expect("there").count());
    for name in names {
        let schema = schema(name);
        assert_eq!(schema["properties"]["schema"]["const"], name);
        let rule = &schema["$defs"]["rule"]["enum"];
        assert!(rule.is_null() || *rule == json!(rules), "{name}: {rule}");
    }
}

#[test]
fn reports_of_every_kind_fit_their_schema_and_changed_ones_do_not() {
    let (validator, desk) = (validator("linkbait-report/1"), Desk::new());
    let lacking =
        "schema = 'linkbait-victim/1'\nname = 'lacking'\n[command]\nargv = ['true']\nneeds = ['no-such']\n";
    fs::write(desk.path("lacking.toml"), lacking).expect("a file");
    let ignore = "schema = 'linkbait-config/1'\n[[ignore]]\nrule = 'hangs'\nvictim = '*'\npath = '*'\n\
        attacker = 'other-user'\nreason = 'known'\nuntil = 9999-12-31\n";
    fs::write(desk.path("ignore.toml"), ignore).expect("a file");
    let fits = |what: &str, args: &[&str]| {
        let (_, document) = desk.json(args);
        assert_fits_exactly(&validator, &document, what);
        document
    };
    fits("passed", &["run", "create-new"]);
    fits("nothing", &["run", "create-new", "--shard", "2/2"]);
    let ignored = fits("ignored", &["run", "create-fixed", "--config", "ignore.toml"]);
    assert!(ignored.to_string().contains("\"ignored\":{\"reason\""), "{ignored}");
    let lacking = fits("unsupported", &["run", "lacking.toml"]);
    assert_eq!(lacking["victims"][0]["verdict"], "unsupported");
    fits("deep", &["run", "create-fixed", "--depth", "2", "--rule", "hangs", "--persona", "auditor"]);
    fits(
        "sampled",
        &["run", "create-fixed", "--depth", "4", "--samples", "9", "--fs", "tmpfs,no-excl", "--trials", "9"],
    );
    let exec = ["exec", "--attacker", "none", "--", "sh", "-c", "echo secret > /tmp/app.log; exit 3"];
    let output = desk.command(&[&exec[..1], &["--format", "json"], &exec[1..]].concat()).output();
    let program = ran(output.expect("the command starts"));
    assert_fits_exactly(&validator, &serde_json::from_str(&program.out).expect("JSON"), "program");
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.json", &shard[..1]);
        let run = ["run", "create-fixed", "create-new", "--config", "ignore.toml", "--shard", shard];
        desk.run(&[&run[..], &["--format", "json", "--output", &file]].concat());
        let part = fs::read_to_string(desk.path(&file)).expect("a report");
        assert_fits_exactly(&validator, &serde_json::from_str(&part).expect("JSON"), shard);
    }
    fits("merged", &["merge", "1.json", "2.json"]);
}

#[test]
fn predictions_fit_their_schema_and_changed_ones_do_not() {
    let validator = validator("linkbait-names/1");
    for victim in ["lock-file-checked", "mkstemp", "create-new"] {
        let (_, document) = Desk::new().json(&["names", victim, "--runs", "2"]);
        assert_fits_exactly(&validator, &document, victim);
    }
}

/// A TOML document as JSON; dates become text.
fn of_toml(text: &str) -> Value {
    fn json(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(all) => all.into_iter().map(json).collect(),
            toml::Value::Table(all) => all.into_iter().map(|(key, value)| (key, json(value))).collect(),
            other => serde_json::to_value(other).expect("JSON"),
        }
    }
    json(toml::Value::Table(text.parse().unwrap_or_else(|e| panic!("{e}: {text}"))))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_victim_and_roster_of_the_corpus_and_every_file_in_the_pages_fits_its_schema() {
    let names = ["linkbait-victim/1", "linkbait-roster/1", "linkbait-config/1"];
    let validators = names.map(validator);
    let mut counts = [0; 3];
    let mut check = |text: &str, what: &str| {
        let document = of_toml(text);
        let at = names.iter().position(|name| document["schema"] == *name).expect("a format of ours");
        assert_fits(&validators[at], &document, what);
        counts[at] += 1;
    };
    for dir in ["victims", "crates", "advisories", "rosters"] {
        for path in files(&Path::new(WORKSPACE).join("corpus").join(dir)) {
            check(&fs::read_to_string(&path).expect("text"), &path.display().to_string());
        }
    }
    let pages = [include_str!("../../../../README.md"), include_str!("../../README.md")];
    let rests = pages.iter().flat_map(|page| page.split("\n```toml\n").skip(1));
    let blocks = rests.filter_map(|rest| rest.split("\n```").next());
    blocks.filter(|block| block.contains("schema = ")).for_each(|block| check(block, block));
    assert!(counts[0] > 80 && counts[1] > 2 && counts[2] > 0, "{counts:?}");
}

/// The keys that a reader says it knows, when it is shown one that it does not.
fn known(error: &str) -> BTreeSet<String> {
    let list = error.split("unknown field `zzz`, expected ").nth(1).unwrap_or_else(|| panic!("{error}"));
    list.lines().next().expect("a line").split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn schemas_of_files_name_exactly_the_keys_that_are_read() {
    let desk = Desk::new();
    let refused = |args: &[&str], text: &str| {
        fs::write(desk.path("mine.toml"), text).expect("a file");
        known(&desk.run(args).err)
    };
    let (victim, config) = (&["run", "mine.toml"][..], &["run", "create-new", "--config", "mine.toml"][..]);
    let head = |name: &str| format!("schema = 'linkbait-{name}/1'\nname = 'x'\n");
    for (name, args, end, at) in [
        ("victim", victim, "zzz = 1", ""),
        ("victim", victim, "[command]\nzzz = 1", "/properties/command"),
        ("victim", victim, "[rust]\nzzz = 1", "/properties/rust"),
        ("victim", victim, "[stage]\nzzz = 1", "/properties/stage"),
        ("victim", victim, "[[stage.files]]\nzzz = 1", "/properties/stage/properties/files/items"),
        ("victim", victim, "[judge]\nzzz = 1", "/properties/judge"),
        ("victim", victim, "[expect]\nzzz = 1", "/properties/expect"),
        ("victim", victim, "[[expect.fail]]\nzzz = 1", "/properties/expect/properties/fail/items"),
        ("roster", victim, "zzz = 1", ""),
        ("config", config, "zzz = 1", ""),
        ("config", config, "[defaults]\nzzz = 1", "/properties/defaults"),
        ("config", config, "[[ignore]]\nzzz = 1", "/properties/ignore/items"),
    ] {
        let head = if name == "config" { head(name).replace("name = 'x'\n", "") } else { head(name) };
        let schema = schema(&format!("linkbait-{name}/1"));
        let object = schema.pointer(at).expect("an object");
        let told: BTreeSet<String> =
            object["properties"].as_object().expect("keys").keys().cloned().collect();
        assert_eq!(refused(args, &format!("{head}{end}\n")), told, "{name} {at}");
        assert_eq!(object["additionalProperties"], false, "{name} {at}");
    }
}
