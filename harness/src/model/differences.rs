//! Where a file system does otherwise than the model, and why. A table, so that nothing is excused in passing.

#![cfg(test)]

use super::call::{Call, Reply};
use crate::file_system::FileSystem;
use rustix::io::{Errno, Result};

/// One call that came to something else.
#[derive(Debug)]
pub(super) struct Difference<'a> {
    pub(super) file_system: Option<FileSystem>,
    pub(super) call: &'a Call,
    pub(super) model: &'a Result<Reply>,
    pub(super) kernel: &'a Result<Reply>,
}

/// Where, what, and the reason.
type Row = (FileSystem, fn(&Difference<'_>) -> bool, &'static str);

const TABLE: [Row; 1] = [(
    FileSystem::Xfs,
    |told| {
        let over_full = told.model == &Err(Errno::NOTEMPTY) && told.kernel == &Err(Errno::EXIST);
        matches!(told.call, Call::Rename { .. }) && over_full
    },
    "rename(2) over a directory that is not empty may fail with either; XFS says EEXIST",
)];

/// The reason for a difference, if it is one that is known.
pub(super) fn known(told: &Difference<'_>) -> Option<&'static str> {
    let fits = |(file_system, fits, _): &&Row| told.file_system == Some(*file_system) && fits(told);
    TABLE.iter().find(fits).map(|(_, _, reason)| *reason)
}
