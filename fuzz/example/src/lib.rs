//! An example: a library that keeps settings in a file. Its fuzz target is in `fuzz`.

use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Saves settings: whoever reads the file meanwhile gets the old ones or the new ones.
///
/// # Errors
/// When the file cannot be written; it is as it was then.
pub fn save(file: &Path, settings: &str) -> io::Result<()> {
    let beside = file.parent().unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(beside)?;
    new.write_all(settings.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
