//! What the fuzz target of `settings` calls, as a plain function: tests call it, too.

use linkbait::fuzz::Target;
use std::io;
use std::path::Path;

/// Saves settings under attack.
///
/// # Panics
/// When that breaks a rule, with the timeline.
pub fn save(bytes: &[u8]) {
    thread_local!(static SAVE: Target = attacked(settings::save));
    SAVE.with(|save| save.attack(bytes));
}

/// What is attacked, with what it promises: the file stays, and has the old content or the new.
#[must_use]
pub fn attacked(save: fn(&Path, &str) -> io::Result<()>) -> Target {
    let victim = linkbait::victim("save", move |dir| save(&dir.join("app.conf"), "colour = blue\n"));
    Target::new(victim.stage("app.conf", 0o600, "colour = red\n").keeps("app.conf").replaces("app.conf"))
}
