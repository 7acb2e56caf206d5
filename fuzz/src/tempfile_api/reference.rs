//! Programs carried out by what the tempfile crate promises, in calls of the model.
//!
//! A spooled file is an unnamed one from the beginning, as nobody can tell. Names have numbers in the place of what is drawn.

use super::op::{Does, Kind, Op};
use super::real::line;
use super::sequence::{Answer, Answered, Tempfile};
use linkbait::Class;
use linkbait::model::{
    Call, Errno, Fd, FileType, Files, Guards, Model, OFlags, Place, RenameFlags, Reply, Task,
};
use std::cell::RefCell;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The directory that programs work in.
const ROOT: &str = "shared";

const USER: u32 = 1000;

/// What tempfile() asks for.
const UNNAMED_MODE: u32 = 0o666;

type Result<T> = std::result::Result<T, Errno>;

/// What is removed in the end, if it is.
#[derive(Clone)]
pub(super) struct Temp {
    path: PathBuf,
    cleans: bool,
}

/// A file that begins in memory.
#[derive(Clone)]
pub(super) struct Spool {
    file: Fd,
    dir: PathBuf,
    most: u64,
    rolled: bool,
}

#[derive(Clone)]
pub(super) enum Handle {
    File(Fd),
    Named(Fd, Temp),
    Path(Temp),
    Dir(Temp),
    Spooled(Spool),
}

impl Handle {
    fn file(&self) -> Result<Fd> {
        match self {
            Handle::File(file) | Handle::Named(file, _) => Ok(*file),
            Handle::Spooled(spool) => Ok(spool.file),
            Handle::Path(_) | Handle::Dir(_) => Err(Errno::BADF),
        }
    }

    fn temp(&mut self) -> Option<&mut Temp> {
        match self {
            Handle::Named(_, temp) | Handle::Path(temp) | Handle::Dir(temp) => Some(temp),
            Handle::File(_) | Handle::Spooled(_) => None,
        }
    }

    /// What is left of it without the temporary name.
    fn rest(self) -> Vec<Handle> {
        if let Handle::Named(file, _) = self { vec![Handle::File(file)] } else { vec![] }
    }
}

/// The model as one user sees it.
#[derive(Clone)]
struct Disk {
    model: RefCell<Model>,
    task: Task,
}

impl Files for Disk {
    fn call(&self, call: Call) -> Result<Reply> {
        self.model.borrow_mut().perform(self.task, &call)
    }

    fn pid(&self) -> u32 {
        1
    }

    fn uid(&self) -> u32 {
        USER
    }
}

/// The promise at work.
pub(super) struct Reference {
    disk: Disk,
    /// What the crate answered under an attacker of this class, who may have hindered it.
    attacked: Option<(Class, Vec<Answer>)>,
}

impl Tempfile for Reference {
    type Handle = Handle;

    fn kind(handle: &Handle) -> Kind {
        match handle {
            Handle::File(_) => Kind::File,
            Handle::Named(..) => Kind::Named,
            Handle::Path(_) => Kind::Path,
            Handle::Dir(_) => Kind::Dir,
            Handle::Spooled(_) => Kind::Spooled,
        }
    }

    fn path(handle: &Handle) -> &Path {
        if let Handle::Dir(temp) = handle { &temp.path } else { Path::new("") }
    }

    /// Does as promised, unless the attacker may have kept the crate from it: then nothing happens here either.
    fn act(&mut self, number: usize, op: Op, dir: Option<&Path>, taken: Vec<Handle>) -> Answered<Handle> {
        let dir = dir.filter(|dir| *dir != "").unwrap_or(Path::new(ROOT));
        if let Some(hindered) = self.hindered(number, op, &taken) {
            let lost = matches!(op.does, Does::Close | Does::IntoFile);
            return (hindered, if lost { vec![] } else { taken });
        }
        let before = taken.clone();
        let done =
            if taken.is_empty() { self.make(number, op, dir) } else { self.use_up(number, op, dir, taken) };
        done.unwrap_or_else(|errno| {
            let lost = matches!(op.does, Does::Close | Does::IntoFile);
            (io::Error::from(errno).into(), if lost { vec![] } else { before })
        })
    }

    fn release(&mut self, handle: Handle, _: bool) {
        // Whether it worked nobody is told.
        let _ = match handle {
            Handle::Named(_, temp) | Handle::Path(temp) if temp.cleans => self.disk.unlink(at(&temp.path)),
            Handle::Dir(temp) if temp.cleans => self.remove_tree(&temp.path),
            _ => Ok(()),
        };
    }

    fn tree(&mut self) -> Vec<String> {
        let mut tree = Vec::new();
        self.list(Path::new(ROOT), &mut tree).unwrap_or_else(|errno| tree.push(errno.to_string()));
        tree.sort();
        tree
    }
}

