//! From raw arguments to a call with resolved paths: relative paths, directory descriptors, `/proc/self/fd` and the
//! working directory become paths of the arena. Owns the meaning of arguments, not what is done with a call.
//!
//! Paths are resolved as text, links are not followed: a stop names what the victim asked for.

use super::calls::{Op, Sys};
use super::handed;
use super::proc::{PATH_MAX, Proc};
use super::stop::{Place, Space, Stop};
use crate::sys::memory::{self, Memory};
use crate::sys::notify::Notification;
use crate::sys::perform::RawCall;
use crate::sys::thread::working_directory;
use std::ops::Range;

/// What fcntl(2) does to a lock; for all else that it does it is no call on files.
const LOCKS: [i32; 6] =
    [libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_GETLK, libc::F_OFD_SETLK, libc::F_OFD_SETLKW];

fn lock(stop: &mut Stop, what: u32) {
    stop.flags = what;
    if stop.sys.name == "fcntl" && !LOCKS.contains(&(what as i32)) {
        stop.count = 0;
    }
}

/// Knows where the arena is and which directories of the machine it stands for.
#[derive(Debug)]
pub(crate) struct Decoder {
    arena: Vec<u8>,
    /// `/tmp` and its like: what is named below them is looked for in `shared/`.
    temporary: Vec<Vec<u8>>,
    /// Below those, what stays itself: where this program and its sources are.
    spared: Vec<Vec<u8>>,
    cwd: Vec<u8>,
    memory: Option<memory::Own>,
    proc: Proc,
    /// The arena is mounted over the temporary directories.
    mounted: bool,
}

impl Decoder {
    pub(crate) fn new(
        arena: Vec<u8>,
        temporary: Vec<Vec<u8>>,
        spared: Vec<Vec<u8>>,
    ) -> rustix::io::Result<Decoder> {
        let (memory, proc) = (memory::Own::new().ok(), Proc::open()?);
        Ok(Decoder {
            arena,
            temporary,
            spared,
            cwd: Vec::with_capacity(4 * PATH_MAX),
            memory,
            proc,
            mounted: false,
        })
    }

    /// For a world in which the arena is mounted over the temporary directories, so that nothing need be redirected.
    pub(super) fn mounted(mut self) -> Decoder {
        self.mounted = true;
        self
    }

    /// `/proc` of this machine.
    pub(super) fn proc(&self) -> &Proc {
        &self.proc
    }

    /// Learns the working directory; called at the start and after the victim has changed it.
    pub(crate) fn learn_cwd(&mut self) {
        self.cwd.clear();
        let mut buffer = [0; PATH_MAX];
        match working_directory(&mut buffer) {
            Some(path) => self.cwd.extend_from_slice(path),
            // It has been removed, or is nowhere below the root; only the link still has a name for it.
            None => self.proc.link(format_args!("thread-self/cwd"), &mut self.cwd),
        }
    }

    /// Learns where the stack of the victim's thread is.
    pub(super) fn learn_stack(&mut self, tid: u32, stack: Option<Range<u64>>) {
        if let Some(own) = &mut self.memory {
            own.learn_stack(tid, stack);
        }
    }

