//! Victims whose body is in a shared library, built apart from linkbait: code with dependencies and a compiler of its own.

use super::{Body, Victim, Work};
use crate::arena::Dirs;
use crate::ending::Ending;
use crate::error::Error;
use crate::sys::library::{ENTRY, Library, Returned};
use std::path::Path;
use std::sync::Arc;

/// The root module of such a library, a cdylib. Its other module, `victim`, has
/// `pub fn body(shared: &Path, outside: &Path, private: &Path) -> Result<(), impl Debug>`.
pub const LIBRARY_ENTRY: &str = ENTRY;

impl Victim {
    /// The same victim, its body taken from a library that was made with [`LIBRARY_ENTRY`], and that stays in this process.
    /// One that ends the process, such as by abort(3), ends us: a process of its own is the place to judge it.
    ///
    /// # Errors
    /// Of kind victim when it cannot be opened.
    pub fn in_library(self, library: &Path) -> Result<Victim, Error> {
        let context = || format!("dlopen({library:?})");
        let entry = Library::open(library).map_err(|what| Error::victim(&context(), what))?;
        let body: Arc<Body> =
            Arc::new(move |dirs: &Dirs| ending(entry.run(&dirs.shared, &dirs.outside, &dirs.private)));
        Ok(Victim { work: Work::Body(body), ..self })
    }
}

fn ending(returned: Returned) -> Ending {
    match returned {
        Returned::Success => Ending::Success,
        Returned::Error(error) => Ending::Error(error),
        Returned::Panic { message, in_drop } => Ending::Panic { message, in_drop },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn what_is_no_victim_is_refused() {
        for library in ["/nowhere/at/all.so", "libc.so.6"] {
            let victim = Victim::new("any", |_: &Dirs| ()).in_library(Path::new(library));
            assert!(victim.is_err_and(|error| matches!(error.kind(), ErrorKind::Victim(_))), "{library}");
        }
    }
}