impl Reference {
    /// Alone, or beside what the crate answered when it was attacked.
    pub(super) fn new(umask: u32, attacked: Option<(Class, Vec<Answer>)>) -> Reference {
        let mut model = Model::new(Guards::default(), USER, USER, 0o755);
        let task = model.enter(USER, USER, 0);
        let disk = Disk { model: RefCell::new(model), task };
        // Nothing is there yet that could be in the way of either.
        let _ = disk.mkdir(Place::at(ROOT), 0o1777);
        let _ = disk.call(Call::Umask { mask: umask });
        Reference { disk, attacked }
    }

    /// The crate's error where its attacker can bring one about.
    fn hindered(&self, number: usize, op: Op, taken: &[Handle]) -> Option<Answer> {
        let (class, told) = self.attacked.as_ref()?;
        let answer = told.get(number).filter(|answer| answer.has_failed())?;
        let may = match class {
            Class::None => false,
            // Names that are not drawn can be taken before.
            Class::OtherUser => match op.does {
                Does::NewIn | Does::MakeIn | Does::TempdirIn => op.names().2 == 0,
                does => matches!(does, Does::Persist | Does::PersistNoclobber),
            },
            // All that is done by a path can be. What is done to an open file cannot.
            Class::DirWriter => {
                let open =
                    matches!(op.does, Does::Write | Does::Read | Does::Seek | Does::SetLen | Does::Metadata);
                !open || matches!(taken, [Handle::Spooled(Spool { rolled: false, .. })])
            }
        };
        may.then(|| answer.clone())
    }

    fn make(&mut self, number: usize, op: Op, dir: &Path) -> Result<Answered<Handle>> {
        let (prefix, suffix, length) = op.names();
        let drawn = if length > 0 { format!("<{number}>") } else { String::new() };
        let path = dir.join(format!("{prefix}{drawn}{suffix}"));
        let answer = Answer::Path(path.strip_prefix(ROOT).unwrap_or(&path).to_owned());
        let temp = Temp { path, cleans: !op.disables_cleanup() };
        Ok(match op.does {
            Does::Tempfile => (Answer::Done, vec![Handle::File(self.unnamed(dir)?)]),
            Does::SpooledIn => {
                let (file, dir) = (self.unnamed(Path::new(ROOT))?, dir.to_owned());
                let spool = Spool { file, dir, most: op.length(), rolled: false };
                (Answer::Done, vec![Handle::Spooled(spool)])
            }
            Does::TempdirIn => {
                self.disk.mkdir(at(&temp.path), op.mode().unwrap_or(0o777))?;
                (answer, vec![Handle::Dir(temp)])
            }
            does => {
                let append = does == Does::NewIn && op.appends();
                let more = if append { OFlags::APPEND } else { OFlags::empty() };
                let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | more;
                let file = self.disk.open(at(&temp.path), flags, op.mode().unwrap_or(0o600))?;
                (answer, vec![Handle::Named(file, temp)])
            }
        })
    }

    fn unnamed(&self, dir: &Path) -> Result<Fd> {
        self.disk.open(at(dir), OFlags::TMPFILE | OFlags::RDWR, UNNAMED_MODE)
    }

    fn use_up(
        &mut self,
        number: usize,
        op: Op,
        dir: &Path,
        mut taken: Vec<Handle>,
    ) -> Result<Answered<Handle>> {
        let second = if taken.len() > 1 { taken.pop() } else { None };
        let first = taken.pop().ok_or(Errno::BADF)?;
        Ok(match (op.does, first, second) {
            (Does::FromParts, Handle::File(file), Some(Handle::Path(temp))) => {
                (Answer::Done, vec![Handle::Named(file, temp)])
            }
            (Does::IntoTempPath, Handle::Named(_, temp), _) => (Answer::Done, vec![Handle::Path(temp)]),
            (Does::IntoParts, Handle::Named(file, temp), _) => {
                (Answer::Done, vec![Handle::File(file), Handle::Path(temp)])
            }
            (Does::Reopen, Handle::Named(file, temp), _) => {
                let opened = self.reopen(file, &temp.path)?;
                (Answer::Done, vec![Handle::Named(file, temp), Handle::File(opened)])
            }
            (Does::IsRolled | Does::Roll | Does::IntoFile, Handle::Spooled(spool), _) => {
                self.use_spooled(op, spool)?
            }
            (Does::Write | Does::Read | Does::Seek | Does::SetLen | Does::Metadata, mut handle, _) => {
                (self.use_content(number, op, &mut handle)?, vec![handle])
            }
            (_, handle, _) => self.use_name(op, dir, handle)?,
        })
    }

