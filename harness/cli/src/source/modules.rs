//! The files of machine code that a process has mapped, and where. Each is read once.

use addr2line::Loader;
use object::{Object, ObjectSection, ObjectSegment};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// An executable or a library as it was mapped.
pub(super) struct Module {
    pub(super) path: PathBuf,
    /// All of its mappings.
    pub(super) range: Range<u64>,
    /// What to take from an address to get that of the file.
    pub(super) bias: u64,
    pub(super) file: Rc<File>,
}

/// What is in such a file.
pub(super) struct File {
    /// The page that it is loaded from, by its own addresses.
    first_page: u64,
    pub(super) text: Option<Section>,
    pub(super) eh_frame: Option<Section>,
    pub(super) eh_frame_hdr: Option<Section>,
    pub(super) got: Option<Section>,
    /// Its debug information and symbols.
    pub(super) loader: Option<Loader>,
}

/// A section's addresses in the file, and its bytes.
pub(super) type Section = (Range<u64>, Rc<[u8]>);

/// The files read so far; nothing for one that cannot be read or is no machine code.
#[derive(Default)]
pub(super) struct Files(HashMap<PathBuf, Option<Rc<File>>>);

impl Files {
    /// The modules in a text as proc_pid_maps(5) has it, but for those whose files cannot be read any more.
    pub(super) fn mapped(&mut self, maps: &str) -> Vec<Module> {
        let mut found: Vec<(PathBuf, Range<u64>, bool)> = Vec::new();
        for (range, runs, path) in maps.lines().filter_map(mapping) {
            match found.iter_mut().find(|(known, ..)| *known == path) {
                Some((_, whole, executable)) => {
                    *whole = whole.start.min(range.start)..whole.end.max(range.end);
                    *executable |= runs;
                }
                None => found.push((path, range, runs)),
            }
        }
        let executable = found.into_iter().filter(|(.., runs)| *runs);
        executable.filter_map(|(path, range, _)| self.module(path, range)).collect()
    }

    fn module(&mut self, path: PathBuf, range: Range<u64>) -> Option<Module> {
        let read = || read(&path).map(Rc::new);
        let file = self.0.entry(path.clone()).or_insert_with(read).clone()?;
        Some(Module { bias: range.start.wrapping_sub(file.first_page), path, range, file })
    }
}

/// Range, whether it can be executed, and file of a line.
fn mapping(line: &str) -> Option<(Range<u64>, bool, PathBuf)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let path = rest.find('/').map(|at| PathBuf::from(&rest[at..]))?;
    Some((number(start)?..number(end)?, rest.starts_with("r-x"), path))
}

fn read(path: &Path) -> Option<File> {
    const PAGE: u64 = 4096;
    let bytes = std::fs::read(path).ok()?;
    let file = object::File::parse(bytes.as_slice()).ok()?;
    let first = file.segments().map(|segment| segment.address()).min()?;
    let section = |name| {
        let section = file.section_by_name(name)?;
        let (start, size) = (section.address(), section.size());
        Some((start..start + size, section.data().ok()?.into()))
    };
    Some(File {
        first_page: first - first % PAGE,
        text: section(".text"),
        eh_frame: section(".eh_frame"),
        eh_frame_hdr: section(".eh_frame_hdr"),
        got: section(".got"),
        loader: Loader::new(path).ok(),
    })
}
