//! The free-running race: victim and attacker side by side, nothing held. A sample, never a proof of safety.
//!
//! Nothing redirects the victim's paths here, so it runs behind a second fence (Landlock) and without that not at all.

use super::Judge;
use crate::arena::{Arena, Stage};
use crate::attacker::storm::{Plan, Storm};
use crate::class::Class;
use crate::determinism::Determinism;
use crate::error::Error;
use crate::evidence::Evidence;
use crate::finding::{Finding, Report, Verdict};
use crate::scene::Scene;
use crate::schedule::Schedule;
use crate::stack::{CallSite, NO_PROGRAM};
use crate::sys;
use crate::timeline::{self, Head};
use crate::victim::Victim;
use crate::world::calls::EXIT_GROUP;
use crate::world::thread::body;
use rustix::fs::inotify;
use std::collections::BTreeSet;
use std::fmt;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What a free-running race came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Runs of the victim under attack.
    pub attempts: u64,
    /// Runs in which a canary was touched.
    pub hits: u64,
    /// Runs after which the victim had to be waited for until the attack was over.
    pub hung: u64,
    /// Moves that the attacker made.
    pub moves: u64,
}

impl Judge {
    /// Runs the victim `attempts` times beside an attacker that plants and swaps in a loop, without holding it
    /// anywhere. The attacker strikes at names that it has seen the victim use in `shared/` (inotify(7)).
    ///
    /// Needs no seccomp notification. Not hitting proves nothing.
    ///
    /// # Errors
    /// Of kind unsupported without Landlock (Linux 6.2), which keeps the victim inside the arena; of kind ours when
    /// the victim does not come back although the attack is over.
    pub fn sample(&self, victim: &Victim, class: Class, umask: u32, attempts: u64) -> Result<Sampled, Error> {
        let attacker = self.host.attacker();
        let mut arena = Arena::new(self.host.place(), attacker, self.host.guards_group_writable())?;
        arena.build(class, Stage { files: victim.stage.clone(), decoys: Vec::new() })?;
        let runner = Runner::start(victim, &arena, umask)?;
        let names = runner.watch(&mut arena, self)?;
        let root = arena.root().try_clone_to_owned().map_err(|e| Error::ours("fcntl(F_DUPFD)", e))?;
        let storm = Storm::start(arena.path(), root, Plan { class, uid: attacker, names })?;
        let mut sampled = Sampled { attempts, hits: 0, hung: 0, moves: 0 };
        for _ in 0..attempts {
            storm.rage();
            runner.go()?;
            let in_time = runner.done.recv_timeout(self.limits.silence).is_ok();
            storm.calm();
            sampled.hits += u64::from(!arena.canaries_untouched());
            arena.sweep()?;
            if !in_time {
                sampled.hung += 1;
                runner.wait(self)?;
                arena.sweep()?;
            }
        }
        Ok(Sampled { moves: storm.moves(), ..sampled })
    }
}

impl Judge {
    /// What is left to do where nothing can be held.
    pub(super) fn judge_by_luck(&self, victim: &Victim, why: &Error) -> Result<Report, Error> {
        const ATTEMPTS: u64 = 300;
        let mut report = Report::new(&victim.name);
        report.verdict = Verdict::Unsupported;
        report.file_systems = vec![(self.host.file_system(), report.verdict)];
        report.not_examined.push(format!("the victim could not be held: {why}"));
        let wanted = self.attackers.as_ref().unwrap_or(&victim.attackers);
        for class in wanted.iter().copied().filter(|class| *class != Class::None) {
            for umask in self.umasks.clone() {
                let sampled = self.sample(victim, class, umask, ATTEMPTS)?;
                let said = format!("sampled, not exhaustive: a canary was touched in {sampled}");
                report.not_examined.push(format!("{said} ({class}, umask {umask:03o})"));
                if sampled.hits > 0 && report.findings.is_empty() {
                    report.verdict = Verdict::Fail;
                    report.file_systems = vec![(self.host.file_system(), report.verdict)];
                    report.findings.push(self.lucky(victim, class, umask, said));
                }
            }
        }
        Ok(report)
    }

    fn lucky(&self, victim: &Victim, attacker: Class, umask: u32, message: String) -> Finding {
        let file_system = self.host.file_system().to_owned();
        let (victim, determinism) = (victim.name.clone(), Determinism::OFF);
        let head = Head { victim, class: attacker, umask, file_system, determinism };
        let path = "outside/canary".to_owned();
        let broken = [format!("follows-link  {path}  {message}   CWE-59")];
        let schedule = Schedule::default();
        let timeline = timeline::render(&head, &Evidence::default(), &schedule, &[], &broken);
        let (rule, cwe, phase, example) = ("follows-link", vec![59], "success", path.clone());
        let (step, trial, suspicion) = (None, 0, false);
        Finding {
            rule,
            cwe,
            attacker,
            phase,
            path,
            example,
            message,
            step,
            trial,
            umask,
            raced: true,
            site: CallSite::unknown(NO_PROGRAM),
            file_system: self.host.file_system(),
            suspicion,
            before: Scene::default(),
            after: Scene::default(),
            schedule,
            timeline,
        }
    }
}

