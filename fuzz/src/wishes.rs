//! What a campaign is asked for beside libFuzzer's own options, which it is told to leave alone:
//! `-ignore_remaining_args=1 --victim NAME --file-system NAME --by-code-alone --by-bytes-alone`.

use linkbait::FileSystem;
use linkbait::fuzz::guide_by_races;
use std::sync::LazyLock;

/// What libFuzzer reads nothing behind.
const BEGIN: &str = "-ignore_remaining_args=1";

/// What was asked for.
#[derive(Default)]
pub(crate) struct Wishes {
    /// The one victim to attack.
    pub(crate) victim: Option<String>,
    /// What arenas lie on, if not where they lie by default.
    pub(crate) file_system: Option<FileSystem>,
    /// Mutations by libFuzzer alone.
    pub(crate) by_bytes_alone: bool,
}

/// The wishes of this process. The first to ask has them come true.
///
/// # Panics
/// When one is not known or lacks its name.
pub(crate) fn wishes() -> &'static Wishes {
    static WISHES: LazyLock<Wishes> =
        LazyLock::new(|| read(std::env::args().skip_while(|arg| arg != BEGIN).skip(1)));
    &WISHES
}

fn read(mut arguments: impl Iterator<Item = String>) -> Wishes {
    let mut wishes = Wishes::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--victim" => wishes.victim = Some(arguments.next().expect("--victim takes the name of one")),
            "--file-system" => wishes.file_system = Some(file_system(arguments.next())),
            "--by-bytes-alone" => wishes.by_bytes_alone = true,
            "--by-code-alone" => guide_by_races(false),
            _ => panic!(
                "{argument}: known are --victim NAME, --file-system NAME, --by-code-alone and --by-bytes-alone"
            ),
        }
    }
    wishes
}

fn file_system(name: Option<String>) -> FileSystem {
    let known = FileSystem::ALL.map(FileSystem::name).join(", ");
    name.and_then(|name| FileSystem::named(&name))
        .unwrap_or_else(|| panic!("--file-system takes one of {known}"))
}
