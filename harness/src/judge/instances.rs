//! Two copies of a program at once: every order of their calls in which each of them lets the other go on at most once.
//!
//! Orders that differ only in calls that are independent of each other come to the same, so one of them is tried.

use super::engine::Engine;
use crate::error::Error;
use crate::explore::orders::Trace;
use crate::schedule::{Key, Schedule};
use crate::victim::Work;
use crate::world::ONE_PROCESS;

impl Engine<'_> {
    /// Tries two copies of the victim, with nobody else about.
    pub(super) fn try_copies(&mut self) -> Result<(), Error> {
        if self.judge.instances_of(self.victim) < 2 {
            return Ok(());
        }
        match &self.victim.work {
            Work::Body(_) | Work::Protocol(_) => self.note(ONE_PROCESS),
            Work::Program(program) if program.tty => {
                self.note("two copies of a program with a terminal were not tried");
            }
            // Each copy needs a start of its own.
            Work::Program(_) => return self.anew(Self::try_orders),
        }
        Ok(())
    }

    /// One copy after the other; then the first held at each of its stops, from the last back, while the second runs
    /// whole. Up to the first stop nothing was done, and both copies are the same program.
    fn try_orders(&mut self) -> Result<(), Error> {
        self.orders = 0;
        let mut trace = self.try_order(&[])?;
        let stops = trace.as_ref().map(|trace| trace.stops(false)).unwrap_or_default();
        let mut row = 0;
        for (at, stop) in stops.iter().enumerate().skip(1).rev() {
            // With its last call the first copy would end, too, and that is seen in other ways.
            let last = at + 1 == stops.len();
            if !last && self.may_leave_out(trace.as_ref(), false, at, 0) {
                self.report.reduced += row;
                continue;
            }
            if self.must_stop_orders() {
                break;
            }
            trace = self.try_order(std::slice::from_ref(stop))?;
            row = 1 + trace.as_ref().map_or(Ok(0), |whole| self.try_row(stop, at, whole))?;
        }
        Ok(())
    }

    /// The first copy held at this stop, the second at each of its own, from the last back, while the first goes on to its
    /// end. Returns how many orders that is.
    fn try_row(&mut self, first: &Key, at: usize, whole: &Trace) -> Result<u64, Error> {
        let mut trace = Some(whole.clone());
        let stops = whole.stops(true);
        for (own, second) in stops.iter().enumerate().skip(1).rev() {
            let last = own + 1 == stops.len();
            if !last && self.may_leave_out(trace.as_ref(), true, own, at) {
                self.report.reduced += 1;
                continue;
            }
            if self.must_stop_orders() {
                break;
            }
            trace = self.try_order(&[first.clone(), second.clone()])?;
        }
        Ok(stops.len().saturating_sub(1) as u64)
    }

    /// True when to hold a copy at this stop comes to the same as to hold it at the next one, which `trace` is of.
    fn may_leave_out(&self, trace: Option<&Trace>, second: bool, at: usize, from: usize) -> bool {
        self.judge.reduces && trace.is_some_and(|trace| trace.is_independent(second, at, from))
    }

    /// True when no further order may be tried, which is noted and makes the verdict inconclusive.
    fn must_stop_orders(&mut self) -> bool {
        let enough = self.orders >= self.limits.orders;
        if enough {
            self.miss("the limit on orders of two copies was reached");
        }
        enough || self.must_stop()
    }

    /// One order, which is counted and judged; its calls, if it came about.
    fn try_order(&mut self, stops: &[Key]) -> Result<Option<Trace>, Error> {
        let schedule = Schedule::switching(stops.iter().cloned());
        self.orders += 1;
        self.run(&schedule)?;
        let trace = Trace::of(&self.bench.evidence);
        Ok(self.settle(&schedule)?.then_some(trace))
    }
}