impl fmt::Display for Sampled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} free runs", self.hits, self.attempts)
    }
}

/// The victim on a thread of its own, behind the fence.
struct Runner {
    start: Sender<()>,
    done: Receiver<()>,
}

impl Runner {
    fn start(victim: &Victim, arena: &Arena, umask: u32) -> Result<Runner, Error> {
        let (start, started) = channel();
        let (tell, done) = channel();
        let (tell_fence, fenced) = channel();
        let Some(body) = victim.body() else {
            return Err(Error::unsupported(
                "race freely",
                "programs are only judged where their calls can be held",
            ));
        };
        let dirs = arena.dirs();
        let root = arena.root().try_clone_to_owned().map_err(|e| Error::ours("fcntl(F_DUPFD)", e))?;
        body::quiet_panics();
        let run = move || {
            let fence = fence(&root, umask);
            let stands = fence.is_ok();
            if tell_fence.send(fence).is_err() || !stands {
                return;
            }
            while started.recv().is_ok() {
                body::run(|| body(&dirs));
                if tell.send(()).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("victim".into()).spawn(run);
        thread.map_err(|e| Error::ours("start the victim's thread", e))?;
        let stands = fenced.recv().map_err(std::io::Error::other).and_then(|fence| fence);
        stands.map_err(|e| {
            Error::unsupported(
                "landlock_restrict_self",
                format!("{e}; a free-running race needs Linux 6.2 with Landlock"),
            )
        })?;
        Ok(Runner { start, done })
    }

    fn go(&self) -> Result<(), Error> {
        self.start.send(()).map_err(|e| Error::ours("start the victim", e))
    }

    fn wait(&self, judge: &Judge) -> Result<(), Error> {
        let back = self.done.recv_timeout(judge.limits.silence);
        back.map_err(|_| {
            Error::ours("wait for the victim", "it does not come back although no one interferes any more")
        })
    }

    /// The names that some undisturbed runs used, all of them, directly in `shared/`.
    fn watch(&self, arena: &mut Arena, judge: &Judge) -> Result<Vec<Vec<u8>>, Error> {
        const RUNS: usize = 3;
        let mut constant: Option<BTreeSet<Vec<u8>>> = None;
        for _ in 0..RUNS {
            let seen = Watch::new(&arena.dirs().shared)?;
            self.go()?;
            self.wait(judge)?;
            let names = seen.names();
            constant = Some(constant.map_or(names.clone(), |before| &before & &names));
            arena.sweep()?;
        }
        let path = |name: Vec<u8>| [b"shared/".as_slice(), &name].concat();
        Ok(constant.unwrap_or_default().into_iter().map(path).collect())
    }
}

fn fence(root: &OwnedFd, umask: u32) -> std::io::Result<()> {
    sys::thread::own_file_context()?;
    sys::thread::umask(umask);
    // A victim that ends the process could end it as a success.
    sys::notify::make_deadly(&[EXIT_GROUP])?;
    sys::landlock::write_only_below(root.as_fd())
}

/// What an attacker sees who watches a directory.
struct Watch(OwnedFd);

impl Watch {
    fn new(dir: &Path) -> Result<Watch, Error> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let seen = inotify::WatchFlags::CREATE | inotify::WatchFlags::OPEN | inotify::WatchFlags::MOVED_TO;
        let watch = inotify::init(flags).and_then(|fd| inotify::add_watch(&fd, dir, seen).map(|_| fd));
        watch.map(Watch).map_err(|e| Error::ours("inotify_add_watch", e))
    }

    fn names(&self) -> BTreeSet<Vec<u8>> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut names = BTreeSet::new();
        while let Ok(event) = events.next() {
            names.extend(event.file_name().map(|name| name.to_bytes().to_vec()));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    /// A thread that has a listener cannot get a second one, nor can the threads it starts.
    #[test]
    fn under_another_supervisor_the_verdict_is_unsupported_and_says_what_was_sampled() {
        let judged = std::thread::spawn(|| {
            let listener = sys::notify::install(&[], &[sys::perform::MARKER]).expect("the first listener");
            let victim = crate::victim("exclusive", |dir| {
                std::fs::File::create_new(dir.join("x")).and_then(|_| std::fs::remove_file(dir.join("x")))
            });
            let report = Judge::new(Host::detect()).umasks(&[0o022]).judge(&victim);
            drop(listener);
            report
        });
        match judged.join().expect("no panic") {
            Ok(report) => {
                assert_eq!(report.verdict, Verdict::Unsupported);
                assert!(
                    report.not_examined.iter().any(|n| n.contains("EBUSY") || n.contains("busy")),
                    "{report:?}"
                );
                assert!(report.not_examined.iter().any(|n| n.starts_with("sampled")), "{report:?}");
            }
            Err(error) => println!("not checked: {error}"),
        }
    }
}
