//! Judged by linkbait: one test for each way in which this crate makes, replaces or removes temporary files.

use std::fs::{OpenOptions, remove_file};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// An example, which passes. Call your crate here; others can write to `dir`, as they can to `/tmp`.
#[test]
fn a_temporary_file_cannot_be_raced() {
    linkbait::victim("temporary file", |dir| {
        let path = dir.join("example.tmp");
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(b"secret")?;
        remove_file(path)
    })
    .check();
}
