//! What this machine allows. The only place that reads the environment; everything else is handed a [`Host`].

use crate::file_system::FileSystem;
use rustix::process::Resource;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The machine, the user and where an arena can be.
#[derive(Clone, Debug)]
pub struct Host {
    kernel: String,
    uid: u32,
    has_attacker: bool,
    place: PathBuf,
    folder: PathBuf,
    file_system: &'static str,
    disk: Option<FileSystem>,
    exclusive: bool,
    temporary: Vec<PathBuf>,
    own: Vec<PathBuf>,
    spared: Vec<PathBuf>,
    cores: Vec<usize>,
    open_files: u64,
    turn: Arc<AtomicUsize>,
    protected: Vec<(&'static str, Option<u32>)>,
}

const PROTECTED: [&str; 4] =
    ["protected_symlinks", "protected_hardlinks", "protected_regular", "protected_fifos"];

/// Open files that one judgement may need, and the rest of the process: half as many have been seen. A victim must
/// never meet this limit, or its errors would be taken for what an attack did.
const FILES: (u64, u64) = (48, 16);

/// The uid and gid that attackers get where we may choose: nobody's.
pub(crate) const ATTACKER_UID: u32 = 65534;

impl Host {
    /// Looks at this machine and process.
    #[must_use]
    pub fn detect() -> Host {
        let temp = std::env::temp_dir();
        let standard = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from);
        let mut temporary = vec![temp.clone()];
        temporary.extend(standard.iter().filter(|p| **p != temp).cloned());
        let candidates = [
            std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
            Some("/dev/shm".into()),
            Some(temp.clone()),
        ];
        let on_tmpfs =
            candidates.into_iter().flatten().find(|p| file_system_of(p) == "tmpfs" && is_writable(p));
        let place = on_tmpfs.unwrap_or(temp);
        let own: Vec<PathBuf> =
            [std::env::current_dir(), std::env::current_exe()].into_iter().flatten().collect();
        let spared = own.iter().filter_map(|p| first_below(p, &temporary)).collect();
        let protected = PROTECTED.map(|name| {
            let text = fs::read_to_string(Path::new("/proc/sys/fs").join(name)).ok();
            (name, text.and_then(|t| t.trim().parse().ok()))
        });
        let set = rustix::thread::sched_getaffinity(None).unwrap_or_default();
        let cores: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&c| set.is_set(c)).collect();
        Host {
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            uid: rustix::process::geteuid().as_raw(),
            has_attacker: has_attacker(),
            file_system: file_system_of(&place),
            place,
            folder: folder(),
            disk: None,
            exclusive: true,
            temporary,
            own,
            spared,
            cores: if cores.is_empty() { vec![0] } else { cores },
            open_files: rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            turn: Arc::new(AtomicUsize::new(0)),
            protected: protected.to_vec(),
        }
    }

    /// Kernel release.
    #[must_use]
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    /// Effective user id.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// True when we are root, of a user namespace that has the attacker's uid.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0 && self.has_attacker
    }

    /// True when attackers get a uid of their own: we are root, or have entered a user namespace with a subordinate
    /// uid in it (see [`crate::prepare_to_contain`]).
    #[must_use]
    pub fn has_attacker(&self) -> bool {
        self.has_attacker
    }

    /// The attacker's uid, if it is another than ours.
    pub(crate) fn attacker(&self) -> Option<u32> {
        self.has_attacker.then_some(ATTACKER_UID)
    }

    /// The directory that arenas are made in.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The file system that arenas are on.
    #[must_use]
    pub fn file_system(&self) -> &'static str {
        self.file_system
    }

    /// The file system that is to be mounted for each arena, if they do not lie in [`Host::place`].
    pub(crate) fn disk(&self) -> Option<FileSystem> {
        self.disk
    }

    /// True when [`Host::place`] is on a tmpfs.
    pub(crate) fn is_on_tmpfs(&self) -> bool {
        file_system_of(&self.place) == "tmpfs"
    }

    /// False where O_EXCL is to be without effect.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive
    }

    /// Where reports and replay files go: `linkbait` in the build's target directory, found by its `CACHEDIR.TAG`
    /// above this program, or in `target` of the working directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The `fs.protected_*` settings; `None` where the kernel does not tell.
    #[must_use]
    pub fn protected(&self) -> &[(&'static str, Option<u32>)] {
        &self.protected
    }

    /// True when the kernel's protections reach into group-writable sticky directories (level 2), so that only a
    /// directory of the attacker's own is free of them.
    pub(crate) fn guards_group_writable(&self) -> bool {
        let level_two = |name: &str, level: Option<u32>| name != "protected_symlinks" && level >= Some(2);
        self.has_attacker && self.protected.iter().any(|(name, level)| level_two(name, *level))
    }

    /// True when the kernel keeps users from linking to files of others.
    pub(crate) fn guards_links(&self) -> bool {
        self.protected.iter().any(|(name, level)| *name == "protected_hardlinks" && *level >= Some(1))
    }

    /// True when the kernel itself tells what the attacker may do; otherwise we apply the same rules.
    #[must_use]
    pub fn kernel_decides(&self) -> bool {
        self.has_attacker && !self.guards_group_writable()
    }

    /// Number of cores we may use.
    #[must_use]
    pub fn cores(&self) -> usize {
        self.cores.len()
    }

    /// How many of `wanted` victims can be judged at once with the files that may be open (`RLIMIT_NOFILE`); at
    /// least one.
    #[must_use]
    pub fn at_once(&self, wanted: usize) -> usize {
        let (each, rest) = FILES;
        let enough_for = self.open_files.saturating_sub(rest) / each;
        wanted.min(usize::try_from(enough_for).unwrap_or(usize::MAX)).max(1)
    }

    /// How many files this process may have open.
    pub(crate) fn open_files(&self) -> u64 {
        self.open_files
    }

    /// Says what is missing if too few files may be open to judge even one victim.
    pub(crate) fn lacks_files(&self) -> Option<String> {
        let (have, need) = (self.open_files, FILES.0 + FILES.1);
        (have < need)
            .then(|| format!("only {have} files may be open; allow at least {need} (ulimit -n {need})"))
    }

    /// Puts arenas below another directory.
    #[must_use]
    pub fn with_place(mut self, place: &Path) -> Host {
        self.file_system = file_system_of(place);
        self.place = place.to_path_buf();
        self
    }

    /// Puts arenas on this file system. Only root can mount what takes a loop device; others use a directory that
    /// lies on it, if there is one.
    pub(crate) fn on(self, wanted: FileSystem) -> Host {
        let image = matches!(wanted, FileSystem::Ext4 | FileSystem::Xfs | FileSystem::Btrfs);
        match wanted {
            FileSystem::NoExcl => Host { exclusive: false, file_system: wanted.name(), ..self },
            FileSystem::Tmpfs if self.file_system == wanted.name() => self,
            _ if image && self.uid != 0 => self.in_a_directory_on(wanted),
            _ => self.with_disk(wanted),
        }
    }

    pub(crate) fn with_disk(self, wanted: FileSystem) -> Host {
        Host { disk: Some(wanted), file_system: wanted.name(), ..self }
    }

    fn in_a_directory_on(self, wanted: FileSystem) -> Host {
        let known = |path: &PathBuf| file_system_of(path) == wanted.name() && is_writable(path);
        let here = std::env::current_dir().ok();
        let found =
            [&self.place].into_iter().chain(&self.temporary).chain(&here).find(|path| known(path)).cloned();
        match found {
            Some(place) => self.with_place(&place),
            None => self.with_disk(wanted),
        }
    }

    /// The working directory and this program.
    pub(crate) fn own_places(&self) -> impl Iterator<Item = &Path> {
        self.own.iter().map(PathBuf::as_path)
    }

    pub(crate) fn temporary(&self) -> &[PathBuf] {
        &self.temporary
    }

    pub(crate) fn spared(&self) -> &[PathBuf] {
        &self.spared
    }

    /// Nanoseconds since 1970 and since the machine's start.
    pub(crate) fn clock(&self) -> (u128, u128) {
        let read = |id| {
            let time = rustix::time::clock_gettime(id);
            u128::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
                + u128::try_from(time.tv_nsec).unwrap_or(0)
        };
        (read(rustix::time::ClockId::Realtime), read(rustix::time::ClockId::Monotonic))
    }

    /// The next core in turn, so that engines spread over all of them.
    pub(crate) fn next_core(&self) -> usize {
        self.cores[self.turn.fetch_add(1, Ordering::Relaxed) % self.cores.len()]
    }
}

