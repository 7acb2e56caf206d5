//! `cargo linkbait`, which cargo starts as `cargo-linkbait linkbait …`.

fn main() -> std::process::ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|word| word == "linkbait") {
        args.remove(1);
    }
    linkbait_cli::main(args, "cargo linkbait")
}
