//! A name without what differs from run to run: the same text in every report, and still to be recognised.

use super::{Piece, Scheme};

impl Scheme {
    /// The name with an `X` for each byte that is not in every run, as templates of mkstemp(3) have it; `None` when it is not of
    /// this scheme.
    pub(crate) fn masked(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut masked = Vec::with_capacity(name.len());
        let mut varies = false;
        for piece in &self.pieces {
            let Piece::Text(text) = piece else {
                varies = true;
                continue;
            };
            let rest = &name[masked.len()..];
            let at =
                rest.windows(text.len()).position(|part| part == text).filter(|at| varies || *at == 0)?;
            masked.resize(masked.len() + at, b'X');
            masked.extend_from_slice(text);
            varies = false;
        }
        let rest = name.len() - masked.len();
        masked.resize(name.len(), b'X');
        (varies || rest == 0).then_some(masked)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Clock, Facts, Run, learn};

    fn masked(names: [&str; 3], name: &str) -> Option<String> {
        let run = |(serial, name): (u64, &str)| {
            let now = Clock { wall: 1_700_000_000_000_000_000 + u128::from(serial), monotonic: 0 };
            let facts = Facts { before: now, after: now, pids: vec![], uid: 0, entries: 0, serial };
            Run { facts, names: vec![name.as_bytes().to_vec()] }
        };
        let runs: Vec<Run> = (0..).zip(names).map(run).collect();
        let masked = learn(&runs).first()?.masked(name.as_bytes())?;
        Some(String::from_utf8_lossy(&masked).into_owned())
    }

    #[test]
    fn what_every_run_has_stays_and_all_else_is_an_x() {
        let drawn = ["app-k3vq.lock", "app-p9xz.lock", "app-b7wn.lock"];
        assert_eq!(masked(drawn, "app-zzzz.lock").as_deref(), Some("app-XXXX.lock"));
        assert_eq!(masked(["same"; 3], "same").as_deref(), Some("same"));
        assert_eq!(masked(drawn, "other.txt"), None);
        assert_eq!(masked(drawn, "app-zzzz.lock.old").as_deref(), None);
    }
}
