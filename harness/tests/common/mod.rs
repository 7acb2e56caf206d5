//! What the tests of programs share.

use linkbait::{Error, ErrorKind};

/// What judging `what` came to, or `None` where this machine cannot do that, which is said.
pub(crate) fn unless_unsupported<T>(what: &str, judged: Result<T, Error>) -> Option<T> {
    match judged {
        Ok(done) => Some(done),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
            println!("not checked: {what}: {error}");
            None
        }
        Err(error) => panic!("{what}: {error}"),
    }
}
