//! What is judged: a closure with a name, its stage, and what it is meant to leave behind.

mod library;

pub use library::LIBRARY_ENTRY;

use crate::arena::{Dirs, Staged};
use crate::class::Class;
use crate::determinism::Level;
use crate::ending::Ending;
use crate::model::{Files, Kernel};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

/// The work of a victim, as a thread runs it.
pub(crate) type Body = dyn Fn(&Dirs) -> Ending + Send + Sync;

/// The work of a victim that makes its calls through [`Files`], so that it runs on the kernel and on the model.
pub(crate) type Protocol = dyn Fn(&dyn Files) -> Ending + Send + Sync;

/// What a victim does.
#[derive(Clone)]
pub(crate) enum Work {
    /// Runs on a thread of this process.
    Body(Arc<Body>),
    /// Runs on a thread of this process, on the kernel or on the model.
    Protocol(Arc<Protocol>),
    /// Runs as processes of its own.
    Program(Program),
}

impl Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Work::Body(_) => f.write_str("Body"),
            Work::Protocol(_) => f.write_str("Protocol"),
            Work::Program(program) => program.fmt(f),
        }
    }
}

/// A command line, and what it needs. In all texts `{shared}`, `{private}` and `{outside}` stand for the directories
/// of the arena as the program sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The command and its arguments; the command is looked for in `PATH`.
    pub argv: Vec<String>,
    /// Variables set beside those of linkbait's own environment.
    pub env: Vec<(String, String)>,
    /// Shell text that runs as the victim before the attacker may act.
    pub setup: Option<String>,
    /// What it reads from its standard input, from the start in every trial; nothing without.
    pub stdin: Option<Vec<u8>>,
    /// It gets a terminal of its own as standard input, output and error, on which nobody types. Not together with
    /// `stdin`.
    pub tty: bool,
    /// The directory that it starts in; without, linkbait's own.
    pub cwd: Option<PathBuf>,
    /// Directories that it may write, of which each trial has a copy of its own: see [`crate::check_writable`].
    pub writable: Vec<PathBuf>,
}

/// A finding that a roster expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    /// Rule id.
    pub rule: &'static str,
    /// The weakest class of attacker that shows it.
    pub class: Class,
}

/// What is judged. Made by [`Victim::new`] or [`crate::victim`].
#[derive(Clone, Debug)]
pub struct Victim {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) tags: Vec<String>,
    pub(crate) work: Work,
    pub(crate) stage: Vec<Staged>,
    pub(crate) faults: bool,
    pub(crate) signals: bool,
    pub(crate) depth: u32,
    pub(crate) instances: u8,
    pub(crate) determinism: Option<Level>,
    pub(crate) keeps: Vec<String>,
    pub(crate) public: Vec<String>,
    pub(crate) passes: Vec<String>,
    pub(crate) replaces: Vec<String>,
    pub(crate) noclobber: Vec<String>,
    pub(crate) attackers: Vec<Class>,
    pub(crate) expected: Vec<Expected>,
    pub(crate) needs: Vec<String>,
}

/// How the result of a body counts: `()` and `Ok` as success, `Err` as an error.
pub trait IntoEnding {
    /// Says how the body ended; drops what it returned.
    fn into_ending(self) -> Ending;
}

impl IntoEnding for () {
    fn into_ending(self) -> Ending {
        Ending::Success
    }
}

impl<T, E: Debug> IntoEnding for Result<T, E> {
    fn into_ending(self) -> Ending {
        match self {
            Ok(_) => Ending::Success,
            Err(e) => Ending::Error(format!("{e:?}")),
        }
    }
}

impl Victim {
    /// A victim named `name`. The body runs many times on a thread of its own, once for each trial; it must do the
    /// same each time and must not rely on what an earlier run left.
    pub fn new<R: IntoEnding>(name: &str, body: impl Fn(&Dirs) -> R + Send + Sync + 'static) -> Victim {
        Victim::doing(name, Work::Body(Arc::new(move |dirs| body(dirs).into_ending())))
    }

    /// A victim that makes all its calls through what it is given, which begins in the shared directory. It is judged on
    /// the kernel, as any other, or on the model: see [`crate::Judge::on_model`].
    pub fn protocol<R: IntoEnding>(
        name: &str,
        protocol: impl Fn(&dyn Files) -> R + Send + Sync + 'static,
    ) -> Victim {
        Victim::doing(name, Work::Protocol(Arc::new(move |files| protocol(files).into_ending())))
    }

