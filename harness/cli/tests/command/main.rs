//! The command as users and scripts meet it: the real binary, in a directory of its own.

mod advisories;
mod contained;
mod crates;
mod desk;
mod exits;
mod file_systems;
mod files;
mod html;
mod interrupts;
mod machines;
mod markdown;
mod names;
mod packages;
mod programs;
mod readme;
mod replays;
mod reports;
mod rosters;
mod scripts;
mod shards;
mod sources;
mod writable;
