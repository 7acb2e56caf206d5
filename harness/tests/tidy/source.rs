//! Rust sources as tokens, so that comments, strings and test parts are never mistaken for code.
//!
//! Owns reading and splitting. Does not own what is asked of the sources (`main`).

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::fs;
use std::path::{Path, PathBuf};

/// One file, by its path below the workspace.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<TokenTree>,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        Source { path: path.to_owned(), text: text.to_owned(), tokens: tokens.into_iter().collect() }
    }

    /// The words and signs of the code, groups opened up.
    pub(crate) fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        flatten(&self.tokens, &mut words);
        words
    }

    /// The same without what stands below `#[cfg(test)]`.
    pub(crate) fn words_outside_tests(&self) -> Vec<Word> {
        let tests = self.test_lines();
        let mut words = self.words();
        words.retain(|word| !tests.iter().any(|&(first, last)| (first..=last).contains(&word.line)));
        words
    }

    /// First and last line of each item marked `#[cfg(test)]`.
    pub(crate) fn test_lines(&self) -> Vec<(usize, usize)> {
        let marks = self.tokens.iter().enumerate().filter(|(_, token)| token.to_string() == "[cfg (test)]");
        let end = |at: usize| self.tokens[at..].iter().skip(1).find(|token| ends_item(token));
        marks.filter_map(|(at, mark)| Some((line(mark), end(at)?.span().end().line))).collect()
    }

    /// Names of the tests.
    pub(crate) fn tests(&self) -> Vec<String> {
        let words = self.words();
        let marks = words
            .windows(3)
            .enumerate()
            .filter(|(_, run)| run.iter().map(|word| word.text.as_str()).eq(["[", "test", "]"]));
        let name_after = |at: usize| words[at..].iter().skip_while(|word| word.text != "fn").nth(1);
        marks.filter_map(|(at, _)| Some(name_after(at)?.text.clone())).collect()
    }

    /// Name, first and last line of each function with a body.
    pub(crate) fn functions(&self) -> Vec<(String, usize, usize)> {
        let mut found = Vec::new();
        collect_functions(&self.tokens, &mut found);
        found
    }
}

/// A word, a sign, a literal, or one half of a pair of brackets.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(sign) => sign.as_char() == ';',
        _ => false,
    }
}

fn flatten(tokens: &[TokenTree], words: &mut Vec<Word>) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            words.push(Word { text: token.to_string(), line: line(token) });
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::None => ("", ""),
        };
        words.push(Word { text: open.to_owned(), line: line(token) });
        flatten(&inside(group), words);
        words.push(Word { text: close.to_owned(), line: token.span().end().line });
    }
}

fn collect_functions(tokens: &[TokenTree], found: &mut Vec<(String, usize, usize)>) {
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            collect_functions(&inside(group), found);
        }
        // The type `fn(…)` has no name.
        if token.to_string() == "fn"
            && let Some(TokenTree::Ident(name)) = tokens.get(at + 1)
        {
            let body = tokens[at..].iter().find(|token| ends_item(token));
            if let Some(TokenTree::Group(body)) = body {
                found.push((name.to_string(), line(token), body.span_close().end().line));
            }
        }
    }
}

fn inside(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

/// The workspace's directory.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the workspace.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Paths of all files below the workspace, but for git's own and those that `.gitignore` names.
pub(crate) fn files() -> Vec<String> {
    let ignored = read(".gitignore");
    let mut skipped: Vec<&str> = ignored.lines().map(|l| l.trim_matches('/')).collect();
    skipped.push(".git");
    let mut found = Vec::new();
    walk(&workspace(), "", &skipped, &mut found);
    found.sort();
    found
}

fn walk(dir: &Path, below: &str, skipped: &[&str], found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("a readable directory of the workspace") {
        let entry = entry.expect("a readable directory of the workspace");
        let name = entry.file_name().to_string_lossy().into_owned();
        if skipped.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{below}{name}");
        let kind = entry.file_type().expect("the kind of an entry");
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), skipped, found);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

/// All Rust sources of the workspace.
pub(crate) fn sources() -> Vec<Source> {
    let paths = files().into_iter().filter(|path| path.ends_with(".rs"));
    paths.map(|path| Source::new(&path, &read(&path))).collect()
}
