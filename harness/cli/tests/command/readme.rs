//! The reference names exactly the commands, options and exit codes that exist, and samples are what the command prints.

use crate::desk::Desk;
use std::collections::BTreeSet;

const README: &str = include_str!("../../../../README.md");
const REFERENCE: &str = include_str!("../../README.md");

/// The first column of the table under this head, without its marks.
fn column(head: &str) -> BTreeSet<String> {
    let table = REFERENCE.lines().skip_while(|line| !line.starts_with(&format!("| {head} |"))).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split(" | ").next().unwrap_or_default().trim_start_matches("| ").replace('`', ""))
        .collect()
}

/// The block of a page that begins like this.
fn sample(page: &'static str, start: &str) -> &'static str {
    let below = page.split("```text\n").find(|block| block.starts_with(start)).expect("a sample");
    below.split("```").next().unwrap_or(below)
}

fn second_word(text: &str) -> String {
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_command_table_names_every_command_and_no_other() {
    let told: BTreeSet<_> = column("command").iter().map(|row| second_word(row)).collect();
    let command = linkbait_cli::command();
    // One that programs of ours call is no part of what users call.
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let real: BTreeSet<_> = shown.map(|sub| sub.get_name().to_owned()).collect();
    assert_eq!(told, real);
}

#[test]
fn the_option_table_names_every_option_and_no_other() {
    let told: BTreeSet<_> =
        column("option").iter().map(|row| row.split(' ').next().unwrap_or_default().to_owned()).collect();
    let mut command = linkbait_cli::command();
    command.build();
    let options = command.get_subcommands().chain([&command]).flat_map(clap::Command::get_arguments);
    let options = options.filter_map(|option| option.get_long());
    let real = options.filter(|name| !["help", "version"].contains(name)).map(|name| format!("--{name}"));
    assert_eq!(told, real.collect());
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_reference() {
    let help = linkbait_cli::command().render_long_help().to_string();
    let codes = help.split("Exit codes: ").nth(1).expect("exit codes").split(", ");
    let told: BTreeSet<_> =
        codes.map(|c| c.split(' ').next().unwrap_or_default().trim().to_owned()).collect();
    assert_eq!(told, column("exit code"));
}

#[test]
fn the_finding_in_the_readme_is_what_the_command_prints() {
    let ran = Desk::new().run(&["run", "check-then-create", "--rule", "follows-link"]);
    let sample = sample(README, "error[");
    // How many trials there are changes with every new move.
    let same = |line: &&str| !line.starts_with("note: found after");
    let printed = ran.out.lines().take_while(|line| !line.is_empty()).filter(same);
    assert_eq!(sample.trim().lines().filter(same).collect::<Vec<_>>(), printed.collect::<Vec<_>>());
}

#[test]
fn the_scorecard_in_the_reference_is_what_the_command_prints() {
    let ran = Desk::new().run(&["run", "create-new", "reopen-by-path"]);
    let sample = sample(REFERENCE, "  victim ");
    // How many trials there are changes with every new move.
    let words = |text: &str| {
        let words = text.split_whitespace().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let printed =
        ran.out.lines().skip_while(|line| !line.starts_with("  victim ")).take_while(|line| !line.is_empty());
    assert_eq!(words(sample), words(&printed.collect::<Vec<_>>().join("\n")));
}
