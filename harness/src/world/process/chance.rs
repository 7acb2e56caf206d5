//! The chance in a program, drawn from a seed: random bytes, and at level 2 its clock and its addresses.
//!
//! Which calls are watched for it, and what each is answered. Owns no order of tasks (`order`).

use super::clock::{self, Clock};
use super::held::Held;
use super::image::Images;
use super::random_device;
use crate::determinism::{Determinism, Level};
use crate::error::Error;
use crate::stream::Stream;
use crate::sys::bpf::Fate;
use crate::world::stop::Stop;
use rustix::io::Result;
use std::os::fd::OwnedFd;

/// The most that one getrandom(2) gives; more than anyone asks for, and a call may give less.
const MOST_RANDOM: u64 = 1 << 20;

/// Answers in a row without a stop in the arena, after which a program counts as one that only waits: where sleeping
/// takes no time, the clock on the wall does not show it.
const MOST_ANSWERS: u32 = 200_000;

/// What a program draws its chance from.
#[derive(Clone)]
pub(super) struct Chance {
    fixed: Determinism,
    /// 0 for trials; any other number stands for other luck.
    variation: u64,
    /// Nothing is fixed for now.
    left: bool,
    stream: Stream,
    clock: Clock,
    images: Images,
    answers: u32,
}

impl Chance {
    pub(super) fn new(fixed: Determinism) -> std::result::Result<Chance, Error> {
        if fixed.level > Level::HIGHEST {
            let advice = "the clock of programs can be set on x86-64 only; use --determinism 1";
            return Err(Error::unsupported("determinism 2", advice));
        }
        let mut chance = Chance {
            fixed,
            variation: 0,
            left: false,
            stream: Stream::new(0),
            clock: Clock::default(),
            images: Images::default(),
            answers: 0,
        };
        chance.restart();
        Ok(chance)
    }

    /// From the next start on, other luck than that of the trials, which is number 0.
    pub(super) fn vary(&mut self, variation: u64) {
        self.variation = variation;
    }

    /// From the next start on, the machine's own luck, or again what follows from the seed.
    pub(super) fn leave_to_the_machine(&mut self, left: bool) {
        self.left = left;
    }

    /// Goes back to where a trial begins.
    pub(super) fn restart(&mut self) {
        let mut seeds = Stream::new(self.fixed.seed ^ self.variation.rotate_left(32));
        self.stream = Stream::new(seeds.number());
        self.clock = Clock::starting(seeds.number());
        self.images.forget();
        self.answers = 0;
    }

    pub(super) fn level(&self) -> Level {
        if self.left { Level::Off } else { self.fixed.level }
    }

    /// True when the program is to be started without random addresses. Where luck varies they do too: names are made
    /// of them.
    pub(super) fn fixes_addresses(&self) -> bool {
        self.level() == Level::Full && self.variation == 0
    }

    /// The calls to be watched beside those on files.
    pub(super) fn watched(&self) -> Vec<(Fate, Vec<u32>)> {
        let random = (Fate::Watched, vec![libc::SYS_getrandom as u32]);
        match self.fixed.level {
            Level::Off => Vec::new(),
            Level::Random => vec![random],
            Level::Full => [random].into_iter().chain(clock::watched()).collect(),
        }
    }

    /// To be told of every stop, before anything is done about it; false when a new program image stays as it is.
    pub(super) fn meet(&mut self, held: &Held<'_>) -> bool {
        if self.level() < Level::Full {
            return true;
        }
        self.clock.meet(held.seen.tid);
        self.images.meet(held, &mut self.stream)
    }

    /// A program is about to be run by this task.
    pub(super) fn expect_image(&mut self, held: &Held<'_>) {
        if self.level() == Level::Full {
            self.images.expect(held);
        }
    }

    /// Ends a stop at a call that is not one on files; true when that asked for the time or waited.
    pub(super) fn answer(&mut self, held: &Held<'_>) -> bool {
        if self.left {
            held.let_run();
            return false;
        }
        let [address, length, ..] = held.seen.args;
        if held.seen.nr != libc::SYS_getrandom as u32 {
            let asked = self.clock.answer(held);
            self.answers += u32::from(asked);
            return asked;
        }
        let mut bytes = vec![0; length.min(MOST_RANDOM) as usize];
        self.stream.fill(&mut bytes);
        held.answer_into(address, &bytes, bytes.len() as i64);
        false
    }

    /// A stop in the arena: it is not only waiting.
    pub(super) fn goes_on(&mut self) {
        self.answers = 0;
    }

    pub(super) fn only_waits(&self) -> bool {
        self.level() == Level::Full && self.answers > MOST_ANSWERS
    }

    /// The device to be opened in place of a random one, if that is what the call is about.
    pub(super) fn device(&mut self, stop: &Stop) -> Option<Result<OwnedFd>> {
        let devices: [&[u8]; 2] = [b"/dev/urandom", b"/dev/random"];
        let [place] = stop.places() else { return None };
        let reads = self.level() > Level::Off && stop.opens() && !stop.writes();
        let random = reads && devices.contains(&place.path.as_slice());
        random.then(|| random_device::device(Stream::new(self.stream.number())))
    }

    /// The program's clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }
}