    /// A program as the victim: it runs contained, in namespaces of its own, once for each trial.
    #[must_use]
    pub fn program(name: &str, program: Program) -> Victim {
        Victim::doing(name, Work::Program(program))
    }

    fn doing(name: &str, work: Work) -> Victim {
        Victim {
            name: name.to_owned(),
            summary: String::new(),
            tags: Vec::new(),
            work,
            stage: Vec::new(),
            faults: false,
            signals: false,
            depth: 1,
            instances: 1,
            determinism: None,
            keeps: Vec::new(),
            public: Vec::new(),
            passes: Vec::new(),
            replaces: Vec::new(),
            noclobber: Vec::new(),
            attackers: vec![Class::None, Class::OtherUser],
            expected: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// The same victim, but run by a program: only those can be sent other signals than SIGKILL.
    #[must_use]
    pub fn as_program(self, name: &str, program: Program) -> Victim {
        Victim { name: name.to_owned(), work: Work::Program(program), ..self }
    }

    /// Runs its body once, in this process, with nobody in control of it; `None` for a program.
    #[must_use]
    pub fn run(&self, dirs: &Dirs) -> Option<Ending> {
        match &self.work {
            Work::Program(_) => None,
            Work::Body(_) | Work::Protocol(_) => self.body().map(|body| body(dirs)),
        }
    }

    /// What a thread of this process runs, on the kernel; `None` for a program.
    pub(crate) fn body(&self) -> Option<Arc<Body>> {
        match &self.work {
            Work::Body(body) => Some(Arc::clone(body)),
            Work::Protocol(protocol) => Some(on_kernel(protocol)),
            Work::Program(_) => None,
        }
    }

    /// One line that says what it stands for.
    #[must_use]
    pub fn summary(mut self, summary: &str) -> Victim {
        summary.clone_into(&mut self.summary);
        self
    }

    /// Words to select it by.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Victim {
        self.tags = tags.iter().map(ToString::to_string).collect();
        self
    }

    /// A file of the victim's that stands in `shared/` before it starts.
    #[must_use]
    pub fn stage(self, path: &str, mode: u32, content: &str) -> Victim {
        self.staged(path, mode, content, false)
    }

    /// A file of the attacker's that stands in `shared/` before the victim starts.
    #[must_use]
    pub fn stage_foreign(self, path: &str, mode: u32, content: &str) -> Victim {
        self.staged(path, mode, content, true)
    }

    fn staged(mut self, path: &str, mode: u32, content: &str, foreign: bool) -> Victim {
        self.stage.push(Staged { path: path.to_owned(), mode, content: content.to_owned(), foreign });
        self
    }

    /// Tries faults on it, as [`crate::Judge::faults`] does on all.
    #[must_use]
    pub fn faults(mut self, wanted: bool) -> Victim {
        self.faults = wanted;
        self
    }

    /// Tries signals on it, as [`crate::Judge::signals`] does on all.
    #[must_use]
    pub fn signals(mut self, wanted: bool) -> Victim {
        self.signals = wanted;
        self
    }

    /// Tries all schedules of up to this many acts on it, as [`crate::Judge::depth`] does on all.
    #[must_use]
    pub fn depth(mut self, acts: u32) -> Victim {
        self.depth = acts.clamp(1, 3);
        self
    }

    /// Runs so many copies of it at once, as [`crate::Judge::instances`] does of all.
    #[must_use]
    pub fn instances(mut self, count: u8) -> Victim {
        self.instances = count;
        self
    }

    /// Fixes this much of its chance, or as much as can be on this architecture, where [`crate::Judge::determinism`] says nothing
    /// else: so that a program which makes names of the time makes the same in every trial.
    #[must_use]
    pub fn determinism(mut self, level: Level) -> Victim {
        self.determinism = Some(level);
        self
    }

    /// An entry, as a pattern with `*` and `?` below `shared/`, that it is meant to leave. May be repeated.
    #[must_use]
    pub fn keeps(mut self, pattern: &str) -> Victim {
        self.keeps.push(pattern.to_owned());
        self
    }

    /// An entry, as a pattern, that others may read by intent. May be repeated.
    #[must_use]
    pub fn public(mut self, pattern: &str) -> Victim {
        self.public.push(pattern.to_owned());
        self
    }

    /// An entry, as a pattern, whose open descriptor the programs that it starts are meant to get; `(unnamed)` for a file
    /// without a name. May be repeated.
    #[must_use]
    pub fn passes(mut self, pattern: &str) -> Victim {
        self.passes.push(pattern.to_owned());
        self
    }

    /// A file, as a pattern, that stands in `shared/` at the start and whose content it replaces once, as a whole: others
    /// who read it at any step must see the old content or the new. May be repeated.
    #[must_use]
    pub fn replaces(mut self, pattern: &str) -> Victim {
        self.replaces.push(pattern.to_owned());
        self
    }

    /// An entry, as a pattern, that it promises not to make where another has made one before. May be repeated.
    #[must_use]
    pub fn noclobber(mut self, pattern: &str) -> Victim {
        self.noclobber.push(pattern.to_owned());
        self
    }

    /// The classes of attacker to try; by default none and other-user.
    #[must_use]
    pub fn attackers(mut self, classes: &[Class]) -> Victim {
        self.attackers = classes.to_vec();
        self
    }

    /// A program, looked for in `PATH`, without which this machine cannot judge it: the verdict then is unsupported.
    /// May be repeated.
    #[must_use]
    pub fn needs(mut self, program: &str) -> Victim {
        self.needs.push(program.to_owned());
        self
    }

    /// A directory that it may write if it is a program. What it writes there is thrown away after each trial.
    #[must_use]
    pub fn writable(mut self, dir: PathBuf) -> Victim {
        if let Work::Program(program) = &mut self.work {
            program.writable.push(dir);
        }
        self
    }

    /// A variable that is set for it if it is a program.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Victim {
        if let Work::Program(program) = &mut self.work {
            program.env.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// A finding that a roster expects.
    #[must_use]
    pub fn expect(mut self, rule: &'static str, class: Class) -> Victim {
        self.expected.push(Expected { rule, class });
        self
    }

    /// True when it runs as processes of its own.
    #[must_use]
    pub fn is_program(&self) -> bool {
        matches!(self.work, Work::Program(_))
    }

    /// What it runs, if it is a program.
    #[must_use]
    pub fn command(&self) -> Option<&Program> {
        if let Work::Program(program) = &self.work { Some(program) } else { None }
    }

    /// What stands in `shared/` before it starts.
    #[must_use]
    pub fn stage_list(&self) -> &[Staged] {
        &self.stage
    }

    /// The patterns of entries that it is meant to leave.
    #[must_use]
    pub fn keep_list(&self) -> &[String] {
        &self.keeps
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it stands for.
    #[must_use]
    pub fn summary_text(&self) -> &str {
        &self.summary
    }

    /// Its tags.
    #[must_use]
    pub fn tag_list(&self) -> &[String] {
        &self.tags
    }

    /// The classes of attacker it is judged against.
    #[must_use]
    pub fn attacker_list(&self) -> &[Class] {
        &self.attackers
    }

    /// What a roster expects of it.
    #[must_use]
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }
}

/// A protocol whose calls the kernel answers.
pub(crate) fn on_kernel(protocol: &Arc<Protocol>) -> Arc<Body> {
    let protocol = Arc::clone(protocol);
    Arc::new(move |dirs| {
        let files = Kernel::at(&dirs.shared);
        let ending = protocol(&files);
        files.leave_open();
        ending
    })
}

/// True when a name fits a pattern of those that victims state, such as [`Victim::keeps`]: `*` is any text, `?` any one byte.
#[must_use]
pub fn fits_pattern(pattern: &str, name: &str) -> bool {
    matches(pattern.as_bytes(), name.as_bytes())
}

/// Matches a path against a pattern with `*` (any text) and `?` (any one character).
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // The last star, and where its text ends so far. What an earlier one took can stay as it is.
    let mut star = None;
    while let Some(next) = path.get(seen) {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => (star, at) = (Some((at, seen)), at + 1),
            (Some(b), _) if *b == b'?' || b == next => (at, seen) = (at + 1, seen + 1),
            (_, Some((place, end))) => {
                (star, at, seen) = (Some((place, end + 1)), place + 1, end + 1);
            }
            _ => return false,
        }
    }
    pattern[at..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_one_byte() {
        for (pattern, name) in
            [("*", ""), ("a*", "a"), ("*.tmp", "x.tmp.tmp"), ("a?c*e", "abcdde"), ("**", "a/b")]
        {
            assert!(fits_pattern(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("?", ""), ("a*b", "abc"), ("*.tmp", "tmp"), ("a?c", "ac")] {
            assert!(!fits_pattern(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_soon_refused() {
        assert!(!fits_pattern(&("*a".repeat(30) + "b"), &"a".repeat(60)));
    }
}