    /// Writes the call behind `seen` into `stop`.
    pub(crate) fn decode(&self, seen: &Notification, sys: &'static Sys, ours: bool, stop: &mut Stop) {
        (stop.id, stop.tid, stop.sys) = (seen.id, seen.tid, sys);
        stop.raw = RawCall { nr: seen.nr, args: seen.args };
        (stop.count, stop.flags, stop.mode, stop.length) = (0, 0, 0, 0);
        stop.was_taken = None;
        stop.handed.clear();
        if sys.name == "creat" {
            stop.flags = (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u32;
        }
        let mut dir = None;
        for (at, letter) in sys.signature.bytes().enumerate() {
            let value = seen.args[at];
            match letter {
                b'd' => dir = Some(value as i32),
                b'p' => {
                    self.path(stop, at, dir, value, ours);
                    dir = None;
                }
                b'f' => self.descriptor(stop, value as i32, ours),
                b'F' | b'a' | b'r' => stop.flags = value as u32,
                b'm' => stop.mode = value as u32 & 0o177_777,
                b'n' => stop.length = value,
                b'L' => lock(stop, value as u32),
                b'H' => read_open_how(stop, value),
                b'S' => self.socket_address(stop, at, value, seen.args[at + 1], ours),
                _ => {}
            }
        }
    }

    /// Finds, where a program is started, the descriptors that lead into the arena and that it would keep. The standard
    /// streams are given to it on purpose.
    pub(crate) fn find_handed(&self, stop: &mut Stop, ours: bool) {
        const STANDARD: [i32; 3] = [0, 1, 2];
        let first = stop.places().first().filter(|_| stop.sys.op == Op::Run);
        let Some(Place { space, path, by_descriptor, .. }) = first else { return };
        let top = if *space == Space::Arena { self.arena.as_slice() } else { b"" };
        if !by_descriptor && !handed::is_program(top, path) {
            return;
        }
        let tid = stop.tid;
        self.proc.each_descriptor(tid, |dir, name, number| {
            if STANDARD.contains(&number) {
                return;
            }
            stop.scratch.clear();
            self.directory(tid, number, false, &mut stop.scratch);
            let (space, _) = self.settle(&mut stop.scratch, ours);
            if space == Space::Arena && !self.proc.closes_on_exec(tid, number) {
                handed::ident_behind(dir, name).into_iter().for_each(|i| stop.handed.push(i, &stop.scratch));
            }
        });
    }

    fn path(&self, stop: &mut Stop, at: usize, dir: Option<i32>, address: u64, ours: bool) {
        stop.scratch.clear();
        let memory = match &self.memory {
            Some(own) if ours => Memory::Own(own, stop.tid),
            _ => Memory::Of(stop.tid),
        };
        let read = address != 0 && memory::read_string(memory, address, PATH_MAX, &mut stop.scratch);
        let dir = dir.unwrap_or(libc::AT_FDCWD);
        if address != 0 && !read {
            return;
        }
        if stop.scratch.is_empty() {
            return self.descriptor(stop, dir, ours);
        }
        let text = std::mem::take(&mut stop.scratch);
        self.place(stop, &text, dir, ours);
        stop.scratch = text;
        let count = stop.count;
        if let Some(place) = count.checked_sub(1).and_then(|last| stop.places.get_mut(last)) {
            place.redirect = place.redirect.map(|_| at);
        }
    }

    fn descriptor(&self, stop: &mut Stop, fd: i32, ours: bool) {
        let tid = stop.tid;
        let Some(place) = stop.places.get_mut(stop.count) else {
            return;
        };
        place.path.clear();
        (place.by_descriptor, place.climbs, place.slash) = (true, false, false);
        self.directory(tid, fd, ours, &mut place.path);
        (place.space, place.redirect) = (self.settle(&mut place.path, ours).0, None);
        stop.count += 1;
    }

    fn place(&self, stop: &mut Stop, text: &[u8], dir: i32, ours: bool) {
        let tid = stop.tid;
        let Some(place) = stop.places.get_mut(stop.count) else {
            return;
        };
        place.path.clear();
        (place.by_descriptor, place.slash) = (false, text.ends_with(b"/"));
        if text.first() != Some(&b'/') {
            self.directory(tid, dir, ours, &mut place.path);
            place.path.push(b'/');
        }
        place.path.extend_from_slice(text);
        if place.path.first() != Some(&b'/') {
            // What is below a pipe has no path, but a name like `pipe:[7]/x`.
            place.path.insert(0, b'/');
        }
        place.climbs = normalise(&mut place.path);
        if let Some((fd, used)) = proc_descriptor(&place.path, stop.tid) {
            // What follows is looked up from there.
            stop.below.clear();
            stop.below.extend_from_slice(&place.path[used..]);
            place.path.clear();
            place.by_descriptor = stop.below.is_empty();
            self.directory(tid, fd.unwrap_or(libc::AT_FDCWD), ours, &mut place.path);
            place.path.extend_from_slice(&stop.below);
        }
        let (space, redirected) = self.settle(&mut place.path, ours);
        (place.space, place.redirect) = (space, redirected.then_some(0));
        stop.count += 1;
    }

    /// The path behind a descriptor of a task, or its working directory.
    fn directory(&self, tid: u32, fd: i32, ours: bool, into: &mut Vec<u8>) {
        match (fd, ours) {
            (libc::AT_FDCWD, true) => into.extend_from_slice(&self.cwd),
            (libc::AT_FDCWD, false) => self.proc.link(format_args!("{tid}/cwd"), into),
            (_, true) => self.proc.own_descriptor(fd, into),
            (_, false) => self.proc.link(format_args!("{tid}/fd/{fd}"), into),
        }
    }

    /// Makes the path relative to the arena if it leads there, itself or in the name of the machine's `/tmp`. Only
    /// calls that we make ourselves can be redirected: for a child process `/tmp` is the machine's own, unless the
    /// arena is mounted there.
    fn settle(&self, path: &mut Vec<u8>, ours: bool) -> (Space, bool) {
        if below(path, &self.arena).is_some() {
            path.drain(..(self.arena.len() + 1).min(path.len()));
            unname(path);
            return (Space::Arena, false);
        }
        let spared = self.spared.iter().any(|s| below(path, s).is_some());
        let found = self.temporary.iter().find(|t| !spared && below(path, t).is_some());
        let Some(temporary) = found.filter(|_| ours || self.mounted) else {
            return (Space::Elsewhere, false);
        };
        path.drain(..temporary.len());
        path.splice(..0, *b"shared");
        unname(path);
        (Space::Arena, true)
    }

    fn socket_address(&self, stop: &mut Stop, at: usize, address: u64, length: u64, ours: bool) {
        let mut raw = [0u8; 110];
        let length = (length as usize).min(raw.len());
        let known = memory::read(stop.tid, address, &mut raw[..length]).unwrap_or(0) > 2;
        let is_path = known && raw[0] == libc::AF_UNIX as u8 && raw[1] == 0 && raw[2] != 0;
        if is_path {
            let end = raw[2..].iter().position(|&b| b == 0).map_or(length, |n| n + 2);
            self.place(stop, &raw[2..end.max(2)], libc::AT_FDCWD, ours);
            let place = &mut stop.places[stop.count - 1];
            place.redirect = place.redirect.map(|_| at);
        }
    }
}

/// An unnamed or removed file has no path any more; the kernel marks it so.
fn unname(path: &mut Vec<u8>) {
    if let Some(kept) = path.strip_suffix(b" (deleted)").map(<[u8]>::len) {
        path.truncate(kept);
        let slash = path.iter().rposition(|&b| b == b'/').map_or(0, |s| s + 1);
        if path.get(slash) == Some(&b'#') && path[slash + 1..].iter().all(u8::is_ascii_digit) {
            path.truncate(slash);
            path.extend_from_slice(b"(unnamed)");
        }
    }
}

fn read_open_how(stop: &mut Stop, address: u64) {
    if let Some([flags, mode]) = memory::read_words(stop.tid, address) {
        (stop.flags, stop.mode) = (flags as u32, mode as u32);
    }
}

/// The rest of `path` below `top`.
fn below<'a>(path: &'a [u8], top: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(top).filter(|rest| rest.is_empty() || rest[0] == b'/')
}

