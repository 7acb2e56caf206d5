//! Victim files as anybody may have written them: no text makes the reader panic, and an error says where it is, in text that
//! is safe to print. The files that one names are not looked at.

/// Reads a victim file.
///
/// # Panics
/// When one of the above does not hold.
pub fn victim_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match linkbait_cli::read_victim(text) {
        Ok(victim) => assert!(victim.is_program(), "a victim file is of a program"),
        Err(error) => {
            assert!(error.lines().any(says_where), "nothing says where: {error}");
            assert!(!error.chars().any(|c| c.is_control() && c != '\n'), "not safe to print: {error:?}");
        }
    }
}

/// A line of the text or a key of the format.
fn says_where(error: &str) -> bool {
    let keys = ["schema", "command", "judge", "expect", "stage"];
    error.contains("line ") || keys.iter().any(|key| error.starts_with(key))
}
