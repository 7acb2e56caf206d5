//! `doctor`: what this machine and user allow, and what follows from it.

use crate::Exit;
use linkbait::Host;
use std::io::Write;

pub(crate) fn doctor() -> anyhow::Result<Exit> {
    let host = Host::detect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "kernel        {}", host.kernel())?;
    writeln!(out, "cores         {}", host.cores())?;
    writeln!(out, "arena         {} ({})", host.place().display(), host.file_system())?;
    if host.file_system() != "tmpfs" {
        writeln!(out, "              no tmpfs at hand: trials are several times slower")?;
    }
    let attacker = if host.is_root() {
        "another uid; the kernel decides what it may do"
    } else {
        "our own uid; the same rules are applied by us"
    };
    writeln!(out, "attacker      {attacker} (uid {})", host.uid())?;
    for (name, value) in host.protected() {
        let value = value.map_or("unknown".to_owned(), |v| v.to_string());
        writeln!(out, "{name:22} {value}")?;
    }
    let probe = linkbait::victim("probe", |dir| {
        std::fs::File::create_new(dir.join("probe")).and_then(|_| std::fs::remove_file(dir.join("probe")))
    });
    let report = probe.judge()?;
    writeln!(out, "notification  works: {} trials of a probe, {}", report.trials, report.verdict)?;
    Ok(Exit::Clean)
}
