//! The report as a page, read by a parser of HTML as browsers have it.

use crate::desk::Desk;
use html5ever::tendril::TendrilSink;
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use std::collections::BTreeSet;

/// An element: its name, its attributes and the text in it.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn has_class(&self, class: &str) -> bool {
        self.attribute("class").is_some_and(|classes| classes.split(' ').any(|known| known == class))
    }
}

/// The elements of a page that is without errors.
fn elements(page: &str) -> Vec<Element> {
    let document = html5ever::parse_document(RcDom::default(), Default::default()).one(page);
    assert_eq!(*document.errors.borrow(), [""; 0]);
    let mut found = Vec::new();
    collect(&document.document, &mut found);
    found
}

fn collect(node: &Handle, found: &mut Vec<Element>) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes =
            attrs.borrow().iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect();
        let mut text = String::new();
        text_of(node, &mut text);
        found.push(Element { name: name.local.to_string(), attributes, text });
    }
    node.children.borrow().iter().for_each(|child| collect(child, found));
}

fn text_of(node: &Handle, text: &mut String) {
    if let NodeData::Text { contents } = &node.data {
        text.push_str(&contents.borrow());
    }
    node.children.borrow().iter().for_each(|child| text_of(child, text));
}

/// The page of a run, and what the JSON report says of the same.
fn page(desk: &Desk, args: &[&str]) -> (String, serde_json::Value) {
    let ran = desk.run(&[args, &["--no-progress", "--format", "html"]].concat());
    let saved = std::fs::read_to_string(desk.path("target/linkbait/report.json")).expect("a report");
    (ran.out, serde_json::from_str(&saved).expect("JSON"))
}

const SOME: [&str; 5] = ["run", "check-then-create", "reopen-by-path", "create-new", "drop-unwraps"];

#[test]
fn every_finding_is_there_with_its_lanes_files_explanation_and_replay() {
    let (page, document) = page(&Desk::new(), &SOME);
    let elements = elements(&page);
    let findings: Vec<_> = elements.iter().filter(|element| element.has_class("finding")).collect();
    let mut told = document["victims"]
        .as_array()
        .expect("victims")
        .iter()
        .flat_map(|victim| victim["findings"].as_array().expect("findings"));
    let mut trees = elements.iter().filter(|element| element.has_class("trees"));
    assert!(findings.len() > 8);
    for shown in &findings {
        let finding = told.next().expect("no more findings than were made");
        for key in ["rule", "message", "replay", "help", "label"] {
            let text = finding[key].as_str().expect("text");
            assert!(shown.text.contains(text), "{key}: {text} in {}", shown.text);
        }
        let steps =
            finding["timeline"].as_array().expect("a timeline").iter().filter_map(|line| line.as_str());
        for step in steps.filter(|line| line.starts_with(' ') && !line.contains('!')) {
            let what = step.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
            let (who, what) = what.trim_start().split_once(' ').expect("who and what");
            assert!(shown.text.contains(&format!("{who} {}", what.trim_start())), "{step} in {}", shown.text);
        }
        let files = &trees.next().expect("a table of files for each finding").text;
        for thing in
            ["before", "after"].iter().flat_map(|when| finding[when]["things"].as_array().expect("things"))
        {
            assert!(files.contains(thing["path"].as_str().expect("text")), "{thing} in {files}");
            let size = thing["size"].as_u64().map(|size| format!("{size} bytes"));
            assert!(size.is_none_or(|size| files.contains(&size)), "{thing} in {files}");
        }
        let rule = linkbait::rules::rule(finding["rule"].as_str().expect("text")).expect("a rule");
        assert!(shown.text.contains(rule.title) && shown.text.contains(rule.bad), "{}", shown.text);
    }
    assert!(told.next().is_none(), "a finding is not shown");
}

#[test]
fn the_step_that_broke_the_rule_is_marked_once_and_the_window_opens_and_closes() {
    let (page, _) = page(&Desk::new(), &SOME);
    let elements = elements(&page);
    let count = |class: &str| elements.iter().filter(|element| element.has_class(class)).count();
    assert_eq!(count("broken"), count("finding"));
    assert!(count("opens") > 5 && count("opens") == count("closes"));
    let moves = elements.iter().filter(|e| e.has_class("step") && e.has_class("attacker"));
    let outside: Vec<_> = moves.filter(|e| !e.has_class("window")).map(|e| &e.text).collect();
    assert!(outside.is_empty(), "moves outside of the window: {outside:?}");
}

