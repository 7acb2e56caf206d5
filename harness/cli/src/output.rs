//! Where text goes: colours, closed pipes, and bytes that must not reach a terminal.

use crate::args::Color;
use std::io::{self, ErrorKind, Write};

impl Color {
    /// Decides for the whole process. With `auto` the terminal, NO_COLOR, CLICOLOR and CLICOLOR_FORCE decide.
    pub(crate) fn apply(self) {
        let choice = match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Prints to stdout. A reader that has seen enough (`linkbait | head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says on stderr what went wrong.
pub(crate) fn complain(text: &str) {
    // If this cannot be written there is nobody to tell.
    let _ = io::stderr().write_all(format!("linkbait: {}\n", lines(text)).as_bytes());
}

/// Columns to fill: those of the terminal, or 100.
pub(crate) fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(100, |(columns, _)| usize::from(columns.0)).clamp(60, 140)
}

/// True for characters that can move the cursor, change colours or turn the reading direction.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of text that may hold anything, made safe to print.
pub(crate) fn line(text: &str) -> String {
    text.chars().flat_map(|c| if is_unsafe(c) { c.escape_default().collect() } else { vec![c] }).collect()
}

/// As [`line`], but keeps the ends of lines.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// `1 victim`, `2 victims`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The beginning of a text that is longer than this many characters, and a sign that it was cut.
pub(crate) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Breaks a text between words; further lines are indented.
pub(crate) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_and_in_order() {
        assert_eq!(wrap("one two three", 7, 2), "one two\n  three");
        assert_eq!(wrap("unbreakable", 3, 2), "unbreakable");
    }

    #[test]
    fn no_control_character_is_left() {
        let hostile = "a\x1b[31m\u{9b}1m\r\x07\u{202e}\u{7f}b\nc";
        assert!(!line(hostile).chars().any(is_unsafe));
        assert_eq!(lines(hostile).matches('\n').count(), 1);
        assert!(line(hostile).starts_with("a\\u{1b}[31m"));
    }
}
