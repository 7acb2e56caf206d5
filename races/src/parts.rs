//! What several victims share: the secret, exclusive creation, a removing guard, sets of expectations.
//!
//! Does not own a victim. Nothing here may make a bad idiom safer than the code it stands for.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use linkbait::{Class, Victim};

/// What every victim writes: content that no one else may read, so that modes matter.
pub(crate) const SECRET: &[u8] = b"secret";

/// All classes, for victims that claim to stand in a directory others may write to without a sticky bit.
pub(crate) const ALL: &[Class] = &[Class::None, Class::OtherUser, Class::DirWriter];

/// Creates a file that did not exist, readable by its owner only.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A name that cannot be guessed.
pub(crate) fn random_name(prefix: &str) -> String {
    // Keyed from getrandom; this package has no other source of randomness without `unsafe`.
    format!("{prefix}{:016x}", RandomState::new().hash_one(0_u8))
}

/// Removes a file when dropped, also on an early return and while unwinding.
pub(crate) struct RemoveOnDrop {
    path: Option<PathBuf>,
}

impl RemoveOnDrop {
    /// Call it only once the file is known to be ours: a refused creation leaves another's entry at that name.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: Some(path.to_owned()) }
    }

    /// The name is no longer ours to remove.
    pub(crate) fn disarm(mut self) {
        self.path = None;
    }
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A destructor has no one to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Expected of a non-exclusive creation, and removal, at a name where another user can plant.
pub(crate) fn takes_what_is_planted(victim: Victim) -> Victim {
    victim
        .expect("follows-link", Class::OtherUser)
        .expect("uses-foreign", Class::OtherUser)
        .expect("hangs", Class::OtherUser)
        .expect("deletes-foreign", Class::OtherUser)
}

/// Expected of a creation with the default mode: readable under umask 022, writable under 000.
pub(crate) fn trusts_the_umask(victim: Victim) -> Victim {
    victim.expect("world-readable", Class::None).expect("world-writable", Class::None)
}
