//! `cargo bench`: the command `bench` as it is, built for speed.

use std::ffi::OsString;

fn main() -> std::process::ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    // It is cargo that says so. The command also calls itself, without, to be counted or as a victim.
    let called_by_cargo = args.iter().any(|arg| arg == "--bench");
    if called_by_cargo {
        args.retain(|arg| arg != "--bench");
        args.insert(1, "bench".into());
    }
    linkbait_cli::main(args, "linkbait")
}
