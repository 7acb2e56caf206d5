//! Any text as words of the shell: arguments, paths, patterns. What could change what a terminal shows is written by
//! its octal numbers.

use crate::output;
use std::fmt::Write;

/// A label of the timeline, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A name that is the same in every run.
    Known(Vec<u8>),
    /// The n-th name that is not.
    Fresh(usize),
}

/// The names of a label; `None` when it has more in it than a script can know.
pub(super) fn parts(label: &str) -> Option<Vec<Part>> {
    label.split('/').map(part).collect()
}

fn part(name: &str) -> Option<Part> {
    if let Some(number) = name.strip_prefix('<').and_then(|n| n.strip_suffix('>')) {
        return number.parse().ok().map(Part::Fresh);
    }
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let hex = rest.strip_prefix("\\x").and_then(|r| r.get(..2));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            // The number of linkbait's own process.
            None if first == '<' => return None,
            None => {
                bytes.extend_from_slice(first.to_string().as_bytes());
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    Some(Part::Known(bytes))
}

/// Words, and the lines that must come before their use.
#[derive(Default)]
pub(super) struct Words {
    pub(super) defined: String,
    count: usize,
}

impl Words {
    /// One word that stands for these bytes.
    pub(super) fn word(&mut self, bytes: &[u8]) -> String {
        let plain = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.chars().all(|c| c == '\n' || c == '\t' || !output::is_unsafe(c)));
        let Some(text) = plain else { return self.variable(bytes) };
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-./=,:+@%".contains(c);
        if !text.is_empty() && text.chars().all(bare) { text.to_owned() } else { quoted(text) }
    }

    fn variable(&mut self, bytes: &[u8]) -> String {
        self.count += 1;
        let number = self.count;
        // A command substitution loses newlines at the end.
        let _ = writeln!(self.defined, "text{number}=$(printf '{}.')", octal(bytes));
        let _ = writeln!(self.defined, "text{number}=${{text{number}%.}}");
        format!("\"$text{number}\"")
    }

    /// The path of a label below the file system of the script.
    pub(super) fn path(&mut self, parts: &[Part]) -> String {
        let mut path = "/mnt".to_owned();
        for part in parts {
            path.push('/');
            match part {
                Part::Known(name) => path.push_str(&self.word(name)),
                Part::Fresh(number) => {
                    let _ = write!(path, "\"$name{number}\"");
                }
            }
        }
        path
    }

    /// The same for `find -path`, where names that change from run to run are any.
    pub(super) fn pattern(&mut self, parts: &[Part]) -> String {
        let mut pattern = b"/mnt".to_vec();
        for part in parts {
            pattern.push(b'/');
            match part {
                Part::Known(name) => push_escaped(name, b"\\[*?", &mut pattern),
                Part::Fresh(_) => pattern.push(b'*'),
            }
        }
        self.word(&pattern)
    }

    /// A pattern with `*` and `?` below the shared directory, for `find -path`.
    pub(super) fn below_shared(&mut self, pattern: &str) -> String {
        let mut path = b"/mnt/shared/".to_vec();
        push_escaped(pattern.as_bytes(), b"\\[", &mut path);
        self.word(&path)
    }
}

/// One word, whatever is in it.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn push_escaped(name: &[u8], special: &[u8], into: &mut Vec<u8>) {
    for &byte in name {
        if special.contains(&byte) {
            into.push(b'\\');
        }
        into.push(byte);
    }
}

/// For printf: every byte that is not a plain one by its octal number.
pub(super) fn octal(bytes: &[u8]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" _-./=,:+@".contains(&b);
    bytes.iter().fold(String::new(), |mut text, &b| {
        if plain(b) {
            text.push(char::from(b));
        } else {
            let _ = write!(text, "\\{b:03o}");
        }
        text
    })
}

/// A name as strace writes it: the usual escapes, octal numbers as short as what follows allows.
pub(super) fn as_strace(name: &[u8]) -> String {
    let mut text = String::new();
    for (at, &byte) in name.iter().enumerate() {
        let digit_follows = name.get(at + 1).is_some_and(u8::is_ascii_digit);
        let _ = match byte {
            b'"' | b'\\' => write!(text, "\\{}", char::from(byte)),
            b'\n' => write!(text, "\\n"),
            b'\t' => write!(text, "\\t"),
            b'\r' => write!(text, "\\r"),
            0x0b => write!(text, "\\v"),
            0x0c => write!(text, "\\f"),
            b' '..=b'~' => write!(text, "{}", char::from(byte)),
            _ if digit_follows => write!(text, "\\{byte:03o}"),
            _ => write!(text, "\\{byte:o}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn every_text_comes_through_the_shell_as_it_is() {
        let hostile: [&[u8]; 8] = [
            b"",
            b"a b",
            b"it's",
            b"$(touch x)`touch y`\\",
            b"-n\n\n",
            b"\x1b[31m\xff\n1",
            b"*?[a]~#!",
            "\u{202e}x".as_bytes(),
        ];
        for bytes in hostile {
            let mut words = Words::default();
            let word = words.word(bytes);
            let text = format!("{}printf %s. {word}", words.defined);
            assert!(text.chars().all(|c| c == '\n' || !output::is_unsafe(c)), "{text:?}");
            let ran = Command::new("sh").arg("-c").arg(&text).output().expect("sh runs");
            assert_eq!(ran.stdout, [bytes, b"."].concat(), "{text}");
        }
    }

    #[test]
    fn labels_are_taken_apart_and_process_ids_of_ours_are_not_known() {
        let known = |name: &[u8]| Part::Known(name.to_vec());
        assert_eq!(parts("shared/a\\x0ab/<2>"), Some(vec![known(b"shared"), known(b"a\nb"), Part::Fresh(2)]));
        assert_eq!(parts("shared/app.<pid>"), None);
    }
}
