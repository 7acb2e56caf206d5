//! Makes `corpus/tables/costs.toml`: what judging each built-in victim took on this machine.

mod common;

use common::{desk, linkbait};
use std::collections::BTreeMap;
use std::fmt::Write;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../corpus/tables/costs.toml");

/// Of several runs the shortest counts: what else the machine does only makes them longer.
const RUNS: usize = 3;

const HEAD: &str = "\
# Milliseconds that judging each built-in victim took, one after the other, the shortest of three runs. Shards are dealt by it, and\n\
# the longest victims begin first. What is not here counts as the median. Only the proportions matter. Made by\n\
# `cargo test --release -p linkbait-cli --test costs -- --ignored`.\n\n";

#[test]
#[ignore = "minutes; writes the table anew: `cargo test --release -p linkbait-cli --test costs -- --ignored`"]
fn the_table_of_costs_is_measured() {
    let mut costs = BTreeMap::new();
    for _ in 0..RUNS {
        for victims in [&["run"][..], &["run", "slow"]] {
            let ran =
                linkbait(&desk(), &[victims, &["--jobs", "1", "--no-progress", "--format", "json"]].concat());
            let report: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("a report");
            for victim in report["victims"].as_array().expect("victims") {
                let name = victim["name"].as_str().expect("a name").to_owned();
                let took = (victim["duration_s"].as_f64().expect("a time") * 1e3).round() as u64;
                costs.entry(name).and_modify(|least| *least = took.min(*least)).or_insert(took);
            }
        }
    }
    let mut text = HEAD.to_owned();
    costs.iter().for_each(|(name, cost)| writeln!(text, "{name:?} = {cost}").expect("text"));
    std::fs::write(TABLE, text).expect("the table is written");
}