/// The descriptor that a path like `/proc/self/fd/7/x` or `/dev/fd/7` begins with, `None` inside for the working
/// directory, and how much of the path names it. The numbers of this process and of the caller mean `self` too.
fn proc_descriptor(path: &[u8], tid: u32) -> Option<(Option<i32>, usize)> {
    let decimal = |name: &[u8]| std::str::from_utf8(name).ok()?.parse::<u32>().ok();
    let mut names = path.split(|&b| b == b'/').skip(1);
    let first = names.next()?;
    let task = if first == b"dev" { first } else { names.next()? };
    let own = |id: u32| id == tid || id == std::process::id();
    let known = match (first, task) {
        (b"dev", _) | (b"proc", b"self" | b"thread-self") => true,
        (b"proc", task) => decimal(task).is_some_and(own),
        _ => false,
    };
    let what = names.next().filter(|_| known)?;
    let start = if first == b"dev" { 0 } else { task.len() + 1 };
    let used = 1 + first.len() + start + 1 + what.len();
    match what {
        // Threads have working directories of their own here; `self` names that of the first thread.
        b"cwd" if task == b"thread-self" => Some((None, used)),
        b"fd" => {
            let number = names.next()?;
            Some((Some(decimal(number)?.try_into().ok()?), used + 1 + number.len()))
        }
        _ => None,
    }
}

