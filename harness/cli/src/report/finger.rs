//! What makes two findings the same from one run to the next: victim, rule, attacker and path, and nothing that counts trials or
//! lines.

use linkbait::Finding;
use sha2::{Digest, Sha256};

pub(crate) fn print(victim: &str, finding: &Finding) -> String {
    of(victim, finding.rule, finding.attacker.name(), &finding.path)
}

/// The same from what a report says; `label` is the path with names that mean the same in every run.
pub(crate) fn of(victim: &str, rule: &str, attacker: &str, label: &str) -> String {
    let mut hash = Sha256::new();
    for part in [victim, rule, attacker, label] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
