//! A file system that does not know exclusive creation, as open(2) warns of for remote ones: a client that is asked for
//! O_CREAT|O_EXCL looks the name up, then creates it without O_EXCL. What stood there when the call arrived is told from
//! what came between the two.
//!
//! Making directories, links and names stays exclusive there, and so it does here.

use super::stop::Stop;
use crate::sys::perform::{RawCall, perform};

/// The emulation in one world.
#[derive(Debug)]
pub(super) struct NoExcl {
    on: bool,
    /// Calls that we could not make in the victim's place, so that they stayed exclusive.
    kept: u32,
}

impl NoExcl {
    pub(super) fn new(on: bool) -> NoExcl {
        NoExcl { on, kept: 0 }
    }

    /// True for a call whose name is to be looked up when it arrives.
    pub(super) fn concerns(&self, stop: &Stop) -> bool {
        self.on && stop.is_exclusive_create()
    }

    /// Takes the answer; there is none where we could not make the call.
    pub(super) fn arrive(&mut self, stop: &mut Stop, was_taken: Option<bool>) {
        stop.was_taken = was_taken;
        self.kept += u32::from(was_taken.is_none());
    }

    /// What of it could not be emulated.
    pub(super) fn not_examined(&self) -> Option<String> {
        let told = || {
            format!("{} exclusive creates that could not be made in its place stayed exclusive", self.kept)
        };
        (self.kept > 0).then(told)
    }
}

/// True when the name that an open is about to make is there, were it only as a link.
pub(super) fn is_taken(stop: &Stop, call: &RawCall) -> bool {
    let signature = stop.sys.signature.as_bytes();
    let dir = if signature.first() == Some(&b'd') { call.args[0] } else { libc::AT_FDCWD as u64 };
    let path = signature.iter().position(|&letter| letter == b'p').map_or(0, |at| call.args[at]);
    // `struct statx`, of which nothing is looked at.
    let mut found = [0u64; 32];
    let args = [dir, path, libc::AT_SYMLINK_NOFOLLOW as u64, 0, found.as_mut_ptr() as u64, 0];
    perform(&RawCall { nr: libc::SYS_statx as u32, args }) == 0
}
