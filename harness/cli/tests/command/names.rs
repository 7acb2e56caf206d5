//! `linkbait names`: predictions beside what came, as text and JSON.

use crate::desk::Desk;

#[test]
fn a_name_that_can_be_predicted_is_shown_with_each_prediction_beside_what_came() {
    let ran = Desk::new().run(&["names", "create-pid", "--runs", "3"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("name 1  app.{pid, decimal}"), "{}", ran.out);
    assert!(ran.out.contains("predicted in 3 of 3 fresh runs"), "{}", ran.out);
    assert_eq!(ran.out.lines().filter(|line| line.ends_with("  predicted")).count(), 3, "{}", ran.out);
}

#[test]
fn a_drawn_name_is_shown_with_its_chance_and_no_prediction() {
    let (ran, document) = Desk::new().json(&["names", "create-new", "--runs", "2"]);
    assert_eq!((ran.code, &document["schema"]), (0, &"linkbait-names/1".into()), "{}", ran.err);
    let name = &document["names"][0];
    assert_eq!((&name["predicted"], &name["runs"][1]["candidates"]), (&0.into(), &0.into()), "{name}");
    assert!(name["entropy"]["least_bits"].as_f64().is_some_and(|bits| bits > 20.0), "{name}");
}

#[test]
fn what_cannot_be_named_is_a_usage_error() {
    for args in [&["names"][..], &["names", "no-such-victim"], &["names", "create-pid", "--runs", "0"]] {
        let ran = Desk::new().run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
    }
}
