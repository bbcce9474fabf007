//! Names made safe for a terminal.
//!
//! Names come from the profiled program, or from whoever wrote the file. A control character in one
//! could move the cursor or retitle the window; a bidirectional override could make one name look like
//! another. Such characters are shown as `\u{1b}`. What stands here passes everything that prints.

use std::borrow::Cow;

/// `text` with every character that does not print as itself shown as `\u{…}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hidden(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Control characters, line and paragraph separators, and the invisible format characters: zero width,
/// bidirectional marks, overrides and isolates, tags.
fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_could_steer_a_terminal_is_spelled_out() {
        let cases = [
            ("main.windowFor", "main.windowFor"),
            ("main.größe·世界", "main.größe·世界"),
            ("main.\x1b[31mred", "main.\\u{1b}[31mred"),
            ("a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}"),
            ("bell\x07 c1\u{9b}", "bell\\u{7} c1\\u{9b}"),
            ("rtl\u{202e}gpj.exe", "rtl\\u{202e}gpj.exe"),
            ("iso\u{2066}late", "iso\\u{2066}late"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("broken \u{fffd} utf-8", "broken \u{fffd} utf-8"),
        ];
        for (raw, safe) in cases {
            assert_eq!(escape(raw), safe);
        }
    }
}
