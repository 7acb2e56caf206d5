//! The gate of the free-running attacker, which is the library's own: the one place where two of its threads hand over to
//! each other through shared memory without a channel.

use super::hand_over::Gate;
use super::{Case, check};
use linkbait::sync::atomic::{AtomicBool, Ordering::Relaxed};
use linkbait::sync::{hint, thread};
use linkbait_races::inprocess::process::Wrongs;
use std::sync::Arc;

/// What the attacker writes and the other side reads, relaxed: whether that is up to date is for the gate to see to.
#[derive(Default)]
struct Attack {
    gate: Gate,
    acting: AtomicBool,
    acted: AtomicBool,
}

impl Attack {
    fn round(&self, most: usize) {
        self.acting.store(true, Relaxed);
        for _ in 0..most {
            if !self.gate.is_raging() {
                break;
            }
            self.acted.store(true, Relaxed);
            self.gate.tried();
            hint::spin_loop();
        }
        self.acting.store(false, Relaxed);
    }
}

/// Opens and closes the gate so many times for an attacker who acts so often at most, waiting for what is said.
fn open_and_close(times: usize, most: usize, for_begin: bool, for_end: bool) -> Wrongs {
    let attack = Arc::new(Attack::default());
    let theirs = Arc::clone(&attack);
    let attacker = thread::spawn(move || theirs.gate.serve(|| theirs.round(most)));
    let mut wrongs = Wrongs::new();
    for _ in 0..times {
        attack.gate.rage(for_begin);
        if !attack.acted.load(Relaxed) {
            wrongs.insert("had not begun");
        }
        if for_end {
            attack.gate.calm();
        }
        if attack.acting.load(Relaxed) {
            wrongs.insert("had not stopped");
        }
        attack.acted.store(false, Relaxed);
    }
    attack.gate.end();
    attacker.join().expect("the attacker did not panic");
    wrongs
}

#[test]
fn an_attacker_has_begun_when_let_loose_and_stopped_when_calmed() {
    check(&[
        Case {
            name: "gate",
            model: || open_and_close(1, usize::MAX, true, true),
            outcome: "47784 interleavings, clean",
        },
        Case {
            name: "gate/opened twice",
            model: || open_and_close(2, 1, true, true),
            outcome: "140154 interleavings, clean",
        },
        Case {
            name: "gate/no wait for the begin",
            model: || open_and_close(1, usize::MAX, false, true),
            outcome: "1628 interleavings, had not begun in 1358",
        },
        Case {
            name: "gate/no wait for the end",
            model: || open_and_close(1, usize::MAX, false, false),
            outcome: "16902 interleavings, had not begun in 15552, had not stopped in 6274",
        },
    ]);
}
