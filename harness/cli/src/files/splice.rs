//! A part of a text that is ours: what stands between two markers, each on a line of its own. All else stays as it is, to the
//! byte.

/// Begins what is ours.
pub(crate) const BEGIN: &str = "<!-- linkbait:begin -->";

/// Ends it.
pub(crate) const END: &str = "<!-- linkbait:end -->";

/// The text with what stands between its markers replaced by `part`, which begins and ends with markers of its own.
pub(super) fn splice(text: &str, part: &str) -> Result<String, String> {
    let (begin, end) = match (lines(text, BEGIN).as_slice(), lines(text, END).as_slice()) {
        ([begin], [end]) if begin < end => (*begin, *end),
        ([], []) => {
            return Err(format!("it has no lines {BEGIN} and {END} to write between"));
        }
        ([_], []) => return Err(format!("it has {BEGIN}, and no {END}")),
        ([], [_]) => return Err(format!("it has {END}, and no {BEGIN}")),
        ([_], [_]) => return Err(format!("it has {END} before {BEGIN}")),
        _ => return Err(format!("it has {BEGIN} or {END} more than once")),
    };
    let after = &text[end + END.len()..];
    Ok(format!("{}{}{after}", &text[..begin], part.trim_end()))
}

/// Where the lines begin that are this marker, but for what is blank around it.
fn lines(text: &str, marker: &str) -> Vec<usize> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim() == marker {
            found.push(start + line.find(marker).unwrap_or_default());
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: &str = "<!-- linkbait:begin -->\nnew\n<!-- linkbait:end -->\n";

    #[test]
    fn what_stands_around_the_markers_stays_to_the_byte() {
        for (before, after) in [("", ""), ("# A\r\n\n", "\r\nB\u{e9} `x`"), ("  ", "  \n\n"), ("a\n\t", "\n")]
        {
            let text = format!("{before}{BEGIN}\r\nold\n\n{END}{after}");
            let spliced = splice(&text, PART).expect("both markers");
            assert_eq!(spliced, format!("{before}{}{after}", PART.trim_end()));
            assert_eq!(splice(&spliced, PART).as_deref(), Ok(spliced.as_str()), "again");
        }
    }

    #[test]
    fn markers_within_a_line_are_no_markers() {
        let text = format!("write `{BEGIN}` and {END}.\n{BEGIN}\n{END}\n");
        let spliced = splice(&text, PART).expect("both markers");
        assert!(spliced.starts_with(&format!("write `{BEGIN}` and {END}.\n")), "{spliced}");
    }

    #[test]
    fn a_text_without_just_two_markers_in_order_is_refused_with_what_is_wrong() {
        let (one, two) = (format!("{BEGIN}\n"), format!("{END}\n"));
        let wrong = [
            (String::new(), "no lines"),
            (one.clone(), "and no <!-- linkbait:end"),
            (two.clone(), "and no <!-- linkbait:begin"),
            (format!("{two}{one}"), "before"),
            (format!("{one}{one}{two}"), "more than once"),
            (format!("{one}{two}{two}"), "more than once"),
        ];
        for (text, said) in wrong {
            let refused = splice(&text, PART).expect_err(&text);
            assert!(refused.contains(said), "{refused}");
        }
    }
}
