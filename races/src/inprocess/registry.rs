//! A registry of temporary files from which a signal handler removes what is left: a fixed table of atomics, as a handler
//! may neither lock nor allocate.
//!
//! A file that is being made or removed is *busy*: until its thread has settled that, nobody else can know whether it is
//! there and whose it is. The handler waits for busy slots, which settle soon because their threads mask signals, and no
//! new ones begin once it has said that the process is ending. Who turns a slot from live to busy removes the file. Each
//! slot names the process that filled it, so a forked child leaves its parent's files alone, and does not wait for
//! threads that only the parent has.

use super::{Name, System};
use linkbait::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use linkbait::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
use linkbait::sync::hint::spin_loop;

/// The table, with room for so many files at once.
pub struct Registry<const SLOTS: usize> {
    slots: [Slot; SLOTS],
    ending: AtomicBool,
}

#[derive(Default)]
struct Slot {
    /// [`FREE`], or the pid of the process that filled it, live or busy.
    state: AtomicU64,
    /// Written while the slot is busy.
    name: AtomicU32,
}

/// A registered file, which its thread removes.
#[derive(Clone, Copy)]
pub struct Registered {
    slot: usize,
    pid: u32,
    name: Name,
}

const FREE: u64 = 0;

fn live(pid: u32) -> u64 {
    u64::from(pid) << 1
}

fn busy(pid: u32) -> u64 {
    live(pid) | 1
}

impl<const SLOTS: usize> Default for Registry<SLOTS> {
    fn default() -> Self {
        Registry { slots: std::array::from_fn(|_| Slot::default()), ending: AtomicBool::new(false) }
    }
}

impl<const SLOTS: usize> Registry<SLOTS> {
    /// Makes a file and registers it; `None` when its name is taken, the table full, or the process ending.
    pub fn create(&self, system: &impl System, name: Name) -> Option<Registered> {
        // With the fence of `end`: either this sees that the process is ending, or the handler sees the busy slot.
        self.create_behind(system, name, || fence(SeqCst))
    }

    fn create_behind(&self, system: &impl System, name: Name, barrier: impl Fn()) -> Option<Registered> {
        system.masked(|| {
            let file = self.claim(system.pid(), name)?;
            barrier();
            let made = !self.ending.load(Relaxed) && system.create(name);
            self.settle(file, made)
        })
    }

    /// Makes a free slot busy.
    fn claim(&self, pid: u32, name: Name) -> Option<Registered> {
        let take = |slot: &Slot| slot.state.compare_exchange(FREE, busy(pid), Acquire, Relaxed).is_ok();
        let slot = self.slots.iter().position(take)?;
        self.slots[slot].name.store(name, Relaxed);
        Some(Registered { slot, pid, name })
    }

    /// Makes a slot live, or free again.
    fn settle(&self, file: Registered, made: bool) -> Option<Registered> {
        self.slots[file.slot].state.store(if made { live(file.pid) } else { FREE }, Release);
        made.then_some(file)
    }

    /// Removes a registered file, as its destructor does; one of a parent process is left alone.
    pub fn remove(&self, system: &impl System, file: Registered) {
        system.masked(|| {
            if file.pid == system.pid() {
                self.slots[file.slot].take(file.pid, system);
            }
        });
    }

    /// The handler: removes all files of this process. The process ends after it, and makes no new ones.
    pub fn end(&self, system: &impl System) {
        let pid = system.pid();
        self.ending.store(true, Relaxed);
        fence(SeqCst);
        for slot in &self.slots {
            while !slot.take(pid, system) {
                spin_loop();
            }
        }
    }

    /// What a child finds after a fork.
    #[must_use]
    pub fn fork(&self) -> Registry<SLOTS> {
        let slots = std::array::from_fn(|slot| self.slots[slot].fork());
        Registry { slots, ending: AtomicBool::new(self.ending.load(Relaxed)) }
    }
}

impl Slot {
    /// Removes the file of a slot that this process has live; false when it is busy.
    fn take(&self, pid: u32, system: &impl System) -> bool {
        match self.state.compare_exchange(live(pid), busy(pid), Acquire, Acquire) {
            Ok(_) => {
                system.remove(self.name.load(Relaxed));
                self.state.store(FREE, Release);
                true
            }
            Err(state) => state != busy(pid),
        }
    }

    fn fork(&self) -> Slot {
        let (state, name) = (self.state.load(Relaxed), self.name.load(Relaxed));
        Slot { state: AtomicU64::new(state), name: AtomicU32::new(name) }
    }
}

/// The broken twins.
impl<const SLOTS: usize> Registry<SLOTS> {
    /// Registers what is made already: a signal in between leaves it behind.
    pub fn create_then_register(&self, system: &impl System, name: Name) -> Option<Registered> {
        system.create(name).then_some(())?;
        self.settle(self.claim(system.pid(), name)?, true)
    }

    /// Registers as live what is not made yet: where the name is taken, a signal in between removes another's file.
    pub fn register_then_create(&self, system: &impl System, name: Name) -> Option<Registered> {
        let file = self.settle(self.claim(system.pid(), name)?, true)?;
        if system.create(name) { Some(file) } else { self.settle(file, false) }
    }

    /// Creates as it should but for the fence: its look at `ending` may be older than its claim, and the handler's look
    /// at the slot older than the claim as well. Each misses the other.
    pub fn create_unfenced(&self, system: &impl System, name: Name) -> Option<Registered> {
        self.create_behind(system, name, || ())
    }

    /// Removes, then unregisters: the handler removes the name again, which another may have got since.
    pub fn remove_then_unregister(&self, system: &impl System, file: Registered) {
        system.remove(file.name);
        self.settle(file, false);
    }

    /// Unregisters, then removes: a signal in between leaves the file behind.
    pub fn unregister_then_remove(&self, system: &impl System, file: Registered) {
        self.settle(file, false);
        system.remove(file.name);
    }

    /// A destructor that a child runs as well, on its copy of what the parent has registered.
    pub fn remove_whosever(&self, system: &impl System, file: Registered) {
        self.slots[file.slot].take(file.pid, system);
    }

    /// A handler that a child inherits, and that removes what the parent has registered.
    pub fn end_whosever(&self, system: &impl System) {
        let filled = self.slots.iter().filter(|slot| slot.state.swap(FREE, Acquire) != FREE);
        filled.for_each(|slot| system.remove(slot.name.load(Relaxed)));
    }
}
