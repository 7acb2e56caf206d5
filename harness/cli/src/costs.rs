//! What judging a victim is expected to cost, and how victims are dealt out by that: to shards evenly, to cores the longest first.
//! Owns neither which victims there are nor how long they took this time.

use crate::args::Usage;
use crate::files;
use crate::values::Shard;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

/// Milliseconds of each built-in victim, as measured once.
const MEASURED: &str = include_str!("../../../corpus/tables/costs.toml");

/// Milliseconds by the name of the victim. Whole numbers, so that every machine comes to the same sums.
pub(crate) struct Costs(BTreeMap<String, u64>);

/// What is looked at in an earlier report, of whatever version of linkbait.
#[derive(Deserialize)]
struct Document {
    schema: String,
    victims: Vec<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    name: String,
    duration_s: f64,
}

impl Costs {
    /// Those of this report, or else those measured of the built-in victims.
    pub(crate) fn of(report: Option<&Path>) -> anyhow::Result<Costs> {
        match report {
            Some(file) => Costs::read(file),
            None => Ok(Costs(toml::from_str(MEASURED)?)),
        }
    }

    fn read(file: &Path) -> anyhow::Result<Costs> {
        let text = files::read(file, "name a JSON report of an earlier run")?;
        let report = serde_json::from_str::<Document>(&text).ok();
        let report = report.filter(|report| report.schema == "linkbait-report/1");
        let Some(Document { victims, .. }) = report else {
            return Err(
                Usage(format!("{file:?}: it is no JSON report of linkbait, so it has no costs")).into()
            );
        };
        let cost = |Judged { name, duration_s }| (name, (duration_s * 1e3).round() as u64);
        Ok(Costs(victims.into_iter().map(cost).collect()))
    }

    /// The cost of each victim; of those that are not known, the median of those that are.
    pub(crate) fn each<'n>(&self, names: impl Iterator<Item = &'n str> + Clone) -> Vec<u64> {
        let known = |name| self.0.get(name).copied();
        let mut sorted: Vec<u64> = names.clone().filter_map(known).collect();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        // Nothing is free, or one shard would get all that is.
        names.map(|name| known(name).unwrap_or(median).max(1)).collect()
    }
}

/// The places of the victims, the most expensive first; of equal ones the first.
pub(crate) fn longest_first(costs: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|&at| Reverse(costs[at]));
    order
}

/// The number of the shard that each victim is in, from 1, of `n`: the longest first, each to the shard that has least so far.
/// No shard then has more than 4/3 of what the best deal would give it (Graham 1969), and equal costs go round in turn.
pub(crate) fn deal(costs: &[u64], n: usize) -> Vec<usize> {
    let mut load = vec![0_u64; n];
    let mut shards = vec![0; costs.len()];
    for at in longest_first(costs) {
        let least = (0..n).min_by_key(|&shard| load[shard]).unwrap_or_default();
        load[least] = load[least].saturating_add(costs[at]);
        shards[at] = least + 1;
    }
    shards
}

impl Shard {
    /// What of the victims is this shard's.
    pub(crate) fn own<T>(self, of: impl IntoIterator<Item = T>, shards: &[usize]) -> impl Iterator<Item = T> {
        of.into_iter().zip(shards).filter(move |(_, shard)| **shard == self.k).map(|(victim, _)| victim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::roster;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_victim_is_in_one_shard_and_no_two_shards_differ_by_more_than_one_victim(
            costs in prop::collection::vec(1..10_000_u64, 0..60),
            n in 1..9_usize,
        ) {
            let shards = deal(&costs, n);
            let all: usize = (1..=n).map(|k| Shard { k, n }.own(&costs, &shards).count()).sum();
            prop_assert_eq!(all, costs.len());
            let load = |k| Shard { k, n }.own(&costs, &shards).sum::<u64>();
            let (most, least) = ((1..=n).map(load).max(), (1..=n).map(load).min());
            prop_assert!(most.zip(least).is_some_and(|(most, least)| most - least <= *costs.iter().max().unwrap_or(&0)));
        }
    }

    #[test]
    fn victims_of_equal_cost_go_round_and_what_is_not_known_costs_the_median() {
        assert_eq!(deal(&[7; 5], 2), [1, 2, 1, 2, 1]);
        let costs = Costs([("a", 1), ("b", 5), ("c", 90)].map(|(name, cost)| (name.to_owned(), cost)).into());
        assert_eq!(costs.each(["c", "new", "a", "b"].into_iter()), [90, 5, 1, 5]);
        assert_eq!(costs.each(["new", "other"].into_iter()), [1, 1]);
    }

    #[test]
    fn the_longest_go_first_and_shards_are_even() {
        let costs = [10, 80, 20, 30, 60];
        assert_eq!(longest_first(&costs), [1, 4, 3, 2, 0]);
        assert_eq!(deal(&costs, 2), [2, 1, 1, 2, 2]);
    }

    #[test]
    fn costs_are_known_of_nearly_all_victims_and_of_nothing_else() {
        let Costs(known) = Costs::of(None).expect("the table is built in");
        let names: Vec<String> = roster().iter().map(|victim| victim.name().to_owned()).collect();
        let gone: Vec<_> = known.keys().filter(|name| !names.contains(name)).collect();
        assert!(gone.is_empty(), "{gone:?}: make the table anew, see its head");
        let new: Vec<_> = names.iter().filter(|name| !known.contains_key(*name)).collect();
        assert!(new.len() * 2 < names.len(), "{new:?}: make the table anew, see its head");
    }
}
