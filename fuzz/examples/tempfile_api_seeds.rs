//! Writes the seeds of the target `tempfile_api` into a directory, over those that are there.

use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name a directory: corpus/tempfile_api")?;
    for (name, input) in linkbait_fuzz::tempfile_api_seeds() {
        fs::write(dir.join(name), input)?;
    }
    Ok(())
}
