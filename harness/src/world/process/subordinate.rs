//! A second uid for an ordinary user: one of those that `/etc/subuid` and `/etc/subgid` lend to it becomes the
//! attacker's, so that the kernel decides what the attacker may do.
//!
//! The maps of a new user namespace are written by newuidmap(1) and newgidmap(1), which must run outside of it. So a
//! helper is started before, waits for the word, and tells by its exit status whether both maps stand.

use crate::host::{self, ATTACKER_UID};
use std::io::Write;
use std::process::{Child, Command, Stdio};

const LINE: &str = "read word && newuidmap $1 $2 $2 1 $6 $3 1 && newgidmap $1 $4 $4 1 $6 $5 1";

/// Waits outside of the namespace to come.
pub(super) struct Helper(Child);

impl Helper {
    /// Starts it; `None` where nothing is lent to this user, or nobody is there to write the maps.
    pub(super) fn start(user: u32, group: u32) -> Option<Helper> {
        if [user, group].contains(&ATTACKER_UID) {
            return None;
        }
        let (lent_user, lent_group) = (lent("/etc/subuid", user)?, lent("/etc/subgid", user)?);
        host::find_program("newuidmap")?;
        host::find_program("newgidmap")?;
        let numbers = [std::process::id(), user, lent_user, group, lent_group, ATTACKER_UID];
        let mut command = Command::new("sh");
        command.args(["-c", LINE, "sh"]).args(numbers.map(|number| number.to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok().map(Helper)
    }

    /// To be called inside the namespace: true when its maps have been written.
    pub(super) fn write_maps(mut self) -> bool {
        let told = self.0.stdin.take().is_some_and(|mut word| word.write_all(b"go\n").is_ok());
        // Without the word it sees the end of its input and ends too.
        let ended = self.0.wait();
        told && ended.is_ok_and(|status| status.success())
    }
}

/// The first id that a file lends to a user, who is named in it by number or by name (subuid(5)).
fn lent(file: &str, user: u32) -> Option<u32> {
    let (lent, users) =
        (std::fs::read_to_string(file).ok()?, std::fs::read_to_string("/etc/passwd").unwrap_or_default());
    first_of(&lent, &users, user)
}

fn first_of(lent: &str, users: &str, user: u32) -> Option<u32> {
    let number = user.to_string();
    let is_user = |name: &str| {
        let fields =
            |line: &str| line.split(':').nth(2) == Some(&number) && line.split(':').next() == Some(name);
        name == number || users.lines().any(fields)
    };
    lent.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, first, count) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
        (is_user(name) && count.trim().parse::<u32>().ok()? > 0).then_some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lent_by_number_or_by_name_and_a_damaged_line_lends_none() {
        let users = "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n";
        assert_eq!(first_of("bob:1:1\nalice:100000:65536\n", users, 1000), Some(100_000));
        assert_eq!(first_of("1000:7:1\n", users, 1000), Some(7));
        for nothing in ["", "alice", "alice:x:1", "alice:5:0", "alicia:5:9", "0:5:9"] {
            assert_eq!(first_of(nothing, users, 1000), None, "{nothing}");
        }
    }
}