    fn reopen(&self, file: Fd, path: &Path) -> Result<Fd> {
        let opened = self.disk.open(at(path), OFlags::RDWR, 0)?;
        let same = self.disk.fstat(opened)?.ino == self.disk.fstat(file)?.ino;
        if same { Ok(opened) } else { Err(Errno::NOENT) }
    }

    fn use_spooled(&self, op: Op, mut spool: Spool) -> Result<Answered<Handle>> {
        if op.does != Does::IsRolled {
            self.roll(&mut spool)?;
        }
        Ok(match op.does {
            Does::IsRolled => (Answer::Is(spool.rolled), vec![Handle::Spooled(spool)]),
            Does::IntoFile => (Answer::Done, vec![Handle::File(spool.file)]),
            _ => (Answer::Done, vec![Handle::Spooled(spool)]),
        })
    }

    /// Rolls over, for which the directory must still be there.
    fn roll(&self, spool: &mut Spool) -> Result<()> {
        if !spool.rolled {
            self.disk.close(self.unnamed(&spool.dir)?)?;
            spool.rolled = true;
        }
        Ok(())
    }

    fn use_content(&self, number: usize, op: Op, handle: &mut Handle) -> Result<Answer> {
        let file = handle.file()?;
        let position = self.disk.seek(file, io::SeekFrom::Current(0))? as u64;
        let content = op.content(number);
        let end = match op.does {
            Does::Write if !content.is_empty() => position + op.length(),
            Does::SetLen => op.length(),
            _ => 0,
        };
        if let Handle::Spooled(spool) = handle
            && end > spool.most
        {
            self.roll(spool)?;
        }
        Ok(match op.does {
            Does::Write => self.disk.write(file, &content).map(|_| Answer::Done)?,
            Does::SetLen => self.disk.truncate(file, op.length() as usize).map(|()| Answer::Done)?,
            Does::Seek => Answer::Position(self.disk.seek(file, op.position())? as u64),
            Does::Read => Answer::Bytes(self.disk.read(file, op.length() as usize)?),
            _ => {
                let found = self.disk.fstat(file)?;
                Answer::Metadata { length: found.size, mode: found.mode }
            }
        })
    }

    fn use_name(&mut self, op: Op, dir: &Path, mut handle: Handle) -> Result<Answered<Handle>> {
        let is_dir = matches!(handle, Handle::Dir(_));
        let Some(temp) = handle.temp() else { return Ok((Answer::Unfit, vec![handle])) };
        Ok(match op.does {
            Does::DisableCleanup => {
                temp.cleans = !op.disables();
                (Answer::Done, vec![handle])
            }
            Does::Keep => {
                let path = temp.path.strip_prefix(ROOT).unwrap_or(&temp.path).to_owned();
                (Answer::Path(path), handle.rest())
            }
            Does::Persist | Does::PersistNoclobber => {
                let replaces = op.does == Does::Persist;
                let flags = if replaces { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
                self.disk.rename(at(&temp.path), at(&op.target(dir)), flags)?;
                (Answer::Done, handle.rest())
            }
            _ if is_dir => (self.remove_tree(&temp.path).map(|()| Answer::Done)?, vec![]),
            _ => (self.disk.unlink(at(&temp.path)).map(|()| Answer::Done)?, vec![]),
        })
    }

    fn remove_tree(&self, dir: &Path) -> Result<()> {
        for (path, kind) in self.entries(dir)? {
            match kind {
                FileType::Directory => self.remove_tree(&path)?,
                _ => self.disk.unlink(at(&path))?,
            }
        }
        self.disk.rmdir(at(dir))
    }

    fn entries(&self, dir: &Path) -> Result<Vec<(PathBuf, FileType)>> {
        let opened = self.disk.open(at(dir), OFlags::DIRECTORY | OFlags::NOFOLLOW, 0)?;
        let names = self.disk.list(opened)?;
        let entry = |name: Vec<u8>| {
            let path = dir.join(std::ffi::OsStr::from_bytes(&name));
            self.disk.stat(at(&path), false).map(|found| (path, found.kind))
        };
        names.into_iter().map(entry).collect()
    }

    fn list(&self, dir: &Path, into: &mut Vec<String>) -> Result<()> {
        for (path, kind) in self.entries(dir)? {
            let found = self.disk.stat(at(&path), false)?;
            let content = match kind {
                FileType::RegularFile => {
                    let file = self.disk.open(at(&path), OFlags::RDONLY, 0)?;
                    self.disk.read(file, found.size as usize)?
                }
                _ => Vec::new(),
            };
            into.push(line(path.strip_prefix(ROOT).unwrap_or(&path), found.mode, &content));
            if kind == FileType::Directory {
                self.list(&path, into)?;
            }
        }
        Ok(())
    }
}

fn at(path: &Path) -> Place {
    Place::at(path.as_os_str().as_bytes())
}
