//! What guides a campaign, compared: executions until it finds a fault that takes several acts.

use crate::campaign::{self, Came};
use crate::{Result, median};
use linkbait_fuzz::Arsenal;
use std::fmt::Write;
use std::path::PathBuf;

/// Victims that one act does not break.
const VICTIMS: [&str; 8] = [
    "second-name",
    "both-taken",
    "back-to-the-first",
    "looks-and-remembers",
    "carries-in",
    "log-after-error",
    "forgets-the-second",
    "checks-twice",
];

/// What guides, and the wishes that make it so. Nothing guides schedules by chance.
const GUIDES: [(&str, Option<&[&str]>); 5] = [
    ("chance", None),
    ("code", Some(&["--by-code-alone", "--by-bytes-alone"])),
    ("code, our mutations", Some(&["--by-code-alone"])),
    ("races", Some(&["--by-bytes-alone"])),
    ("races, our mutations", Some(&[])),
];

const SEEDS: u64 = 10;

/// Executions after which a campaign is given up; it then stands in the medians with this number.
const MOST: u64 = 20_000;

/// Most acts of a schedule, and the bytes of that.
const ACTS: usize = 8;
const BYTES: usize = 3 + 5 * ACTS;

/// The table.
pub(crate) fn measure() -> Result<String> {
    let program = campaign::build_with(campaign::BRANCHES, "attack", "")?;
    let mut table = String::from(HEAD);
    let names: Vec<&str> = GUIDES.iter().map(|(name, _)| *name).collect();
    writeln!(table, "\n| victim | {} |\n|---|{}", names.join(" | "), "---:|".repeat(GUIDES.len()))?;
    for victim in VICTIMS {
        let mut row = format!("| `{victim}`");
        for (_, wishes) in GUIDES {
            let tried: Vec<u64> =
                (1..=SEEDS).map(|seed| executions(&program, victim, wishes, seed)).collect::<Result<_>>()?;
            let found = tried.iter().filter(|tried| **tried < MOST).count();
            let all = median(tried).unwrap_or(MOST);
            let part = if found < SEEDS as usize { format!(" ({found} of {SEEDS})") } else { String::new() };
            write!(row, " | {all}{part}")?;
        }
        eprintln!("{row} |");
        writeln!(table, "{row} |")?;
    }
    Ok(table)
}

const HEAD: &str = "# What guides a campaign\n\nExecutions until a fault that takes two or three acts is found, the median of ten \
    seeds, from an empty corpus;\nin brackets how many of ten found it at all within 20,000. Schedules by chance have one to \
    eight acts of any bytes.\n*Code* is libFuzzer with the coverage of code alone, *races* adds what victim and attacker did to \
    each other;\n*our mutations* change plans as plans. Written by `cargo run --release -p linkbait-fuzz --no-default-features\n\
    --example measure -- guidance`.\n";

fn executions(program: &PathBuf, victim: &str, wishes: Option<&[&str]>, seed: u64) -> Result<u64> {
    let Some(wishes) = wishes else { return Ok(by_chance(victim, seed)) };
    let options = [
        format!("-seed={seed}"),
        format!("-runs={MOST}"),
        format!("-max_len={BYTES}"),
        "-len_control=0".into(),
    ];
    let came: Came = campaign::run(program, &options, &[&["--victim", victim], wishes].concat())?;
    Ok(if came.found { came.executions } else { MOST })
}

fn by_chance(victim: &str, seed: u64) -> u64 {
    let mut arsenal = Arsenal::new(|known| known.name() == victim);
    let mut luck = seed;
    let mut byte = || {
        // Constants of a generator of Knuth's; its upper bits are good enough here.
        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (luck >> 56) as u8
    };
    (1..MOST)
        .find(|_| {
            let acts = 1 + usize::from(byte()) % ACTS;
            let input: Vec<u8> = (0..3 + 5 * acts).map(|_| byte()).collect();
            arsenal.attack(&input).is_some_and(|tried| !tried.findings.is_empty())
        })
        .unwrap_or(MOST)
}
