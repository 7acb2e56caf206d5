//! Progress on stderr: a bar in a terminal, a line for each victim elsewhere. The same for what is built before, and for what is
//! measured.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) enum Progress {
    Off,
    Bar(ProgressBar),
    Lines { does: &'static str, done: AtomicUsize, of: usize },
}

const JUDGING: &str = "judging [{bar:24}] {pos}/{len} {wide_msg}";
const MEASURING: &str = "measuring [{bar:24}] {pos}/{len} {wide_msg}";
const BUILDING: &str = "building [{bar:24}] {pos}/{len} {wide_msg}";

impl Progress {
    pub(crate) fn new(wanted: bool, of: usize) -> Progress {
        if !wanted {
            return Progress::Off;
        }
        if !std::io::stderr().is_terminal() {
            say(&format!("judging {}", output::counted(of, "victim")));
            return lines("judged", of);
        }
        Progress::Bar(bar(JUDGING, of))
    }

    /// Of packages, before any victim is judged.
    pub(crate) fn building(wanted: bool, of: usize) -> Progress {
        match wanted {
            false => Progress::Off,
            true if std::io::stderr().is_terminal() => Progress::Bar(bar(BUILDING, of)),
            true => lines("building", of),
        }
    }

    /// Of parts of `bench`.
    pub(crate) fn measuring(wanted: bool, of: usize) -> Progress {
        match wanted {
            false => Progress::Off,
            true if std::io::stderr().is_terminal() => Progress::Bar(bar(MEASURING, of)),
            true => lines("measuring", of),
        }
    }

    /// This one is built, or measured, now.
    pub(crate) fn begins(&self, victim: &str) {
        let name = output::line(victim);
        match self {
            Progress::Off => {}
            Progress::Bar(bar) => {
                bar.set_message(name);
                bar.inc(1);
                bar.tick();
            }
            Progress::Lines { does, done, of } => {
                let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                say(&format!("{does} {number} of {of}, {name}"));
            }
        }
    }

    /// A victim has been judged.
    pub(crate) fn judged(&self, victim: &str, verdict: &str) {
        let told = format!("{}: {verdict}", output::line(victim));
        match self {
            Progress::Off => {}
            Progress::Bar(bar) => {
                bar.set_message(told);
                bar.inc(1);
            }
            Progress::Lines { does, done, of } => {
                let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                say(&format!("{does} {number} of {of}, {told}"));
            }
        }
    }

    /// Makes room for the report.
    pub(crate) fn end(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn lines(does: &'static str, of: usize) -> Progress {
    Progress::Lines { does, done: AtomicUsize::new(0), of }
}

fn bar(template: &str, of: usize) -> ProgressBar {
    let bar = ProgressBar::new(of as u64);
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.tick();
    bar
}

fn say(line: &str) {
    // A reader that went away is no reason to stop judging.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
