//! Protocols between the threads, signal handlers and forks of one process that keep its temporary files in order, each
//! beside twins with the classic mistakes. They use atomics and ask the system for little ([`System`]), so that loom can
//! run them in every interleaving (`tests/loom`).
//!
//! Does not own what other processes do to the files by name: that is what victims are for.
//!
//! # How signals and forks are modelled
//! A *signal* is a thread that runs the handler at any moment. With several threads that is what a signal to the process
//! is, since the kernel picks any thread that does not mask it. A handler that interrupts the very thread at work is a
//! special case for code without locks: the same steps, one thread's at a stretch. So more is tried than can happen, and
//! what is clean here is clean there. It does not cover a handler that waits for the thread it has interrupted; for that
//! [`process::Interrupted`] runs the handler on the thread itself, after any call to the system.
//!
//! A *fork* reads the state word by word, each as old as a relaxed load may find it, while other threads go on, as they do
//! while the kernel copies pages. Only the copying thread goes on in the child. Pids are taken for unique: that a late
//! grandchild gets the pid of a process that registered files, and takes them for its own, is not tried.

pub mod counter;
pub mod locked;
pub mod process;
pub mod registry;
pub mod reseed;

/// A file's name, by number, in the place of a path of fixed size.
pub type Name = u32;

/// What a protocol asks of the system.
pub trait System {
    /// getpid(2), asked each time: a number that was kept is the parent's after a fork.
    fn pid(&self) -> u32;

    /// open(2) with O_CREAT|O_EXCL; false when the name is taken.
    fn create(&self, name: Name) -> bool;

    /// unlink(2).
    fn remove(&self, name: Name);

    /// Does work with all signals masked on this thread, by pthread_sigmask(3).
    fn masked<T>(&self, work: impl FnOnce() -> T) -> T;
}
