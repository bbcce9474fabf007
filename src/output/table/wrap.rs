//! Prose broken into lines between words.
//!
//! A word that is wider than a line gets a line of its own and is never cut: it is a name or a
//! command, and half of it would be wrong.

use super::super::Style;
use anstyle::Style as Ansi;
use std::io;
use unicode_width::UnicodeWidthStr;

/// Writes `first` and then `text`; later lines are indented by the width of `first`; `first` has
/// the style `ansi`.
pub(super) fn write(
    first: &str,
    text: &str,
    ansi: Ansi,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let indent = first.width();
    let room = style.width.prose().saturating_sub(indent).max(20);
    if style.color && !first.trim().is_empty() {
        write!(out, "{ansi}{first}{ansi:#}")?;
    } else {
        write!(out, "{first}")?;
    }
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if used > 0 && used + 1 + word.width() > room {
            write!(out, "\n{:indent$}", "")?;
            used = 0;
        }
        if used > 0 {
            write!(out, " ")?;
            used += 1;
        }
        write!(out, "{word}")?;
        used += word.width();
    }
    writeln!(out)
}

/// Writes dim remarks below a table, after a blank line; nothing if there are none.
pub(super) fn remarks<'a>(
    remarks: impl IntoIterator<Item = (&'a str, String)>,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for (number, (first, text)) in remarks.into_iter().enumerate() {
        if number == 0 {
            writeln!(out)?;
        }
        write(first, &text, Ansi::new().dimmed(), style, out)?;
    }
    Ok(())
}

/// Writes a bold title after a blank line.
pub(super) fn title(text: &str, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let bold = Ansi::new().bold();
    writeln!(out)?;
    if style.color { writeln!(out, "{bold}{text}{bold:#}") } else { writeln!(out, "{text}") }
}

/// `text` broken into lines.
pub(super) fn lines(text: &str, style: &Style) -> String {
    let mut out = Vec::new();
    let plain = Style { color: false, ..style.clone() };
    // Writing to memory never fails.
    let _ = write("", text, Ansi::new(), &plain, &mut out);
    String::from_utf8_lossy(&out).trim_end().to_owned()
}
