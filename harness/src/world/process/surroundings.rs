//! Where a contained program finds its places: the paths at which it sees the arena, and the variables that lead there.

use crate::arena::disk;
use crate::host;
use crate::victim::Program;
use std::collections::BTreeMap;
use std::path::Path;

/// Where a program sees the whole arena.
pub(super) const ARENA: &str = disk::MOUNT_POINT;

/// Where it sees `shared/`, the first one being the directory it is told.
pub(super) const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Variables that lead to temporary files, and those that lead to personal ones.
const TO_TEMPORARY: [&str; 4] = ["TMPDIR", "TMP", "TEMP", "TEMPDIR"];
const TO_PERSONAL: [&str; 6] =
    ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"];

impl Program {
    /// A text of the program with `{shared}`, `{private}` and `{outside}` replaced by where it sees these directories.
    #[must_use]
    pub fn filled(&self, text: &str) -> String {
        text.replace("{shared}", TEMPORARY[0])
            .replace("{private}", &format!("{ARENA}/private"))
            .replace("{outside}", &format!("{ARENA}/outside"))
    }

    /// The variables that lead it to temporary and personal files, and those of its own, which come last and count more.
    #[must_use]
    pub fn surroundings(&self) -> Vec<(String, String)> {
        let temporary = TO_TEMPORARY.map(|key| (key.to_owned(), TEMPORARY[0].to_owned()));
        let personal = TO_PERSONAL.map(|key| (key.to_owned(), format!("{ARENA}/private")));
        let own = self.env.iter().map(|(key, value)| (key.clone(), self.filled(value)));
        temporary.into_iter().chain(personal).chain(own).collect()
    }
}

/// Our own environment, with every variable that leads to temporary or personal files leading into the arena.
pub(super) fn environment(program: &Program) -> BTreeMap<String, String> {
    let mut all = host::environment();
    // Shells look there first for where they are.
    all.retain(|key, dir| !["PWD", "OLDPWD"].contains(&key.as_str()) || !is_covered(dir));
    all.extend(program.surroundings());
    all
}

/// True for a directory of this machine that the arena lies over.
fn is_covered(dir: &str) -> bool {
    TEMPORARY.iter().any(|top| Path::new(dir).starts_with(top))
}
