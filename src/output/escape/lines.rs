//! Lines of text as the log of a CI system may show them.
//!
//! GitHub Actions runs a line as a command if it begins with `::`, after any blanks. Azure Pipelines
//! and others look for `##[` and the like, which [`escape`](super::escape()) takes care of. A name
//! such as `::operator new` is as harmless anywhere else as any other, so only the beginnings of
//! lines are changed, and each medium has its own way to do that. Lines of plain text are also
//! checked for characters that don't print, in case a name was written as it is.

use crate::printable::{escape, is_hidden};
use std::borrow::Cow;
use std::io;

/// What the lines are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::output) enum Medium {
    /// Plain text without colours.
    Plain,
    /// Plain text whose colours are ANSI escapes.
    Colored,
    /// Records of CSV. A quoted cell is the same cell.
    Csv,
    /// Markdown and XML, which know references to characters.
    Markup,
}

/// Writes lines through `write` to `out`.
pub(in crate::output) fn write(
    medium: Medium,
    out: &mut dyn io::Write,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut lines = Lines { medium, line: Vec::new(), out };
    write(&mut lines)?;
    lines.end("")?;
    lines.out.flush()
}

/// A line of plain text that no CI system obeys.
pub(crate) fn plain(line: &str) -> Cow<'_, str> {
    match (Medium::Plain.harmless(line), line) {
        (Some(safe), _) => Cow::Owned(safe),
        (None, line) => Cow::Borrowed(line),
    }
}

struct Lines<'a> {
    medium: Medium,
    /// The line so far.
    line: Vec<u8>,
    out: &'a mut dyn io::Write,
}

impl Lines<'_> {
    /// Writes the line so far and what ends it.
    fn end(&mut self, end: &str) -> io::Result<()> {
        match std::str::from_utf8(&self.line).ok().and_then(|line| self.medium.harmless(line)) {
            Some(safe) => self.out.write_all(safe.as_bytes())?,
            None => self.out.write_all(&self.line)?,
        }
        self.line.clear();
        self.out.write_all(end.as_bytes())
    }
}

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
            self.line.extend_from_slice(&rest[..at]);
            self.end("\n")?;
            rest = &rest[at + 1..];
        }
        self.line.extend_from_slice(rest);
        Ok(bytes.len())
    }

    /// Whole lines only: the rest of a line may change what its beginning means.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Medium {
    /// The line as it has to be written, if not as it is.
    fn harmless(self, line: &str) -> Option<String> {
        let printable = match self {
            Medium::Plain if line.contains(is_hidden) => Some(escape(line).into_owned()),
            Medium::Colored if line.contains(is_hidden) => Some(escape_but_colors(line)),
            _ => None,
        };
        let line = printable.as_deref().unwrap_or(line);
        let at = beginning(line);
        let (lead, rest) = line.split_at(at);
        let Some(rest) = rest.strip_prefix("::") else { return printable };
        Some(match self {
            Medium::Plain | Medium::Colored => format!("{lead}\\u{{3a}}:{rest}"),
            Medium::Markup => format!("{lead}&#58;:{rest}"),
            // A record that begins so begins with a cell without quotes.
            Medium::Csv => {
                let end = rest.find(',').unwrap_or(rest.len());
                format!("\"{lead}::{}\"{}", &rest[..end], &rest[end..])
            }
        })
    }
}

/// Where the text of a line begins, after blanks and colours.
fn beginning(line: &str) -> usize {
    let mut rest = line;
    loop {
        let text = rest.trim_start();
        match color(text) {
            Some(length) => rest = &text[length..],
            None => return line.len() - text.len(),
        }
    }
}

/// The length of the colour that a text begins with: `\x1b[1;31m`.
fn color(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\x1b[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes[end..].starts_with('m').then_some("\x1b[".len() + end + 1)
}

fn escape_but_colors(line: &str) -> String {
    let mut safe = String::with_capacity(line.len() + 16);
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        safe.push_str(&escape(&rest[..at]));
        let length = color(&rest[at..]);
        let end = at + length.unwrap_or(1);
        match length {
            Some(_) => safe.push_str(&rest[at..end]),
            None => safe.push_str(&escape(&rest[at..end])),
        }
        rest = &rest[end..];
    }
    safe.push_str(&escape(rest));
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(medium: Medium, parts: &[&str]) -> String {
        let mut out = Vec::new();
        write(medium, &mut out, |out| {
            parts.iter().try_for_each(|part| out.write_all(part.as_bytes()))
        })
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_line_is_a_command() {
        let plain = [
            ("::error::x\n", "\\u{3a}:error::x\n"),
            ("a\n \u{a0}\u{3000}::x", "a\n \u{a0}\u{3000}\\u{3a}:x"),
            ("1 MiB  ::operator new\n", "1 MiB  ::operator new\n"),
            ("std::f\n\n", "std::f\n\n"),
            ("a\u{9b}\x1b[1mb\n", "a\\u{9b}\\u{1b}[1mb\n"),
        ];
        for (text, expected) in plain {
            assert_eq!(written(Medium::Plain, &[text]), expected);
        }
        let colored = "\x1b[1m ::x\x1b[0m \x1b]0;title\x07\n";
        let expected = "\x1b[1m \\u{3a}:x\x1b[0m \\u{1b}]0;title\\u{7}\n";
        assert_eq!(written(Medium::Colored, &[colored]), expected);
        assert_eq!(written(Medium::Markup, &["  ::x\n"]), "  &#58;:x\n");
        assert_eq!(written(Medium::Csv, &["  ::x,1\n::y\n"]), "\"  ::x\",1\n\"::y\"\n");
        assert_eq!(written(Medium::Plain, &[" ", ":", ":x\n", "y"]), " \\u{3a}:x\ny");
    }
}
