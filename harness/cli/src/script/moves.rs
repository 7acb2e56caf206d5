//! The attacker's moves as lines of shell.

use super::plan::{Refused, refuse};
use super::words::{Part, Words, parts};
use linkbait::timeline::Timeline;
use linkbait::{Bait, Move, Verb};

/// Where the attacker acts.
pub(super) fn target(does: &Move) -> Result<Vec<Part>, Refused> {
    let all = parts(&does.target).filter(|parts| parts.first() == Some(&Part::Known(b"shared".to_vec())));
    let plain = |part: &Part| !matches!(part, Part::Known(name) if matches!(&name[..], b"" | b"." | b".."));
    all.filter(|parts| parts.len() > 1 && parts.iter().all(plain))
        .ok_or_else(|| refuse(format!("{}: the attacker acts below shared/ only", does.target)))
}

/// The lines of a move; `hold` remembers what it put there.
pub(super) fn lines(does: &Move, timeline: &Timeline, words: &mut Words) -> Result<String, Refused> {
    let path = words.path(&target(does)?);
    let aside = |path: &str| {
        let (above, _) = path.rsplit_once('/').unwrap_or(("/mnt/shared", ""));
        format!("{above}/.bait")
    };
    let bait = |at: &str, words: &mut Words| make(does, at, timeline, words);
    let aside = aside(&path);
    let hold = format!("hold {path}\n");
    Ok(match does.verb {
        Verb::Plant | Verb::PlantPredicted => bait(&path, words)? + &hold,
        Verb::SwapOver => format!("{}attacker mv -fT {aside} {path}\n{hold}", bait(&aside, words)?),
        // Nobody can tell from one exchange while the victim is stopped.
        Verb::Exchange => format!(
            "{}attacker mv -T {path} {aside}-old\nattacker mv -T {aside} {path}\nattacker mv -T {aside}-old {aside}\n{hold}",
            bait(&aside, words)?
        ),
        Verb::Unlink => format!("attacker rm -f {path}\n"),
        Verb::Recreate => format!("attacker rm -f {path}\n{}{hold}", bait(&path, words)?),
        Verb::MoveAway => format!("attacker mv -nT {path} {aside}\n"),
        Verb::Chmod => format!("attacker chmod 777 {path}\n"),
        Verb::TakeNames => return Err(refuse("taking every further name needs a stop at each".to_owned())),
    })
}

fn make(does: &Move, at: &str, timeline: &Timeline, words: &mut Words) -> Result<String, Refused> {
    let link = |to: &str| format!("attacker ln -sT {to} {at}\n");
    Ok(match does.bait {
        Bait::Link => link("/mnt/outside/canary"),
        Bait::RelativeLink => link("../../../../../../../../mnt/outside/canary"),
        Bait::LinkMissing => link("/mnt/outside/missing"),
        Bait::LinkDir => link("/mnt/outside/dir"),
        Bait::LinkDecoy => link("/mnt/outside/decoy"),
        Bait::HardLink => format!("attacker ln -T /mnt/outside/canary {at}\n"),
        Bait::OpenFile => file("666", at),
        Bait::PrivateFile => file("600", at),
        Bait::Dir => format!("attacker mkdir -m 777 {at}\n"),
        Bait::HostileDir => {
            let names = below(&does.target, timeline);
            let links = names
                .iter()
                .map(|(name, _)| format!("attacker ln -sT /mnt/outside/canary {at}/{}\n", words.word(name)));
            format!("attacker mkdir -m 777 {at}\n") + &links.collect::<String>()
        }
        Bait::Fifo => format!("attacker mkfifo -m 666 {at}\n"),
        Bait::Socket => return Err(refuse("no usual tool makes a socket's name".to_owned())),
    })
}

fn file(mode: &str, at: &str) -> String {
    format!("attacker sh -c 'set -C; echo \"attacker'\\''s\" >\"$1\" && chmod {mode} \"$1\"' sh {at}\n")
}

/// The names right below a label that the victim uses, with true for directories.
pub(super) fn below(label: &str, timeline: &Timeline) -> Vec<(Vec<u8>, bool)> {
    let mut all: Vec<(Vec<u8>, bool)> = Vec::new();
    let labels = timeline.stops.iter().map(|stop| (stop.path.as_str(), stop.call.ends_with("rmdir")));
    for (path, is_dir) in labels {
        let Some(rest) = path.strip_prefix(label).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let Some(Part::Known(name)) = parts(rest).and_then(|parts| parts.into_iter().next()) else {
            continue;
        };
        let is_dir = is_dir || rest.contains('/');
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known |= is_dir,
            None => all.push((name, is_dir)),
        }
    }
    all
}
