//! Where in a victim's source a finding comes from: the frames of the stack that was taken at its call, with files and
//! lines. What cannot be known is said, and never guessed.

mod modules;
mod unwind;

use linkbait::{CallSite, Finding, Victim};
use modules::{Files, Module};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;

/// The line that a finding comes from, or why it is not known.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Source {
    /// Number of the call's step in the timeline.
    pub(crate) step: Option<usize>,
    /// The innermost frame in the victim's own source.
    pub(crate) at: Option<Frame>,
    /// Why there is none.
    pub(crate) unknown: Option<String>,
    /// All frames, the innermost first; those of inlined functions too.
    pub(crate) frames: Vec<Frame>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Frame {
    pub(crate) function: Option<String>,
    /// As the debug information has it, but relative for a file below the victim's directory.
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file.as_deref().unwrap_or("?"))?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.function.as_ref().map_or(Ok(()), |function| write!(f, " in {function}"))
    }
}

/// Reads debug information, each file once.
#[derive(Default)]
pub(crate) struct Reader(Files);

impl Reader {
    /// Finds the source of each finding of a program, and drops the stacks, which nobody needs any more.
    pub(crate) fn find(&mut self, victim: &Victim, findings: &mut [Finding]) -> Vec<Source> {
        let Some(program) = victim.command() else { return Vec::new() };
        let here = program.cwd.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let own = Own { root: program.cwd.as_deref(), here: &here };
        let site = |finding: &mut Finding| {
            std::mem::replace(&mut finding.site, CallSite::unknown("it was looked at"))
        };
        findings.iter_mut().map(|finding| self.source(&site(finding), &own)).collect()
    }

    fn source(&mut self, site: &CallSite, own: &Own<'_>) -> Source {
        let step = site.step;
        let stack = match &site.stack {
            Ok(stack) => stack,
            Err(why) => return Source { step, unknown: Some((*why).to_owned()), ..Source::default() },
        };
        let modules = self.0.mapped(&stack.maps);
        let mut frames = Vec::new();
        for address in unwind::addresses(stack, &modules) {
            if let Some(module) = modules.iter().find(|module| module.range.contains(&address)) {
                own.frames_at(module, address, &mut frames);
            }
        }
        let at = frames.iter().find(|(_, own)| *own).map(|(frame, _)| frame.clone());
        let any_line = frames.iter().any(|(frame, _)| frame.line.is_some());
        let why = match (&at, any_line) {
            (Some(_), _) => None,
            (None, true) => Some("no frame on the stack is in its own source"),
            (None, false) => Some("there is no debug information; build it with some (debug = 1)"),
        };
        let frames = frames.into_iter().map(|(frame, _)| frame).collect();
        Source { step, at, unknown: why.map(str::to_owned), frames }
    }
}

/// What source is a victim's own.
struct Own<'a> {
    /// The directory below which it is, if that is known.
    root: Option<&'a Path>,
    /// What paths are shown relative to.
    here: &'a Path,
}

impl Own<'_> {
    /// Adds the frames of one address, inlined ones first; true for those in the victim's own source.
    fn frames_at(&self, module: &Module, address: u64, into: &mut Vec<(Frame, bool)>) {
        let Some(loader) = &module.file.loader else { return };
        let probe = address.wrapping_sub(module.bias);
        let before = into.len();
        if let Ok(mut frames) = loader.find_frames(probe) {
            while let Ok(Some(found)) = frames.next() {
                let function = found.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
                let place = found.location.as_ref();
                let file = place.and_then(|place| place.file).map(Path::new);
                let own = file.is_some_and(|file| self.has(file));
                let shown = |file: &Path| file.strip_prefix(self.here).unwrap_or(file).display().to_string();
                let line = place.and_then(|place| place.line);
                into.push((Frame { function, file: file.map(shown), line }, own));
            }
        }
        if into.len() == before {
            let function = loader.find_symbol(probe).map(|name| addr2line::demangle_auto(name.into(), None));
            let file = Some(module.path.display().to_string());
            into.push((Frame { function: function.map(Into::into), file, line: None }, false));
        }
    }

    /// Where the victim's directory is not known, its source is what is there to be read and neither a toolchain's nor a
    /// registry's.
    fn has(&self, file: &Path) -> bool {
        let foreign = ["rustlib", "registry", "rustc"];
        let is_foreign = |part: &OsStr| foreign.iter().any(|known| part == *known);
        match self.root {
            Some(root) => file.starts_with(root),
            None => file.is_file() && !file.iter().any(is_foreign),
        }
    }
}
