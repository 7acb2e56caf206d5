//! The table at the end of a run: what was measured, what was promised, and whether that was kept.

use std::fmt;

/// What a ratio was promised to be.
#[derive(Clone, Copy)]
pub(crate) enum Promise {
    AtMost(f64),
    AtLeast(f64),
}

impl Promise {
    fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Promise::AtMost(most) => ratio <= most,
            Promise::AtLeast(least) => ratio >= least,
        }
    }
}

#[derive(Default)]
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn head(&mut self, what: &str) {
        self.0 += &format!("{what}\n");
    }

    pub(crate) fn time(&mut self, what: &str, time: f64) {
        self.row(what, time, "", None);
    }

    pub(crate) fn ratio(&mut self, what: &str, time: f64, ratio: f64, promise: Option<Promise>) {
        self.row(what, time, "", Some((ratio, promise)));
    }

    pub(crate) fn rate(&mut self, what: &str, time: f64) {
        self.row(what, time, &per_second(time), None);
    }

    pub(crate) fn ratio_of_rates(&mut self, what: &str, time: f64, ratio: f64, promise: Option<Promise>) {
        self.row(what, time, &per_second(time), Some((ratio, promise)));
    }

    fn row(&mut self, what: &str, time: f64, rate: &str, ratio: Option<(f64, Option<Promise>)>) {
        let told = ratio.map_or(String::new(), |(ratio, promise)| {
            let kept = promise.map_or(String::new(), |promise| {
                let met = if promise.is_met_by(ratio) { "met" } else { "NOT met" };
                format!("   promised {promise}: {met}")
            });
            format!("{ratio:>6.2} x{kept}")
        });
        let row = format!("  {what:<58} {time:>8.2} us {rate:>9} {told}");
        self.0 += &format!("{}\n", row.trim_end());
    }
}

fn per_second(time: f64) -> String {
    format!("{:.0}/s", 1e6 / time)
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Promise::AtMost(most) => write!(f, "<= {most} x"),
            Promise::AtLeast(least) => write!(f, ">= {least} x"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
