//! What each rule means at the end of a script's run, or while it goes on, as lines of shell.

use super::plan::{Meets, Plan};
use super::words::{Words, parts};
use linkbait::timeline::Timeline;
use linkbait::{Bait, Class, Move, Verb, Victim};

/// The findings that are looked for, and those that cannot be.
#[derive(Default)]
pub(super) struct Checks {
    /// Lines at the end.
    pub(super) after: String,
    /// Lines after each call, for what can be gone by the end.
    pub(super) meanwhile: String,
    pub(super) left_out: Vec<String>,
    /// How many are looked for.
    pub(super) count: usize,
}

pub(super) fn checks(victim: &Victim, timeline: &Timeline, plan: &Plan<'_>, words: &mut Words) -> Checks {
    let mut checks = Checks::default();
    for (rule, path) in &timeline.broken {
        let lines = match rule.as_str() {
            "world-readable" => readable(path, words),
            "world-writable" => writable(path, words),
            _ => at_the_end(rule, path, victim, timeline, plan, words),
        };
        let Some(lines) = lines else {
            checks.left_out.push(format!("{rule} {path}"));
            continue;
        };
        checks.count += 1;
        checks.after.push_str(&lines);
        if rule.starts_with("world-") && !stays(path, timeline) {
            checks.meanwhile.push_str(&lines);
        }
    }
    checks
}

/// True when nothing takes the entry or its mode away before the end.
fn stays(path: &str, timeline: &Timeline) -> bool {
    let takes = ["unlink", "rmdir", "rename", "chmod", "fchmod"];
    let on_the_way =
        |named: &str| path == named || path.strip_prefix(named).is_some_and(|rest| rest.starts_with('/'));
    !timeline
        .stops
        .iter()
        .any(|stop| takes.iter().any(|call| stop.call.starts_with(call)) && on_the_way(&stop.path))
}

/// Whoever has opened a file while others could reach and read it reads what is written afterwards.
fn readable(path: &str, words: &mut Words) -> Option<String> {
    let pattern = words.pattern(&parts(path)?);
    Some(format!(
        "{REACHABLE} \\( -path {pattern} -type f -perm -o=r -exec stat -c %i {{}} + \\) >>\"$work/readable\"\n\
         found=$(find /mnt/shared -path {pattern} -type f -size +0c -exec ls -ildq {{}} + |\n    \
         while read -r inode rest; do grep -qx \"$inode\" \"$work/readable\" && say \"$rest\"; done)\n\
         [ -z \"$found\" ] || shows \"others can read, or could when it was empty: $found\"\n"
    ))
}

fn writable(path: &str, words: &mut Words) -> Option<String> {
    let pattern = words.pattern(&parts(path)?);
    Some(format!(
        "found=$({REACHABLE} \\( -path {pattern} ! -type l -perm -o=w -exec ls -ldq {{}} + \\))\n\
         [ -z \"$found\" ] || shows \"others can write: $found\"\n"
    ))
}

/// What others can get to.
const REACHABLE: &str = "find /mnt/shared \\( -type d ! -perm -o=x -prune \\) -o";

fn at_the_end(
    rule: &str,
    path: &str,
    victim: &Victim,
    timeline: &Timeline,
    plan: &Plan<'_>,
    words: &mut Words,
) -> Option<String> {
    let planted = plan.before.iter().chain(&plan.then).find(|does| does.verb.needs_bait());
    let holds = planted.is_some_and(|does| can_be_held(does));
    Some(match rule {
        "follows-link" => FOLLOWS.to_owned(),
        "uses-foreign" if holds => USES.to_owned(),
        "predictable-name" if planted.is_some_and(|does| does.verb == Verb::PlantPredicted) => {
            if holds {
                USES.to_owned()
            } else {
                FOLLOWS.to_owned()
            }
        }
        "deletes-foreign" => {
            let own = planted.is_some() && timeline.head.class != Class::DirWriter;
            if own { format!("{DELETES}{GONE}") } else { DELETES.to_owned() }
        }
        "chmods-foreign" if planted.is_some() => format!("{CHMODS}{CHANGED}"),
        "chmods-foreign" => CHMODS.to_owned(),
        "leftover" => leftover(path, victim, words)?,
        "hangs" => {
            "[ ! -e \"$work/hung\" ] || shows \"the victim had not ended after $limit s\"\n".to_owned()
        }
        "crashes" => CRASHES.to_owned(),
        "lost-write" if matches!(plan.meets, Some(Meets::Fails(..))) => LOST.to_owned(),
        _ => return None,
    })
}

/// A link is no file that could be held, and holding a FIFO open would keep the victim from waiting.
fn can_be_held(does: &Move) -> bool {
    matches!(does.bait, Bait::OpenFile | Bait::PrivateFile | Bait::Dir | Bait::HostileDir)
}

fn leftover(path: &str, victim: &Victim, words: &mut Words) -> Option<String> {
    let pattern = words.pattern(&parts(path)?);
    let keeps = victim.keep_list().iter().map(|keep| format!(" ! -path {}", words.below_shared(keep)));
    let keeps: String = keeps.collect();
    Some(format!(
        "find /mnt/shared -mindepth 1 -path {pattern}{keeps} | grep -Fxv -f \"$work/before.shared\" >\"$work/left\"\n\
         [ ! -s \"$work/left\" ] || shows \"left behind: $(cat \"$work/left\")\"\n"
    ))
}

const FOLLOWS: &str = "\
differs content '>' && shows 'what stands outside was changed or made, through a link'
differs read '>' && shows 'what stands outside was read, through a link'
";

const USES: &str = "\
[ \"$(held_state)\" = \"$was\" ] || shows \"what the attacker made was used: size, access, change were $was, are $(held_state)\"
";

const DELETES: &str = "\
differs names '<' && shows 'what stands outside was removed'
";

const GONE: &str = "\
[ \"$(stat -c %i \"$planted\" 2>/dev/null)\" = \"$number\" ] || shows \"$planted, which the attacker made, was removed\"
";

const CHMODS: &str = "\
differs mode '>' && shows 'what stands outside got another mode or owner'
";

const CHANGED: &str = "\
[ \"$(stat -c '%a %u:%g' \"$planted\" 2>/dev/null || say \"$mode_was\")\" = \"$mode_was\" ] || [ \"$(stat -c %i \"$planted\")\" != \"$number\" ] ||
    shows \"$planted, which the attacker made, got another mode or owner\"
";

const CRASHES: &str = "\
case $status in 13[2-6] | 139) shows \"the victim died of signal $((status - 128))\" ;; esac
";

const LOST: &str = "\
[ $status != 0 ] || shows 'a call failed, and the victim reports success'
";
