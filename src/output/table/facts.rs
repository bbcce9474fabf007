//! Facts in a row: next to each other, and on a new line if the line is full. No fact is ever
//! broken.

use super::super::{Style, Width};
use anstyle::Style as Ansi;
use std::io;
use unicode_width::UnicodeWidthStr;

/// Writes `first` and then the facts; later lines are indented by the width of `first`. A fact in
/// parentheses belongs to the one before it and is closer to it.
pub(super) fn write(
    first: &str,
    facts: &[String],
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let indent = first.width();
    let room = match style.width {
        Width::Columns(columns) => columns.saturating_sub(indent),
        Width::Unlimited => usize::MAX,
    };
    let dim = Ansi::new().dimmed();
    if style.color && !first.trim().is_empty() {
        write!(out, "{dim}{first}{dim:#}")?;
    } else {
        write!(out, "{first}")?;
    }
    let mut used = 0;
    for fact in facts.iter().filter(|fact| !fact.is_empty()) {
        let gap = match used {
            0 => 0,
            _ if fact.starts_with('(') => 1,
            _ => 2,
        };
        if used > 0 && used + gap + fact.width() > room {
            write!(out, "\n{:indent$}", "")?;
            used = 0;
        } else {
            write!(out, "{:gap$}", "")?;
            used += gap;
        }
        write!(out, "{fact}")?;
        used += fact.width();
    }
    writeln!(out)
}
