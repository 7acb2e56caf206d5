//! Victims in shared libraries: opening one, and calling its entry. The source of the entry is [`ENTRY`]; what passes between
//! the two is plain bytes, as the library may be of another compiler and has a standard library of its own.

use crate::sys::perform::tell_of_panic;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What a library is made of, beside a `victim.rs` with `pub fn body(shared, outside, private)`.
pub(crate) const ENTRY: &str = include_str!("library/entry.rs");

const NAME: &CStr = c"linkbait_victim_1";

#[repr(C)]
struct Text {
    length: usize,
    bytes: [u8; 4096],
}

#[repr(C)]
struct Call {
    shared: Text,
    outside: Text,
    private: Text,
    told: Text,
    panics: extern "C" fn(),
}

/// How a body ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    Success,
    Error(String),
    Panic { message: String, in_drop: bool },
}

/// The entry of a library that stays open to the end of the process: its threads and handlers may run until then.
#[derive(Clone, Copy)]
pub(crate) struct Library(extern "C" fn(&mut Call) -> u32);

impl Text {
    fn of(text: &[u8]) -> Text {
        let mut bytes = [0; 4096];
        let length = text.len().min(bytes.len());
        bytes[..length].copy_from_slice(&text[..length]);
        Text { length, bytes }
    }

    fn told(&self) -> String {
        String::from_utf8_lossy(&self.bytes[..self.length.min(self.bytes.len())]).into_owned()
    }
}

impl Library {
    /// Opens it, which runs its constructors.
    pub(crate) fn open(path: &Path) -> Result<Library, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: a string that lives as long as the call. The constructors are those of a victim, which is trusted as its body is.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(last_error());
        }
        // SAFETY: a handle that is never closed, and a string that lives for ever.
        let entry = unsafe { libc::dlsym(handle, NAME.as_ptr()) };
        if entry.is_null() {
            return Err(last_error());
        }
        // SAFETY: a function of this name comes from `ENTRY`, whose number is part of the name, and has this type there.
        Ok(Library(unsafe {
            std::mem::transmute::<*mut libc::c_void, extern "C" fn(&mut Call) -> u32>(entry)
        }))
    }

    /// Runs the body once, in these directories.
    pub(crate) fn run(self, shared: &Path, outside: &Path, private: &Path) -> Returned {
        extern "C" fn panics() {
            tell_of_panic();
        }
        let text = |path: &Path| Text::of(path.as_os_str().as_bytes());
        let (shared, outside, private) = (text(shared), text(outside), text(private));
        let mut call = Call { shared, outside, private, told: Text::of(b""), panics };
        match self.0(&mut call) {
            0 => Returned::Success,
            1 => Returned::Error(call.told.told()),
            code => Returned::Panic { message: call.told.told(), in_drop: code == 3 },
        }
    }
}

fn last_error() -> String {
    // SAFETY: the string belongs to this thread until its next call of dlopen, dlsym or dlerror; it is copied before.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "unknown error".to_owned();
    }
    // SAFETY: not null, so it is a string that ends in NUL.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
