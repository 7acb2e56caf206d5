//! The arena in a model: `shared/`, `outside/` and `private/` below its root, as they are on disk.

use super::show;
use crate::arena::Stage;
use crate::arena::tree::Tree;
use crate::class::Class;
use crate::host::ATTACKER_UID;
use crate::model::{Call, Guards, Model, Place, Reply, Task};
use crate::victim::Victim;
use rustix::fs::OFlags;

/// The victim's uid and gid, whoever judges.
pub(super) const VICTIM_UID: u32 = 1000;

/// A model with an arena in it, and who acts there. Both begin in `shared/`.
#[derive(Debug)]
pub struct Ground {
    /// The file system.
    pub model: Model,
    /// The victim.
    pub victim: Task,
    /// The attacker, with a uid of its own.
    pub attacker: Task,
    tree: Tree,
}

impl Ground {
    /// The arena in which the model judges a victim, with its stage but without decoys, which are known by then only.
    #[must_use]
    pub fn of(victim: &Victim, class: Class) -> Ground {
        let stage = Stage { files: victim.stage.clone(), decoys: Vec::new() };
        Ground::build(Guards::default(), class, &stage)
    }

    /// One more process of the victim's.
    pub fn another_victim(&mut self) -> Task {
        let task = self.model.enter(VICTIM_UID, VICTIM_UID, 0);
        self.model.begin_in(task, "/shared");
        task
    }

    pub(super) fn build(guards: Guards, class: Class, stage: &Stage) -> Ground {
        let mut model = Model::new(guards, VICTIM_UID, VICTIM_UID, 0o755);
        let victim = model.enter(VICTIM_UID, VICTIM_UID, 0);
        let attacker = model.enter(ATTACKER_UID, ATTACKER_UID, 0);
        let mut ground = Ground { model, victim, attacker, tree: Tree::default() };
        ground.build_outside(stage);
        ground.dir("/private", 0o700);
        ground.build_shared(guards, class, stage);
        ground.model.begin_in(victim, "/shared");
        ground.model.begin_in(attacker, "/shared");
        show::tree(&ground.model, &mut ground.tree);
        ground.tree.settle();
        for staged in stage.files.iter().filter(|staged| staged.foreign) {
            ground.tree.give_to_attacker(format!("shared/{}", staged.path).as_bytes(), Some(ATTACKER_UID));
        }
        ground
    }

    pub(super) fn look(&self, tree: &mut Tree) {
        tree.copy_from(&self.tree);
    }

    fn build_outside(&mut self, stage: &Stage) {
        for dir in ["/outside", "/outside/dir", "/outside/decoy"] {
            self.dir(dir, 0o755);
        }
        self.file("/outside/canary", 0o644, b"canary: nothing may touch this\n");
        self.file("/outside/dir/keep", 0o644, b"keep\n");
        for (name, is_dir) in &stage.decoys {
            let path = format!("/outside/decoy/{name}");
            if *is_dir {
                self.dir(&path, 0o755);
                self.file(&format!("{path}/keep"), 0o644, b"keep\n");
            } else {
                self.file(&path, 0o644, b"keep\n");
            }
        }
    }

    /// As on disk the attacker writes by its group, or owns the directory, so that settings of the kernel change no verdict.
    fn build_shared(&mut self, guards: Guards, class: Class, stage: &Stage) {
        self.dir("/shared", if class == Class::DirWriter { 0o777 } else { 0o1775 });
        if class != Class::DirWriter {
            let owner = guards.reach_groups().then_some(ATTACKER_UID);
            self.model.give("/shared", owner, ATTACKER_UID);
        }
        for staged in &stage.files {
            for (slash, _) in staged.path.match_indices('/') {
                self.dir(&format!("/shared/{}", &staged.path[..slash]), 0o755);
            }
            let path = format!("/shared/{}", staged.path);
            self.file(&path, staged.mode, staged.content.as_bytes());
            if staged.foreign {
                self.model.give(&path, Some(ATTACKER_UID), ATTACKER_UID);
            }
        }
    }

    /// What cannot be made, because it is there or its name is no name, is left out, as on disk.
    fn dir(&mut self, path: &str, mode: u32) {
        let _ = self.model.perform(self.victim, &Call::Mkdir { at: Place::at(path), mode });
    }

    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let open = Call::Open { at: Place::at(path), flags, mode };
        if let Ok(Reply::Descriptor(file)) = self.model.perform(self.victim, &open) {
            let calls = [Call::Write { file, bytes: content.to_vec() }, Call::Close { file }];
            calls.iter().for_each(|call| drop(self.model.perform(self.victim, call)));
        }
    }
}
