//! Words of others: made fit to be shown to people.

/// The most bytes of anything that is quoted in a message.
pub const MOST_QUOTED: usize = 200;

/// Gives at most `most` bytes of a text that somebody else wrote, with each control character as a space.
///
/// A text that was cut ends in `…`; bytes that are no UTF-8 become `\u{fffd}`.
#[must_use]
pub fn sanitized(text: &[u8], most: usize) -> String {
    let cut = &text[..text.len().min(most)];
    let mut words: String = String::from_utf8_lossy(cut)
        .chars()
        .map(|character| if is_unfit(character) { ' ' } else { character })
        .collect();
    if text.len() > most {
        words.push('…');
    }
    words
}

/// Takes control characters but line breaks out of a text.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|&character| character == '\n' || !is_unfit(character)).collect()
}

/// Whether a character moves a terminal's cursor, or turns the direction of what is written around it.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_write_to_the_terminal() {
        assert_eq!(sanitized(b"a\x1b[31mb\nc", MOST_QUOTED), "a [31mb c");
        assert_eq!(sanitized(b"abcdef", 3), "abc…");
        assert_eq!(sanitized("aä".as_bytes(), 2), "a\u{fffd}…");
        assert_eq!(clean("a\u{1b}\u{202e}b\nc"), "ab\nc");
    }
}
