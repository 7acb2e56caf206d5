//! Schedules drawn by chance, where all would be too many. A sample is drawn act by act, each from the run that the acts
//! before it gave, in one of two ways that take turns.
//!
//! *A walk* takes each act from all that can come next, each as likely as any other. *A spread*, after the change points of
//! PCT (Burckhardt et al., ASPLOS 2010), first draws at which stops of the run to act, each way to spread the acts over the
//! stops as likely as any other, then at each of these one of the acts that are possible there.
//!
//! A stop is counted here if a move or, where they are asked for, a fault can come before it. Take one schedule of `d` acts,
//! let its runs have at most `k` such stops up to its last act, and at each at most `m` acts. There are C(k+d-1, d) ways to
//! lay `d` acts on `k` stops in order, several on one allowed, and the schedule is one of them; with the stops right, each
//! act is right with a chance of at least 1/m. So a spread finds it with a chance of at least
//!
//! ```text
//!     p = 1 / (C(k+d-1, d) * m^d)  >=  d! / ((k+d-1) * m)^d
//! ```
//!
//! and a walk with at least 1 / (k*m)^d, as no act is drawn from more than `k*m`. N samples, half of them spreads, miss it
//! with a chance of at most (1-p)^(N/2). PCT has 1/(n*k^(d-1)) for n threads: its first ordering is free, by which thread
//! goes first, and a change point is a place only. Here every act needs its place, and what is done there, too.
//! `k` is the most stops of any run that was drawn from so far under this attacker and umask.

use super::engine::Engine;
use crate::error::Error;
use crate::explore::{Next, targets};
use crate::finding::Samples;
use crate::schedule::Schedule;
use crate::stream::Stream;

/// What a run leaves open.
struct Openings {
    /// The steps of its calls at which there can be acts, from its beginning.
    stops: Vec<usize>,
    /// The acts that can come next.
    acts: Vec<Next>,
}

impl Engine<'_> {
    /// Draws the samples of one attacker and umask.
    pub(super) fn try_samples(&mut self) -> Result<(), Error> {
        let Some(asked) = self.judge.samples else { return Ok(()) };
        self.run(&Schedule::default())?;
        let first = self.openings();
        let mut longest = first.stops.len();
        let mut luck = Stream::new(asked.seed);
        for number in 0..asked.drawn {
            if first.acts.is_empty() || self.must_stop() {
                break;
            }
            let stops = (number % 2 == 0).then(|| spread(&mut luck, asked.acts as usize, longest));
            let landed = self.draw(&first, asked.acts, stops.as_deref(), &mut luck, &mut longest)?;
            let nothing = Samples { drawn: 0, landed: 0, ..asked };
            let samples = self.report.samples.get_or_insert(nothing);
            samples.drawn += 1;
            samples.landed += u64::from(landed);
        }
        Ok(())
    }

    fn openings(&self) -> Openings {
        let evidence = &self.bench.evidence;
        let faults = self.judge.tries_faults(self.victim) || self.judge.tries_signals(self.victim);
        let counts = |call| faults || !targets(evidence, call).is_empty();
        let stops = evidence.calls().filter(|(_, call)| counts(*call)).map(|(at, _)| at).collect();
        Openings { stops, acts: self.next_acts() }
    }

    /// One sample, at these of the counted stops if any are given. True when every act happened. Its beginnings of two acts
    /// and more are trials of their own.
    fn draw(
        &mut self,
        first: &Openings,
        acts: u32,
        stops: Option<&[usize]>,
        luck: &mut Stream,
        longest: &mut usize,
    ) -> Result<bool, Error> {
        let mut schedule = Schedule::default();
        let mut later = None;
        for number in 0..acts as usize {
            let open = later.as_ref().unwrap_or(first);
            let stop = stops.map(|stops| open.stops.get(stops[number]));
            let possible = open.acts.iter().filter(|next| stop.is_none_or(|stop| stop == Some(&next.at)));
            let possible: Vec<&Next> = possible.collect();
            if possible.is_empty() {
                return Ok(false);
            }
            schedule = schedule.and(possible[below(luck, possible.len())].act.clone());
            if !self.lands(&schedule)? {
                return Ok(false);
            }
            let open = self.openings();
            *longest = open.stops.len().max(*longest);
            if number > 0 {
                self.settle(&schedule)?;
            }
            later = Some(open);
        }
        Ok(true)
    }
}

/// Where to put so many acts among so many stops, in order: every way is as likely as any other.
fn spread(luck: &mut Stream, acts: usize, stops: usize) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::new();
    // Sets of places among more stops stand for ways to put several acts on one, in that each is moved back by those before.
    while places.len() < acts {
        let place = below(luck, stops + acts - 1);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.sort_unstable();
    places.iter().enumerate().map(|(before, place)| place - before).collect()
}

fn below(luck: &mut Stream, end: usize) -> usize {
    (luck.number() % end.max(1) as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_way_to_spread_acts_over_stops_is_as_likely_as_any_other() {
        let mut luck = Stream::new(7);
        let mut seen: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        for _ in 0..20_000 {
            *seen.entry(spread(&mut luck, 3, 4)).or_default() += 1;
        }
        // C(4+3-1, 3) ways; a thousand each would be even.
        assert_eq!(seen.len(), 20);
        assert!(seen.keys().all(|stops| stops.is_sorted() && stops.iter().all(|stop| *stop < 4)));
        assert!(seen.values().all(|times| (850..1150).contains(times)), "{seen:?}");
    }
}
