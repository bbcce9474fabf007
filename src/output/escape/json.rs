//! JSON that is safe to show: a character that doesn't print is written as `\u009b`.
//!
//! Parsers read the same text. `serde_json` escapes ASCII control characters itself, except DEL; what
//! is escaped here can appear only in strings.

use crate::printable::{command, is_hidden};
use serde::Serialize;
use std::fmt::Write as _;
use std::io;

/// Writes a value with indentation, and a line break.
pub(in crate::output) fn write_pretty(
    value: &impl Serialize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    // serde_json wraps the writer's error; callers need its original kind when a pipe is closed.
    serde_json::to_writer_pretty(Printable(&mut *out), value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Writes a value on one line, and a line break.
pub(in crate::output) fn write_line(
    value: &impl Serialize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    serde_json::to_writer(Printable(&mut *out), value).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Escapes what a terminal or a CI system would obey.
struct Printable<'a>(&'a mut dyn io::Write);

impl io::Write for Printable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains(needs_escape) || command(text).is_some() => {
                self.0.write_all(escaped(text).as_bytes())?;
            }
            _ => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether a character doesn't print. ASCII control characters other than DEL are the line breaks
/// and blanks between values.
fn needs_escape(c: char) -> bool {
    c == '\u{7f}' || (!c.is_ascii() && is_hidden(c))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let mut next = command(text);
    for (at, character) in text.char_indices() {
        let is_command = next == Some(at);
        if is_command {
            next = command(&text[at + 1..]).map(|next| at + 1 + next);
        }
        if is_command || needs_escape(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::write_line;

    #[test]
    fn a_parser_reads_what_a_terminal_does_not_obey() {
        let name = "a\u{7f}b\u{9b}c\u{202e}\u{e0001}\x1b##[error]x##vso[y]\n\u{ffff}##";
        let mut written = Vec::new();
        write_line(&[name], &mut written).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert_eq!(
            text,
            "[\"a\\u007fb\\u009bc\\u202e\\udb40\\udc01\\u001b#\\u0023[error]x#\\u0023vso[y]\\n\u{ffff}##\"]\n"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [name]);
    }
}
