//! What can go wrong on our side. A fault of the victim is a finding, something this machine cannot do is
//! *unsupported*; neither is an [`Error`] of kind *ours*.

use rustix::io::Errno;
use std::fmt;

/// An error of the harness, or a refusal of this machine.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {kind}")]
pub struct Error {
    context: String,
    kind: ErrorKind,
}

/// Which kind of error it is; decides the exit code of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// This kernel, container or user cannot do it; the text says what to do.
    Unsupported(String),
    /// The user's input is wrong; the text says what would be right.
    Input(String),
    /// The victim cannot be started, so there is nothing to judge.
    Victim(String),
    /// A fault of ours, or of the machine while we worked.
    Ours(String),
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Unsupported(what) => write!(f, "unsupported here: {what}"),
            ErrorKind::Input(what) | ErrorKind::Victim(what) | ErrorKind::Ours(what) => f.write_str(what),
        }
    }
}

impl Error {
    /// Which kind of error it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    pub(crate) fn arena(call: String, cause: Errno) -> Error {
        let advice = match cause {
            Errno::MFILE | Errno::NFILE => "allow more open files (ulimit -n)",
            Errno::NOSPC | Errno::DQUOT => "make room there, or set XDG_RUNTIME_DIR to a tmpfs that has some",
            _ => "check that the directory is writable",
        };
        let cause = std::io::Error::from(cause);
        Error { context: call, kind: ErrorKind::Ours(format!("{cause}; {advice}")) }
    }

    pub(crate) fn unsupported(context: &str, what: impl fmt::Display) -> Error {
        Error { context: context.to_owned(), kind: ErrorKind::Unsupported(what.to_string()) }
    }

    pub(crate) fn ours(context: &str, cause: impl fmt::Display) -> Error {
        Error { context: context.to_owned(), kind: ErrorKind::Ours(cause.to_string()) }
    }

    pub(crate) fn victim(context: &str, what: impl Into<String>) -> Error {
        Error { context: context.to_owned(), kind: ErrorKind::Victim(what.into()) }
    }

    pub(crate) fn input(context: impl Into<String>, what: impl Into<String>) -> Error {
        Error { context: context.into(), kind: ErrorKind::Input(what.into()) }
    }

    pub(crate) fn limit(what: &str) -> Error {
        Error::ours(what, "a limit of ours was hit")
    }
}
