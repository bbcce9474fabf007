//! Names made safe for a terminal.
//!
//! Names come from the profiled program, or from the author of the file. A control character could
//! move the cursor or retitle the window; a bidirectional override could make one name look like
//! another. Such characters are shown as `\u{1b}`. Everything that prints passes unchanged.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

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

/// Control characters, line and paragraph separators, and the invisible format characters: zero
/// width, bidirectional marks, overrides and isolates, tags.
fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Escapes characters that don't print. JSON itself escapes ASCII control characters in its
/// strings, and other control characters can appear only in strings.
pub(super) struct Printable<'a>(pub(super) &'a mut dyn io::Write);

impl io::Write for Printable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_plain = |text: &str| !text.contains(|c: char| !c.is_ascii() && hidden(c));
        match std::str::from_utf8(bytes) {
            Ok(text) if !is_plain(text) => {
                let mut safe = String::with_capacity(text.len() + 16);
                for character in text.chars() {
                    if !character.is_ascii() && hidden(character) {
                        for unit in character.encode_utf16(&mut [0; 2]) {
                            let _ = write!(safe, "\\u{unit:04x}");
                        }
                    } else {
                        safe.push(character);
                    }
                }
                self.0.write_all(safe.as_bytes())?;
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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
