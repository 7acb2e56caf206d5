//! Programs carried out by the tempfile crate, or by one that has a known fault.

use super::fault::Fault;
use super::op::{Does, Kind, Op};
use super::sequence::{Answer, Answered, Tempfile};
use std::collections::BTreeMap;
use std::env::temp_dir;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::{Builder, NamedTempFile, SpooledTempFile, TempDir, TempPath};

/// What the crate hands out.
pub(super) enum Handle {
    File(File),
    Named(NamedTempFile),
    Path(TempPath),
    Dir(TempDir),
    Spooled(SpooledTempFile),
}

trait Stream: Read + Write + Seek {}
impl<T: Read + Write + Seek> Stream for T {}

impl Handle {
    fn stream(&mut self) -> io::Result<&mut dyn Stream> {
        match self {
            Handle::File(file) => Ok(file),
            Handle::Named(file) => Ok(file),
            Handle::Spooled(file) => Ok(file),
            Handle::Path(_) | Handle::Dir(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        match self {
            Handle::Spooled(file) => file.set_len(length),
            Handle::Named(file) => file.as_file().set_len(length),
            Handle::File(file) => file.set_len(length),
            Handle::Path(_) | Handle::Dir(_) => Err(ErrorKind::Unsupported.into()),
        }
    }
}

/// The crate at work in a directory.
pub(super) struct Real {
    dir: PathBuf,
    fault: Option<Fault>,
    /// What stands in answers in the place of names.
    labels: BTreeMap<Vec<u8>, String>,
}

impl Tempfile for Real {
    type Handle = Handle;

    fn kind(handle: &Handle) -> Kind {
        match handle {
            Handle::File(_) => Kind::File,
            Handle::Named(_) => Kind::Named,
            Handle::Path(_) => Kind::Path,
            Handle::Dir(_) => Kind::Dir,
            Handle::Spooled(_) => Kind::Spooled,
        }
    }

    fn path(handle: &Handle) -> &Path {
        match handle {
            Handle::Dir(dir) => dir.path(),
            _ => Path::new(""),
        }
    }

    fn act(&mut self, number: usize, op: Op, dir: Option<&Path>, mut taken: Vec<Handle>) -> Answered<Handle> {
        // An empty path is the directory itself.
        let dir = dir.map(|dir| if dir == "" { self.dir.clone() } else { dir.to_owned() });
        match (taken.pop(), taken.pop()) {
            (None, _) => self.make(number, op, dir.as_deref()),
            (Some(Handle::Path(path)), Some(Handle::File(file))) => {
                (Answer::Done, vec![Handle::Named(NamedTempFile::from_parts(file, path))])
            }
            (Some(handle), _) => match op.does {
                Does::Write | Does::Read | Does::Seek | Does::SetLen | Does::Metadata => {
                    self.use_content(number, op, handle)
                }
                Does::DisableCleanup => disable_cleanup(op, handle),
                Does::Persist | Does::PersistNoclobber => {
                    self.persist(op, &op.target(dir.as_deref().unwrap_or(&self.dir)), handle)
                }
                Does::Keep => self.keep(handle),
                Does::Close => close(handle),
                _ => match handle {
                    Handle::Spooled(file) => self.use_spooled(op, file),
                    Handle::Named(file) => self.use_named(op, file),
                    handle => unfit(handle),
                },
            },
        }
    }

    fn release(&mut self, handle: Handle, elsewhere: bool) {
        match handle {
            Handle::Named(file) if self.has(Fault::ForgetsToRemove) => mem::forget(file.into_temp_path()),
            handle if elsewhere => thread::scope(|scope| drop(scope.spawn(|| drop(handle)).join())),
            handle => drop(handle),
        }
    }

    fn tree(&mut self) -> Vec<String> {
        let mut tree = Vec::new();
        self.list(&self.dir, &mut tree).unwrap_or_else(|e| tree.push(e.to_string()));
        tree.sort();
        tree
    }
}

fn failed(error: io::Error, back: Vec<Handle>) -> Answered<Handle> {
    (error.into(), back)
}

/// The answer to what leaves the handle as it is.
fn told(answer: io::Result<Answer>, handle: Handle) -> Answered<Handle> {
    (answer.unwrap_or_else(Answer::from), vec![handle])
}

impl Real {
    pub(super) fn new(dir: &Path, fault: Option<Fault>) -> Real {
        Real { dir: dir.to_owned(), fault, labels: BTreeMap::new() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn make(&mut self, number: usize, op: Op, dir: Option<&Path>) -> Answered<Handle> {
        let made = match op.does {
            Does::Tempfile => dir.map_or_else(tempfile::tempfile, tempfile::tempfile_in).map(Handle::File),
            Does::SpooledIn => Ok(Handle::Spooled(match dir {
                Some(dir) => tempfile::spooled_tempfile_in(op.length() as usize, dir),
                None => tempfile::spooled_tempfile(op.length() as usize),
            })),
            _ => self.build(op, dir),
        };
        let answer = match &made {
            Ok(Handle::Named(file)) => Answer::Path(self.learn(number, op, file.path())),
            Ok(Handle::Dir(dir)) => Answer::Path(self.learn(number, op, dir.path())),
            _ => Answer::Done,
        };
        made.map_or_else(|e| failed(e, vec![]), |made| (answer, vec![made]))
    }

    fn build(&self, op: Op, dir: Option<&Path>) -> io::Result<Handle> {
        let (prefix, suffix, length) = op.names();
        let mut builder = Builder::new();
        builder.prefix(prefix).suffix(suffix).rand_bytes(length);
        builder.append(op.appends()).disable_cleanup(op.disables_cleanup());
        let asked = op.mode().filter(|_| !self.has(Fault::IgnoresPermissions));
        let open = Some(0o644).filter(|_| self.has(Fault::CreatesForAll) && op.does == Does::NewIn);
        if let Some(mode) = asked.or(open) {
            builder.permissions(Permissions::from_mode(mode));
        }
        let plain = builder == Builder::new();
        let create = |path: &Path| {
            let mode = op.mode().unwrap_or(0o600);
            OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
        };
        match (op.does, dir) {
            (Does::TempdirIn, Some(dir)) if plain => tempfile::tempdir_in(dir).map(Handle::Dir),
            (Does::TempdirIn, Some(dir)) => builder.tempdir_in(dir).map(Handle::Dir),
            (Does::TempdirIn, None) => builder.tempdir().map(Handle::Dir),
            (Does::MakeIn, Some(dir)) => builder.make_in(dir, create).map(Handle::Named),
            (Does::MakeIn, None) => builder.make(create).map(Handle::Named),
            (_, Some(dir)) if plain => NamedTempFile::new_in(dir).map(Handle::Named),
            (_, Some(dir)) => builder.tempfile_in(dir).map(Handle::Named),
            (_, None) if plain => NamedTempFile::new().map(Handle::Named),
            (_, None) => builder.tempfile().map(Handle::Named),
        }
    }

    fn use_content(&self, number: usize, op: Op, mut handle: Handle) -> Answered<Handle> {
        let answer = match (op.does, &mut handle) {
            (Does::SetLen, handle) => handle.set_len(op.length()).map(|()| Answer::Done),
            (Does::Metadata, Handle::File(file)) => metadata(file),
            (Does::Metadata, Handle::Named(file)) => metadata(file.as_file()),
            (does, handle) => handle.stream().and_then(|stream| match does {
                Does::Write => stream.write_all(&op.content(number)).map(|()| Answer::Done),
                Does::Seek => stream.seek(op.position()).map(Answer::Position),
                _ => {
                    let mut bytes = vec![0; op.length() as usize];
                    let read = stream.read(&mut bytes)?;
                    bytes.truncate(read);
                    Ok(Answer::Bytes(bytes))
                }
            }),
        };
        told(answer, handle)
    }

    fn use_spooled(&self, op: Op, mut file: SpooledTempFile) -> Answered<Handle> {
        match op.does {
            Does::IsRolled => (Answer::Is(file.is_rolled()), vec![Handle::Spooled(file)]),
            Does::Roll => {
                let rolled = file.roll();
                if self.has(Fault::LosesByteOnRoll) {
                    lose_byte(&mut file);
                }
                told(rolled.map(|()| Answer::Done), Handle::Spooled(file))
            }
            _ => match file.into_file() {
                Ok(file) => (Answer::Done, vec![Handle::File(file)]),
                Err(error) => failed(error, vec![]),
            },
        }
    }

    fn use_named(&self, op: Op, file: NamedTempFile) -> Answered<Handle> {
        match op.does {
            Does::Reopen => {
                let opened = if self.has(Fault::ReopensWhatIsThere) {
                    OpenOptions::new().read(true).write(true).open(file.path())
                } else {
                    file.reopen()
                };
                match opened {
                    Ok(opened) => (Answer::Done, vec![Handle::Named(file), Handle::File(opened)]),
                    Err(error) => failed(error, vec![Handle::Named(file)]),
                }
            }
            Does::IntoTempPath => (Answer::Done, vec![Handle::Path(file.into_temp_path())]),
            Does::IntoParts => {
                let (file, path) = file.into_parts();
                (Answer::Done, vec![Handle::File(file), Handle::Path(path)])
            }
            _ => unfit(Handle::Named(file)),
        }
    }

    fn keep(&self, handle: Handle) -> Answered<Handle> {
        match handle {
            Handle::Named(file) => match file.keep() {
                Ok((file, path)) => (Answer::Path(self.label(&path)), vec![Handle::File(file)]),
                Err(e) => failed(e.error, vec![Handle::Named(e.file)]),
            },
            Handle::Path(path) => match path.keep() {
                Ok(path) => (Answer::Path(self.label(&path)), vec![]),
                Err(e) => failed(e.error, vec![Handle::Path(e.path)]),
            },
            Handle::Dir(dir) => (Answer::Path(self.label(&dir.keep())), vec![]),
            handle => unfit(handle),
        }
    }

    fn persist(&self, op: Op, to: &Path, handle: Handle) -> Answered<Handle> {
        let replaces = op.does == Does::Persist;
        match handle {
            Handle::Named(file) => {
                let checks = self.has(Fault::ChecksBeforePersist) && !replaces;
                let done = match () {
                    () if checks && to.symlink_metadata().is_ok() => {
                        return failed(ErrorKind::AlreadyExists.into(), vec![Handle::Named(file)]);
                    }
                    () if self.has(Fault::PersistsByCopy) && replaces => return copied(file, to),
                    () if replaces || checks => file.persist(to),
                    () => file.persist_noclobber(to),
                };
                match done {
                    Ok(file) => (Answer::Done, vec![Handle::File(file)]),
                    Err(e) => failed(e.error, vec![Handle::Named(e.file)]),
                }
            }
            Handle::Path(path) => {
                let done = if replaces { path.persist(to) } else { path.persist_noclobber(to) };
                match done {
                    Ok(()) => (Answer::Done, vec![]),
                    Err(e) => failed(e.error, vec![Handle::Path(e.path)]),
                }
            }
            handle => unfit(handle),
        }
    }

    /// Learns what is drawn in a name. One that is not as it was asked for stays as it is.
    fn learn(&mut self, number: usize, op: Op, path: &Path) -> PathBuf {
        let (prefix, suffix, length) = op.names();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let drawn =
            name.strip_prefix(prefix.as_bytes()).and_then(|name| name.strip_suffix(suffix.as_bytes()));
        let as_asked =
            drawn.is_some_and(|drawn| drawn.len() == length && drawn.iter().all(u8::is_ascii_alphanumeric));
        if as_asked && length > 0 {
            self.labels.insert(name.to_vec(), format!("{prefix}<{number}>{suffix}"));
        }
        self.label(path)
    }

    /// A path from the directory, with labels in it.
    fn label(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.dir).or_else(|_| path.strip_prefix(temp_dir()));
        let label = |name: &std::ffi::OsStr| match self.labels.get(name.as_encoded_bytes()) {
            Some(label) => label.into(),
            None => name.to_owned(),
        };
        below.unwrap_or(path).iter().map(label).collect()
    }

    fn list(&self, dir: &Path, into: &mut Vec<String>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let found = path.symlink_metadata()?;
            let content = if found.is_file() { fs::read(&path)? } else { Vec::new() };
            into.push(line(&self.label(&path), found.mode() & 0o7777, &content));
            if found.is_dir() {
                self.list(&path, into)?;
            }
        }
        Ok(())
    }
}

/// An entry of a tree.
pub(super) fn line(path: &Path, mode: u32, content: &[u8]) -> String {
    format!("{} {mode:04o} {}", path.display(), content.escape_ascii())
}

fn disable_cleanup(op: Op, mut handle: Handle) -> Answered<Handle> {
    match &mut handle {
        Handle::Named(file) => file.disable_cleanup(op.disables()),
        Handle::Path(path) => path.disable_cleanup(op.disables()),
        Handle::Dir(dir) => dir.disable_cleanup(op.disables()),
        Handle::File(_) | Handle::Spooled(_) => return unfit(handle),
    }
    (Answer::Done, vec![handle])
}

fn close(handle: Handle) -> Answered<Handle> {
    let closed = match handle {
        Handle::Named(file) => file.close(),
        Handle::Path(path) => path.close(),
        Handle::Dir(dir) => dir.close(),
        handle => return unfit(handle),
    };
    (closed.map_or_else(Answer::from, |()| Answer::Done), vec![])
}

/// What a program never asks of this handle.
fn unfit(handle: Handle) -> Answered<Handle> {
    (Answer::Unfit, vec![handle])
}

fn metadata(file: &File) -> io::Result<Answer> {
    let found = file.metadata()?;
    Ok(Answer::Metadata { length: found.len(), mode: found.mode() & 0o7777 })
}

/// What [`Fault::LosesByteOnRoll`] does.
fn lose_byte(file: &mut SpooledTempFile) {
    let at = file.stream_position().unwrap_or_default();
    let end = file.seek(SeekFrom::End(0)).unwrap_or_default();
    let _ = file.set_len(end.saturating_sub(1)).and_then(|()| file.seek(SeekFrom::Start(at)));
}

/// What [`Fault::PersistsByCopy`] does.
fn copied(file: NamedTempFile, to: &Path) -> Answered<Handle> {
    let content = fs::read(file.path());
    match content.and_then(|content| fs::write(to, content)).and_then(|()| File::open(to)) {
        Ok(file) => (Answer::Done, vec![Handle::File(file)]),
        Err(error) => failed(error, vec![Handle::Named(file)]),
    }
}