#[test]
fn every_victim_is_a_row_with_a_cell_for_each_group_of_rules() {
    let (page, document) = page(&Desk::new(), &SOME);
    let elements = elements(&page);
    let names: Vec<_> = elements.iter().filter(|e| e.attribute("role") == Some("rowheader")).collect();
    for victim in document["victims"].as_array().expect("victims") {
        let name = victim["name"].as_str().expect("a name");
        assert_eq!(names.iter().filter(|row| row.text.starts_with(name)).count(), 1, "{name}");
    }
    let cells = elements.iter().filter(|element| element.attribute("role") == Some("cell")).count();
    assert_eq!(cells, (SOME.len() - 1) * linkbait::Group::ALL.len());
}

#[test]
fn ids_are_unique_and_links_labels_and_lists_lead_to_what_is_there() {
    let (page, _) = page(&Desk::new(), &SOME);
    let elements = elements(&page);
    let ids: Vec<_> = elements.iter().filter_map(|element| element.attribute("id")).collect();
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    for element in &elements {
        let target = element
            .attribute("href")
            .map(|href| href.strip_prefix('#').expect("nothing is linked to elsewhere"));
        let named = ["for", "aria-labelledby"].iter().filter_map(|name| element.attribute(name));
        for id in target.into_iter().chain(named) {
            assert!(unique.contains(id), "{id} of {}", element.name);
        }
    }
    let style = &elements.iter().find(|element| element.name == "style").expect("a style").text;
    let chosen =
        elements.iter().filter(|element| element.name == "option").filter_map(|e| e.attribute("value"));
    let classes: Vec<_> = chosen.filter(|class| !class.is_empty()).collect();
    assert!(classes.len() > 6, "{classes:?}");
    for class in classes {
        assert!(
            elements.iter().any(|e| e.has_class("finding") && e.has_class(class)),
            "{class} has no finding"
        );
        assert!(style.contains(&format!("[value={class}]:checked")), "{class} hides nothing");
    }
}

#[test]
fn nothing_runs_and_nothing_is_loaded() {
    let (page, _) = page(&Desk::new(), &SOME);
    let elements = elements(&page);
    let policy = elements.iter().find(|e| e.attribute("http-equiv") == Some("Content-Security-Policy"));
    assert!(policy.and_then(|e| e.attribute("content")).is_some_and(|p| p.starts_with("default-src 'none'")));
    for element in &elements {
        let runs = ["script", "link", "img", "iframe", "object", "embed", "base", "svg", "video", "audio"];
        assert!(!runs.contains(&element.name.as_str()), "{}", element.name);
        let does =
            |name: &str| name.starts_with("on") || ["src", "srcset", "action", "style"].contains(&name);
        assert!(!element.attributes.iter().any(|(name, _)| does(name)), "{:?}", element.attributes);
    }
    let style = &elements.iter().find(|element| element.name == "style").expect("a style").text;
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[test]
fn hostile_names_stay_text() {
    let desk = Desk::new();
    let name = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\" onfocus=\"x\u{202e}\u{1b}[31m\u{7}&lt;`";
    let file = format!(
        "schema = \"linkbait-victim/1\"\nname = {name:?}\nsummary = \"x\"\ntags = [\"<b>\"]\n[command]\nargv = [\"sh\", \"-c\", \"printf '<script>%s\\\\033' >&2; echo > '/tmp/<i>&amp;'; exit 3\"]\n"
    );
    std::fs::write(
        desk.path("victim.toml"),
        file.replace("\\u{", "\\U{")
            .replace("\\U{202e}", "\\u202e")
            .replace("\\U{1b}", "\\u001b")
            .replace("\\U{7}", "\\u0007"),
    )
    .expect("a file");
    let (page, document) = page(&desk, &["run", "victim.toml"]);
    assert_eq!(document["victims"][0]["name"], name, "{page}");
    let elements = elements(&page);
    for bad in ["script", "img", "b", "i"] {
        assert!(!elements.iter().any(|element| element.name == bad), "{bad} in {page}");
    }
    let body = elements.iter().find(|element| element.name == "body").expect("a body");
    assert!(
        body.text.contains("</style><script>alert(1)</script><img src=x onerror=alert(2)>\" onfocus="),
        "{}",
        body.text
    );
    let wild = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!page.contains(wild), "{:?}", page.find(wild));
}

#[test]
fn the_page_is_saved_beside_the_report_whatever_the_format() {
    let desk = Desk::new();
    let (page, _) = page(&desk, &["run", "create-new"]);
    let saved = || std::fs::read_to_string(desk.path("target/linkbait/report.html")).expect("a page");
    assert_eq!(page, saved());
    assert!(page.contains("No rule was broken") && page.contains("What a clean row does not mean"));
    desk.run(&["run", "check-then-create", "--rule", "follows-link"]);
    assert!(saved().contains("1 of 1 victim failed"));
}