/// True when we may act as the attacker: it is another user of our user namespace, and we may put on its ids.
fn has_attacker() -> bool {
    use rustix::thread::CapabilitySet as Set;
    let needed = Set::SETUID | Set::SETGID | Set::CHOWN;
    let may = rustix::thread::capabilities(None).is_ok_and(|all| all.effective.contains(needed));
    let other = rustix::process::geteuid().as_raw() != ATTACKER_UID;
    may && other && ["uid_map", "gid_map"].iter().all(|map| has_id(map, ATTACKER_UID))
}

/// True when our user namespace has this id, see user_namespaces(7); true where the kernel does not tell.
fn has_id(map: &str, id: u32) -> bool {
    let covers = |line: &str| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some((first..first + count).contains(&u64::from(id)))
    };
    let text = fs::read_to_string(Path::new("/proc/self").join(map));
    text.map_or(true, |text| text.lines().any(|line| covers(line).unwrap_or(false)))
}

/// Time since some moment in the past.
pub(crate) fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

/// The environment that programs inherit; what is not text is left out.
pub(crate) fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The file that a command of that name, or at that path, is; `None` when there is none that can be executed.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let runs =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(runs);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where the tools of the administrator are, which users often do not look for.
    let further = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(further).map(|dir| dir.join(name)).find(runs)
}

/// `/tmp/a` for `/tmp/a/b/c`: what must stay itself although it is below a temporary directory.
fn first_below(path: &Path, temporary: &[PathBuf]) -> Option<PathBuf> {
    temporary.iter().find_map(|top| {
        let first = path.strip_prefix(top).ok()?.components().next()?;
        Some(top.join(first))
    })
}

fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file());
    target.unwrap_or(Path::new("target")).join("linkbait")
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

fn file_system_of(path: &Path) -> &'static str {
    // Magic numbers of statfs(2), `linux/magic.h`.
    match rustix::fs::statfs(path).map(|s| s.f_type as u64) {
        Ok(0x0102_1994) => "tmpfs",
        Ok(0xef53) => "ext4",
        Ok(0x5846_5342) => "xfs",
        Ok(0x9123_683e) => "btrfs",
        Ok(0x794c_7630) => "overlay",
        Ok(_) => "other",
        Err(_) => "unknown",
    }
}
