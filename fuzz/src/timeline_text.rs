//! Timelines as anybody may have written them: no text makes the reader panic, an error names a line of it, and what was read
//! is read again from what is written.

use linkbait::timeline::Timeline;

/// Reads a timeline.
///
/// # Panics
/// When one of the above does not hold.
pub fn timeline_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Timeline::parse(text) {
        Ok(read) => {
            let written = read.to_string();
            let again = Timeline::parse(&written).unwrap_or_else(|e| panic!("{e}, in\n{written}"));
            assert_eq!(again, read, "read again from\n{written}");
        }
        Err(error) => {
            let error = error.to_string();
            let number = error.strip_prefix("line ").and_then(|rest| rest.split(':').next()?.parse().ok());
            let lines = text.lines().count().max(1);
            assert!(
                number.is_some_and(|line: usize| (1..=lines).contains(&line)),
                "of {lines} lines: {error}"
            );
        }
    }
}