/// Removes empty names, `.` and `..` from an absolute path, in place and as text; true when there was a `..`.
pub(super) fn normalise(path: &mut Vec<u8>) -> bool {
    let (mut read, mut write, mut climbs) = (0, 0, false);
    while read < path.len() {
        let end = path[read..].iter().position(|&b| b == b'/').map_or(path.len(), |n| read + n);
        match &path[read..end] {
            b"" | b"." => {}
            b".." => {
                climbs = true;
                write = path[..write].iter().rposition(|&b| b == b'/').unwrap_or(0);
            }
            _ => {
                path[write] = b'/';
                if read > write + 1 {
                    path.copy_within(read..end, write + 1);
                }
                write += 1 + end - read;
            }
        }
        read = end + 1;
    }
    path.truncate(write);
    if path.is_empty() {
        path.push(b'/');
    }
    climbs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_text() {
        for (given, wanted) in
            [("/a/./b//c", "/a/b/c"), ("/a/../b", "/b"), ("/..", "/"), ("//x/", "/x"), ("/a/b/../../..", "/")]
        {
            let mut path = given.as_bytes().to_vec();
            normalise(&mut path);
            assert_eq!(String::from_utf8_lossy(&path), wanted, "{given}");
        }
    }

    #[test]
    fn descriptors_named_through_proc_are_told_from_what_lies_below_them() {
        let own = std::process::id();
        let by_number = format!("/proc/{own}/fd/7/x");
        let cases = [
            ("/proc/self/fd/7", Some((Some(7), 15))),
            ("/proc/thread-self/fd/12/a/b", Some((Some(12), 23))),
            ("/dev/fd/3", Some((Some(3), 9))),
            ("/proc/thread-self/cwd/x", Some((None, 21))),
            ("/proc/self/cwd/x", None),
            (by_number.as_str(), Some((Some(7), by_number.len() - 2))),
            ("/proc/self/status", None),
            ("/proc/1/fd", None),
            ("/dev/null", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(proc_descriptor(path.as_bytes(), own), wanted, "{path}");
        }
    }

    #[test]
    fn the_temporary_directory_of_the_machine_stands_for_shared_but_what_is_spared_does_not() {
        let decoder =
            Decoder::new(b"/tmp/arena".to_vec(), vec![b"/tmp".to_vec()], vec![b"/tmp/src".to_vec()])
                .expect("procfs");
        let settle = |text: &str| {
            let mut path = text.as_bytes().to_vec();
            let (space, redirected) = decoder.settle(&mut path, true);
            (space, redirected, String::from_utf8_lossy(&path).into_owned())
        };
        assert_eq!(settle("/tmp/x"), (Space::Arena, true, "shared/x".into()));
        assert_eq!(settle("/tmp"), (Space::Arena, true, "shared".into()));
        assert_eq!(settle("/tmp/arena/shared/x"), (Space::Arena, false, "shared/x".into()));
        assert_eq!(settle("/tmp/src/a"), (Space::Elsewhere, false, "/tmp/src/a".into()));
        assert_eq!(settle("/tmpx"), (Space::Elsewhere, false, "/tmpx".into()));
        assert_eq!(settle("/tmp/arena/shared/#12 (deleted)").2, "shared/(unnamed)");
    }
}
