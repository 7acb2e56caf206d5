//! Writes the seeds of a target into its directory of the corpus, over those that are there.

use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, target] = &arguments[..] else {
        return Err("name the corpus and a target: corpus attack".into());
    };
    let dir = Path::new(corpus).join(target);
    fs::create_dir_all(&dir)?;
    for (name, input) in linkbait_fuzz::seeds(target)? {
        fs::write(dir.join(name), input)?;
    }
    Ok(())
}
