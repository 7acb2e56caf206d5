//! A file is replaced, under kills, faults and moves at every call: old or new content, nothing between, nothing left.
//!
//! The bytes in front choose a way of replacing, the sizes, and who is about; each five that follow plan an act.

use crate::ready::{Ready, clean, expect, split};
use linkbait::libc_temp::link_unnamed;
use linkbait::{Class, Dirs, Victim};
use std::cell::RefCell;
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes before the plans.
pub const REPLACE_FILE_HEAD: usize = 6;

/// Most victims that are kept ready at once.
const MOST_READY: usize = 32;

/// What can be wrong with the ways of replacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceFault {
    /// All is right.
    None,
    /// The content is written to the file itself.
    WritesInPlace,
    /// The temporary file is not removed after an error.
    LeavesTemporary,
}

/// What is there to choose from.
const SIZES: [usize; 8] = [3, 0, 1, 100, 4096, 4097, 65_536, 100 * 1024];
const UMASKS: [u32; 3] = [0o022, 0o000, 0o077];
const CLASSES: [Class; 2] = [Class::None, Class::OtherUser];
const WAYS: [Way; 5] = [Way::Named, Way::Unnamed, Way::Linked, Way::Persisted, Way::Copied];

/// A way of replacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// O_EXCL, write, rename.
    Named,
    /// O_TMPFILE, write, linkat to the name itself, where nothing stands.
    Unnamed,
    /// O_TMPFILE, write, linkat to a temporary name, rename.
    Linked,
    /// `NamedTempFile::persist`.
    Persisted,
    /// O_EXCL, `io::copy` from a file of its own, rename.
    Copied,
}

/// What the bytes in front come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    way: Way,
    old: usize,
    new: usize,
    /// Of the new content so much is written at once.
    piece: usize,
    syncs: bool,
    class: Class,
    umask: u32,
    fault: ReplaceFault,
}

/// Replaces a file.
///
/// # Panics
/// When it breaks a rule, or when more stays than may.
pub fn replace_file(bytes: &[u8]) {
    let fault = match () {
        () if cfg!(feature = "fault-writes-in-place") => ReplaceFault::WritesInPlace,
        () if cfg!(feature = "fault-leaves-temporary") => ReplaceFault::LeavesTemporary,
        () => ReplaceFault::None,
    };
    expect(replace_file_with(bytes, fault));
}

/// The same, by ways of replacing that have this fault.
///
/// # Errors
/// What [`replace_file`] panics with.
pub fn replace_file_with(bytes: &[u8], fault: ReplaceFault) -> Result<(), String> {
    thread_local! {
        static READY: RefCell<Ready<Choice>> = RefCell::new(Ready::with_room(MOST_READY));
    }
    let (head, plans) = split(bytes);
    let choice = Choice::of(head, fault);
    let tried = READY.with_borrow_mut(|ready| {
        ready.try_plans(choice, &plans, |judge, choice| (judge, choice.victim(), choice.class, choice.umask))
    });
    let Some(tried) = tried else { return Ok(()) };
    clean(&tried)?;
    // After errors the rule allows what could not be removed, after SIGKILL anything.
    let most = usize::from(choice.way != Way::Unnamed);
    let few = tried.stays.len() <= most;
    if few { Ok(()) } else { Err(format!("{choice:?} with {plans:?} leaves {:?}", tried.stays)) }
}

/// Inputs of no plans: each way, with its name.
pub(crate) fn ways() -> impl Iterator<Item = (String, [u8; REPLACE_FILE_HEAD])> {
    let name = |way: &Way| format!("{way:?}").to_lowercase();
    WAYS.iter().zip(0..).map(move |(way, number)| (name(way), [number, 0, 3, 1, 0, 1]))
}

/// The victim that these bytes choose, the attacker and the umask.
pub(crate) fn victim(head: [u8; REPLACE_FILE_HEAD]) -> (Victim, Class, u32) {
    let choice = Choice::of(head, ReplaceFault::None);
    (choice.victim(), choice.class, choice.umask)
}

impl Choice {
    fn of([way, old, new, piece, who, syncs]: [u8; REPLACE_FILE_HEAD], fault: ReplaceFault) -> Choice {
        let new = SIZES[usize::from(new) % SIZES.len()];
        Choice {
            way: WAYS[usize::from(way) % WAYS.len()],
            old: SIZES[usize::from(old) % SIZES.len()],
            new,
            piece: (new / (1 + usize::from(piece) % 8)).max(1),
            syncs: syncs % 2 == 1,
            class: CLASSES[usize::from(who) % CLASSES.len()],
            umask: UMASKS[usize::from(who) / CLASSES.len() % UMASKS.len()],
            fault,
        }
    }

    fn victim(&self) -> Victim {
        let choice = *self;
        let victim = Victim::new("replace-file", move |dirs| choice.replace(dirs));
        let victim = victim.faults(true).signals(true).keeps("target.conf");
        match self.way {
            Way::Unnamed => victim.noclobber("target.conf"),
            _ => victim.stage("target.conf", 0o600, &"o".repeat(self.old)).replaces("target.conf"),
        }
    }

    fn replace(&self, dirs: &Dirs) -> io::Result<()> {
        let target = dirs.shared.join("target.conf");
        match self.way {
            Way::Unnamed => link_unnamed(&self.unnamed(&dirs.shared)?, &target),
            _ if self.fault == ReplaceFault::WritesInPlace => self.write(&mut File::create(&target)?),
            Way::Named | Way::Copied => {
                let mut temp = Temporary::create(&dirs.shared, self.fault)?;
                if self.way == Way::Copied {
                    self.copy(&dirs.private, &mut temp.file)?;
                } else {
                    self.write(&mut temp.file)?;
                }
                temp.rename(&target)
            }
            Way::Linked => {
                let (file, path) = (self.unnamed(&dirs.shared)?, random_name(&dirs.shared));
                link_unnamed(&file, &path)?;
                Temporary { file, path: Some(path), fault: self.fault }.rename(&target)
            }
            Way::Persisted => {
                let mut temp = tempfile::NamedTempFile::new_in(&dirs.shared)?;
                self.write(temp.as_file_mut())?;
                temp.persist(&target)?;
                Ok(())
            }
        }
    }

    fn write(&self, file: &mut File) -> io::Result<()> {
        let content = vec![b'n'; self.new];
        content.chunks(self.piece).try_for_each(|piece| file.write_all(piece))?;
        if self.syncs { file.sync_all() } else { Ok(()) }
    }

    fn unnamed(&self, dir: &Path) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(dir)?;
        self.write(&mut file)?;
        Ok(file)
    }

    fn copy(&self, private: &Path, to: &mut File) -> io::Result<()> {
        let from = private.join("source");
        self.write(&mut File::create(&from)?)?;
        io::copy(&mut File::open(&from)?, to)?;
        if self.syncs { to.sync_all() } else { Ok(()) }
    }
}

/// A temporary file that is renamed or removed.
struct Temporary {
    file: File,
    path: Option<PathBuf>,
    fault: ReplaceFault,
}

impl Temporary {
    fn create(dir: &Path, fault: ReplaceFault) -> io::Result<Temporary> {
        let path = random_name(dir);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Temporary { file, path: Some(path), fault })
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        fs::rename(path, target)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.fault != ReplaceFault::LeavesTemporary {
            // A destructor has no one to tell.
            let _ = self.path.as_ref().map(fs::remove_file);
        }
    }
}

fn random_name(dir: &Path) -> PathBuf {
    dir.join(format!("target.conf.{:016x}", RandomState::new().hash_one(0_u8)))
}
