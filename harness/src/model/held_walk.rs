//! Walks that are held on the kernel, too: by a directory of a FUSE file system (fuse(4)), which answers when we want it to.
//! What the model says about a window inside a walk is compared with what happens there.

#![cfg(test)]

use super::{Call, Files, Kernel, Model, OFlags, Place, RenameFlags, Task};
use crate::arena::disk;
use crate::file_system::FileSystem;
use crate::testing::is_root;
use rustix::fs::{Mode, open};
use rustix::io::Result;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

const GETATTR: u32 = 3;
const INIT: u32 = 26;

/// A mounted file system with nothing in it. Each look at its top directory is held until something was done.
struct Holding {
    at: PathBuf,
    device: OwnedFd,
}

impl Holding {
    fn mount(at: &Path) -> Holding {
        let device =
            open("/dev/fuse", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).expect("this kernel has FUSE");
        let how =
            format!("fd={},rootmode=40000,user_id=0,group_id=0,default_permissions", device.as_raw_fd());
        let how = CString::new(how).expect("no NUL");
        mount("held", at, "fuse", MountFlags::NOSUID | MountFlags::NODEV, Some(how.as_c_str()))
            .expect("root may mount");
        Holding { at: at.to_owned(), device }
    }

    /// Answers until it is unmounted; `each` is called with the number of each look, from 1, before its answer.
    fn serve(&self, mut each: impl FnMut(u32)) {
        let (mut request, mut looks) = (vec![0; 64 * 1024], 0);
        while let Ok(length) = rustix::io::read(&self.device, request.as_mut_slice()) {
            let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("four bytes"));
            let (opcode, unique) = (word(4), &request[8..16]);
            assert!(length >= 40, "a header has 40 bytes");
            let (error, body) = match opcode {
                INIT => (0, init()),
                GETATTR => {
                    looks += 1;
                    each(looks);
                    (0, attributes())
                }
                _ => (-libc::ENOSYS, Vec::new()),
            };
            let header = [&(16 + body.len() as u32).to_ne_bytes()[..], &error.to_ne_bytes(), unique].concat();
            // Nobody waits for the answer to some.
            let _ = rustix::io::write(&self.device, &[header, body].concat());
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let _ = unmount(&self.at, UnmountFlags::DETACH);
    }
}

/// `struct fuse_init_out`: version 7.31 and no feature.
fn init() -> Vec<u8> {
    [7_u32, 31].iter().flat_map(|word| word.to_ne_bytes()).chain([0; 56]).collect()
}

/// `struct fuse_attr_out`: a directory, of which nothing may be remembered.
fn attributes() -> Vec<u8> {
    let (never_valid, times) = ([0; 16], [0; 36]);
    let owner_and_rest = [0; 20];
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
    let number = [1_u64, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
    [&never_valid[..], &number, &times, &words(&[libc::S_IFDIR | 0o755, 1]), &owner_and_rest].concat()
}

const FROM: &str = "hold/../app.d/part";
const TO: &str = "hold/../app.d/whole";

fn the_rename() -> Call {
    Call::Rename { from: Place::at(FROM), to: Place::at(TO), flags: RenameFlags::empty() }
}

/// What stands there before: a directory with a file, one that is not to be touched, and a link to that.
fn build(files: &dyn Files) -> Result<()> {
    ["hold", "app.d", "outside"].iter().try_for_each(|dir| files.mkdir(Place::at(dir), 0o755))?;
    files.close(files.open(Place::at("app.d/part"), OFlags::CREATE | OFlags::WRONLY, 0o600)?)?;
    files.symlink(b"outside", Place::at("bait"))
}

fn attack(files: &dyn Files) -> Result<()> {
    files.rename(Place::at("bait"), Place::at("app.d"), RenameFlags::EXCHANGE)
}

/// What is where afterwards, and what the call came to.
type Outcome = (Vec<String>, std::result::Result<(), i32>);

fn outcome(files: &dyn Files, came: Result<()>) -> Outcome {
    let mut all = Vec::new();
    for dir in ["app.d", "bait", "outside"] {
        for name in ["part", "whole"] {
            let path = format!("{dir}/{name}");
            all.extend(files.stat(Place::at(&path), true).is_ok().then_some(path));
        }
    }
    (all, came.map_err(|errno| errno.raw_os_error()))
}

/// The attack comes when the walk to the first place, or to the second, is held in `hold`.
fn on_the_kernel(top: &Path, walk: u32) -> Outcome {
    let files = Kernel::at(top);
    build(&files).expect("a new directory");
    let holding = Holding::mount(&top.join("hold"));
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let files = Kernel::at(top);
            holding.serve(|look| {
                if look == walk {
                    attack(&files).expect("both names are there");
                }
            });
        });
        let came = files.call(the_rename()).map(drop);
        unmount(&holding.at, UnmountFlags::DETACH).expect("it was mounted");
        serving.join().expect("all requests were known");
        outcome(&files, came)
    })
}

/// The model as one process sees it.
struct Modelled<'a>(&'a std::cell::RefCell<Model>, Task);

impl Files for Modelled<'_> {
    fn call(&self, call: Call) -> Result<super::Reply> {
        self.0.borrow_mut().perform(self.1, &call)
    }

    fn pid(&self) -> u32 {
        1
    }

    fn uid(&self) -> u32 {
        0
    }
}

fn on_the_model(walk: u32) -> Outcome {
    let mut model = Model::new(super::Guards::default(), 0, 0, 0o755);
    let task = model.enter(0, 0, 0);
    let model = std::cell::RefCell::new(model);
    let files = Modelled(&model, task);
    build(&files).expect("a new model");
    let mut pending = model.borrow().begin(task, the_rename());
    let mut held = 0;
    let came = loop {
        let next = model.borrow().held_at(&pending).map(|(_, name)| name);
        if next.as_deref() == Some(b"..") {
            held += 1;
            if held == walk {
                attack(&files).expect("both names are there");
            }
        }
        if let Some(answer) = model.borrow_mut().step(&mut pending) {
            break answer.map(drop);
        }
    };
    outcome(&files, came)
}

#[test]
fn what_happens_inside_a_walk_happens_on_the_kernel_too() {
    if !is_root() || !Path::new("/dev/fuse").exists() {
        println!("not checked: FUSE and mounting take root");
        return;
    }
    let work = || {
        disk::own_namespace().expect("root may");
        disk::put(FileSystem::Tmpfs).expect("root may");
        for walk in [1, 2] {
            let top = Path::new(disk::MOUNT_POINT).join(format!("walk-{walk}"));
            fs::create_dir(&top).expect("an empty file system");
            let real = on_the_kernel(&top, walk);
            println!("held on the way to place {walk}: {real:?}");
            assert_eq!(real, on_the_model(walk), "walk {walk}");
        }
        // The first walk had ended when the directory was exchanged: the file has gone out of it.
        assert_eq!(on_the_model(2).0, ["app.d/whole", "outside/whole"]);
    };
    std::thread::spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
