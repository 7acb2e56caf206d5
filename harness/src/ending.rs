//! How a trial ended, as plain data.

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Ending {
    /// The victim returned, or returned `Ok`.
    #[default]
    Success,
    /// The victim returned this error.
    Error(String),
    /// The victim panicked; `in_drop` when the panic came out of a destructor.
    Panic {
        /// The panic message.
        message: String,
        /// True when a destructor was running.
        in_drop: bool,
    },
    /// The program was killed by this signal.
    Signal(i32),
    /// The victim made no progress and was ended.
    Hung,
}

impl Ending {
    /// The phase that rules name: after what the victim was looked at.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self {
            Ending::Success => "success",
            Ending::Error(_) => "error",
            Ending::Panic { .. } => "panic",
            Ending::Signal(_) => "signal",
            Ending::Hung => "hang",
        }
    }
}
