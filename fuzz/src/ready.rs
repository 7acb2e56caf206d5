//! Victims that wait for plans, kept from one input to the next: starting one takes as long as some trials.

use linkbait::fuzz::{Attack, Plan};
use linkbait::{Class, Error, ErrorKind, FileSystem, Host, Judge, Tried, Victim};
use std::collections::VecDeque;

/// What takes long to make, by what it was chosen with.
pub(crate) struct Kept<K, V> {
    /// The one used last in front.
    all: VecDeque<(K, V)>,
    room: usize,
}

impl<K: PartialEq, V> Kept<K, V> {
    /// As many as that, or as many victims as may have their files open.
    pub(crate) fn with_room(most: usize) -> Kept<K, V> {
        Kept { all: VecDeque::new(), room: Host::detect().at_once(most) }
    }

    /// The one of that choice, which is made if it is not there. The one not used for longest makes room for it.
    pub(crate) fn get<E>(&mut self, choice: K, make: impl FnOnce(&K) -> Result<V, E>) -> Result<&V, E> {
        self.get_or_turn(choice, |_, _| false, |choice, _| make(choice))
    }

    /// The same, but where there is no more room, of those that can be turned into that choice the one not used for longest is
    /// given to `make`.
    pub(crate) fn get_or_turn<E>(
        &mut self,
        choice: K,
        turns: impl Fn(&K, &K) -> bool,
        make: impl FnOnce(&K, Option<V>) -> Result<V, E>,
    ) -> Result<&V, E> {
        let known = self.all.iter().position(|(known, _)| *known == choice);
        let found = match known.and_then(|at| self.all.remove(at)) {
            Some(found) => found,
            None => {
                let is_full = self.all.len() >= self.room;
                let old = self.all.iter().rposition(|(known, _)| is_full && turns(known, &choice));
                let old = old.and_then(|at| self.all.remove(at)).map(|(_, old)| old);
                let made = make(&choice, old)?;
                (choice, made)
            }
        };
        self.all.truncate(self.room - 1);
        self.all.push_front(found);
        Ok(&self.all[0].1)
    }
}

/// Victims that are ready.
pub(crate) struct Ready<K> {
    attacks: Kept<K, Attack>,
    judge: Judge,
}

impl<K: PartialEq> Ready<K> {
    /// Room as [`Kept`] has.
    pub(crate) fn with_room(most: usize) -> Ready<K> {
        Ready { attacks: Kept::with_room(most), judge: Judge::new(Host::detect()) }
    }

    /// The same with arenas on this file system, if one is given.
    pub(crate) fn on(self, file_system: Option<FileSystem>) -> Ready<K> {
        let judge = self.judge.file_systems(file_system.as_slice());
        Ready { judge, ..self }
    }

    /// Runs the schedule that the plans come to for the victim of that choice; nothing where it cannot be judged on this
    /// machine.
    ///
    /// # Panics
    /// When our own work fails.
    pub(crate) fn try_plans(
        &mut self,
        choice: K,
        plans: &[Plan],
        victim: impl FnOnce(Judge, &K) -> (Judge, Victim, Class, u32),
    ) -> Option<Tried> {
        let judge = &self.judge;
        let attack = self.attacks.get(choice, |choice| {
            let (judge, victim, class, umask) = victim(judge.clone(), choice);
            Attack::start(judge, victim, class, umask)
        });
        supported(attack.and_then(|attack| attack.try_plans(plans)))
    }
}

/// What came out, unless this machine cannot judge it, which is said.
///
/// # Panics
/// When our own work fails.
pub(crate) fn supported<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(came) => Some(came),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => {
            eprintln!("not attacked: {error}");
            None
        }
        Err(error) => panic!("{error}"),
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
