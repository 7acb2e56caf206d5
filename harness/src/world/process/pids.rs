//! What a program's tasks call themselves: the pids and tids that names may be made of. Owns which of them were noted in
//! a trial, not what copies of a template are answered (`template`).

use super::template::Template;
use crate::world::proc::Proc;

/// The numbers of one trial.
#[derive(Default)]
pub(super) struct Pids {
    noted: Vec<u32>,
    /// The pid of the first process of a start anew, which the kernel would take longer to tell, and its tid as we know it.
    first: Option<(u32, Option<u32>)>,
}

impl Pids {
    /// A trial begins.
    pub(super) fn restart(&mut self) {
        self.noted.clear();
        self.first = None;
    }

    /// A program's first process is about to start it.
    pub(super) fn start(&mut self, pid: u32) {
        self.first = Some((pid, None));
    }

    /// A call has come; true for the one that starts the program.
    pub(super) fn arrives(&mut self, tid: u32) -> bool {
        match &mut self.first {
            Some((_, first @ None)) => first.replace(tid).is_none(),
            _ => false,
        }
    }

    /// Notes a task that has come to its first stop.
    pub(super) fn note(&mut self, tid: u32, template: Option<&Template>, proc: &Proc) {
        let first = self.first.filter(|(_, first)| *first == Some(tid)).map(|(pid, _)| pid);
        match first.or_else(|| template.and_then(|template| template.own_number(tid))) {
            // The first thread of a process has the number of the process.
            Some(pid) => self.noted.extend([pid, pid]),
            None => self.noted.extend(proc.own_numbers(tid)),
        }
    }

    /// All that were noted.
    pub(super) fn noted(&self) -> &[u32] {
        &self.noted
    }
}
