//! `linkbait`.

fn main() -> std::process::ExitCode {
    linkbait_cli::main(std::env::args_os(), "linkbait")
}
