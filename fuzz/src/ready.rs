//! Victims that wait for plans, kept from one input to the next: starting one takes as long as some trials.

use linkbait::fuzz::{Attack, Plan};
use linkbait::{Class, Error, ErrorKind, FileSystem, Host, Judge, Tried, Victim};
use std::collections::VecDeque;

/// Some of them, by what they were chosen with.
pub(crate) struct Ready<K> {
    /// The one used last in front.
    attacks: VecDeque<(K, Attack)>,
    judge: Judge,
    room: usize,
}

impl<K: PartialEq> Ready<K> {
    /// As many as that, where so many files may be open.
    pub(crate) fn with_room(most: usize) -> Ready<K> {
        let host = Host::detect();
        let room = host.at_once(most);
        Ready { attacks: VecDeque::new(), judge: Judge::new(host), room }
    }

    /// The same with arenas on this file system, if one is given.
    pub(crate) fn on(self, file_system: Option<FileSystem>) -> Ready<K> {
        let judge = self.judge.file_systems(file_system.as_slice());
        Ready { judge, ..self }
    }

    /// Runs the schedule that the plans come to for the victim of that choice; nothing where it cannot be judged on this
    /// machine. The one not used for longest makes room for a new one.
    ///
    /// # Panics
    /// When our own work fails.
    pub(crate) fn try_plans(
        &mut self,
        choice: K,
        plans: &[Plan],
        victim: impl FnOnce(Judge, &K) -> (Judge, Victim, Class, u32),
    ) -> Option<Tried> {
        match self.ready(choice, victim).and_then(|attack| attack.try_plans(plans)) {
            Ok(tried) => Some(tried),
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
                eprintln!("not attacked: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn ready(
        &mut self,
        choice: K,
        victim: impl FnOnce(Judge, &K) -> (Judge, Victim, Class, u32),
    ) -> Result<&Attack, Error> {
        let known = self.attacks.iter().position(|(known, _)| *known == choice);
        let ready = match known.and_then(|at| self.attacks.remove(at)) {
            Some(ready) => ready,
            None => {
                let (judge, victim, class, umask) = victim(self.judge.clone(), &choice);
                (choice, Attack::start(judge, victim, class, umask)?)
            }
        };
        self.attacks.truncate(self.room - 1);
        self.attacks.push_front(ready);
        Ok(&self.attacks[0].1)
    }
}

/// The bytes in front of an input, nothing but zeros where it has none, and the plans behind them.
pub(crate) fn split<const HEAD: usize>(bytes: &[u8]) -> ([u8; HEAD], Vec<Plan>) {
    let mut head = [0; HEAD];
    head.iter_mut().zip(bytes).for_each(|(head, byte)| *head = *byte);
    (head, Plan::all(bytes.get(HEAD..).unwrap_or_default()))
}

/// The timelines of what was found, if anything was.
pub(crate) fn clean(tried: &Tried) -> Result<(), String> {
    let found: Vec<&str> = tried.findings.iter().map(|finding| finding.timeline.as_str()).collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

/// What a target does with a complaint.
pub(crate) fn expect(complaint: Result<(), String>) {
    complaint.unwrap_or_else(|complaint| panic!("{complaint}"));
}
