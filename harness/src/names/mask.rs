//! A name without what differs from run to run: the same text in every report, and still to be recognised.

use super::{Piece, Scheme};

impl Scheme {
    /// The name with an `X` for each byte that is not in every run, as templates of mkstemp(3) have it; `None` when it is not of
    /// this scheme.
    pub(crate) fn masked(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut masked = Vec::with_capacity(name.len());
        let mut varies = false;
        let mut pieces = self.pieces.as_slice();
        while let Some((first, others)) = pieces.split_first() {
            let Piece::Text(_) = first else {
                (varies, pieces) = (true, others);
                continue;
            };
            // What stands between the columns of a name is in none of them, so all that is the same there is looked for as one.
            let texts = pieces
                .iter()
                .map_while(|piece| if let Piece::Text(text) = piece { Some(text) } else { None });
            pieces = &pieces[texts.clone().count()..];
            let text: Vec<u8> = texts.flatten().copied().collect();
            let rest = &name[masked.len()..];
            let at = match pieces {
                // What varies before the end may have the same in it.
                [] => rest.ends_with(&text).then(|| rest.len() - text.len()),
                _ => rest.windows(text.len().max(1)).position(|part| part == text),
            };
            let at = at.filter(|at| varies || *at == 0)?;
            masked.resize(masked.len() + at, b'X');
            masked.extend_from_slice(&text);
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

    #[test]
    fn what_varies_may_have_in_it_what_stands_after_it() {
        assert_eq!(masked(["fqk0", "fzw0", "fbn0"], "f000").as_deref(), Some("fXX0"));
        assert_eq!(masked(["fqk0-x", "fzw0-x", "fbn0-x"], "f000-x").as_deref(), Some("fXX0-x"));
    }
}
