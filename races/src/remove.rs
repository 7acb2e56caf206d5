//! Deleting: names never made, whole trees, and what is left when an error or a panic comes first.
//!
//! Does not own the clean-up at the end of other idioms, nor the tempfile crate's destructors (`tempfile_crate`).

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use linkbait::{Class, Dirs, Victim};

use crate::parts::{ALL, RemoveOnDrop, SECRET, create_private, random_name};

/// Start-up code that clears what a former run may have left.
fn remove_after_exists(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join("app.sock");
    if path.exists() {
        fs::remove_file(&path)?;
    }
    Ok(())
}

/// The tree that both deleting victims start from: `keep` and `sub/inner` below `work`.
fn plant_work(dirs: &Dirs) -> io::Result<PathBuf> {
    // Built in private and moved: built by path in shared, the building itself could be raced by a dir-writer, and
    // the safe victim would be blamed for what is not its deleting.
    let built = dirs.private.join("work");
    let work = dirs.shared.join("work");
    let mut private_dir = DirBuilder::new();
    private_dir.mode(0o700);
    private_dir.create(&built)?;
    let done = create_private(&built.join("keep"))
        .and_then(|mut file| file.write_all(SECRET))
        .and_then(|()| private_dir.create(built.join("sub")))
        .and_then(|()| create_private(&built.join("sub/inner")))
        .and_then(|mut file| file.write_all(SECRET))
        .and_then(|()| fs::rename(&built, &work));
    if let Err(error) = done {
        fs::remove_dir_all(&built)?;
        return Err(error);
    }
    Ok(work)
}

fn remove_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let inner = path.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            remove_tree(&inner)?;
        } else {
            fs::remove_file(&inner)?;
        }
    }
    fs::remove_dir(path)
}

/// Recursive deleting as it is written by hand: every step resolves the whole path again (CVE-2022-21658's shape).
fn remove_tree_by_path(dirs: &Dirs) -> io::Result<()> {
    remove_tree(&plant_work(dirs)?)
}

/// The good twin: std's, which holds directories open and follows no link.
fn remove_dir_all(dirs: &Dirs) -> io::Result<()> {
    fs::remove_dir_all(plant_work(dirs)?)
}

/// A `?` between making and removing.
fn error_path_leaves(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    create_private(&path)?.write_all(SECRET)?;
    Err(io::Error::other("the work failed before the clean-up"))
}

/// The good twin: a destructor removes.
fn error_path_cleans(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)?;
    Err(io::Error::other("the work failed, the guard cleans"))
}

/// An assertion that fails between making and removing.
fn panic_path_leaves(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    create_private(&path)?.write_all(SECRET)?;
    panic!("the work panicked before the clean-up");
}

/// The good twin: the destructor runs while unwinding.
fn panic_path_cleans(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)?;
    panic!("the work panicked, the guard cleans");
}

struct UnwrapOnDrop(PathBuf);

impl Drop for UnwrapOnDrop {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("nobody else removes it");
    }
}

/// A guard that is sure of its file, which a cleaner of `/tmp` may have taken.
fn drop_unwraps(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = UnwrapOnDrop(path);
    file.write_all(SECRET)
}

/// The good twin: a destructor that has no one to tell keeps quiet.
fn drop_ignores(dirs: &Dirs) -> io::Result<()> {
    let path = dirs.shared.join(random_name("app."));
    let mut file = create_private(&path)?;
    let _guard = RemoveOnDrop::new(&path);
    file.write_all(SECRET)
}

pub(crate) fn victims() -> Vec<Victim> {
    let bad = &["bad", "idiom"];
    let safe = &["safe", "idiom"];
    vec![
        Victim::new("remove-after-exists", remove_after_exists)
            .summary("if path.exists() { remove_file(path) }")
            .tags(bad)
            .expect("deletes-foreign", Class::OtherUser),
        Victim::new("remove-tree-by-path", remove_tree_by_path)
            .summary("for entry in read_dir(path) { remove_file(path.join(entry)) }")
            .tags(bad)
            .attackers(ALL)
            .expect("follows-link", Class::DirWriter)
            .expect("deletes-foreign", Class::DirWriter),
        Victim::new("remove-dir-all", remove_dir_all)
            .summary("fs::remove_dir_all(path)")
            .tags(&["safe", "std"])
            .attackers(ALL),
        Victim::new("error-path-leaves", error_path_leaves)
            .summary("create_new(path); work()?; remove_file(path)")
            .tags(&["bad", "phases", "idiom"])
            .expect("leftover", Class::None),
        Victim::new("error-path-cleans", error_path_cleans)
            .summary("create_new(path); let _guard = RemoveOnDrop(path); work()?")
            .tags(&["safe", "phases", "idiom"]),
        Victim::new("panic-path-leaves", panic_path_leaves)
            .summary("create_new(path); panic!(); remove_file(path)")
            .tags(&["bad", "phases", "idiom"])
            .expect("leftover", Class::None),
        Victim::new("panic-path-cleans", panic_path_cleans)
            .summary("create_new(path); let _guard = RemoveOnDrop(path); panic!()")
            .tags(&["safe", "phases", "idiom"]),
        Victim::new("drop-unwraps", drop_unwraps)
            .summary("impl Drop { fn drop(&mut self) { remove_file(&self.0).unwrap() } }")
            .tags(bad)
            .attackers(ALL)
            .expect("crashes", Class::DirWriter),
        Victim::new("drop-ignores", drop_ignores)
            .summary("impl Drop { fn drop(&mut self) { let _ = remove_file(&self.0); } }")
            .tags(safe)
            .attackers(ALL),
    ]
}
