//! Functions of own code, and the patterns of their stacks.

use super::super::Style;
use super::closing::write_next;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::Scale;
use super::{counted, escape::escape, wrap};
use crate::analysis::matches::Matches;
use crate::output::columns::View;
use crate::output::columns::matches::columns;
use crate::report::Report;
use anstyle::Style as Ansi;
use std::io;

pub(super) fn write(
    report: &Report,
    matches: &Matches,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(out)?;
    if matches.rows.is_empty() {
        let text = "These stacks contain no own code. Use --own REGEX to say which functions are \
                    your own.";
        wrap::write("", text, Ansi::new(), style, out)?;
    }
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let mut grid = Grid::of(columns(View { report, style }, matches)).name_at_least(24);
    for row in &matches.rows {
        grid.push(&row, RowLabel::new(&row.function), Tone::Plain);
    }
    if !matches.rows.is_empty() {
        grid.write(style, 0, out)?;
    }
    let omitted = (matches.omitted > 0).then(|| {
        ("not shown: ", format!("{} (-n 0 shows them)", counted(matches.omitted, "functions")))
    });
    wrap::remarks(omitted, style, out)?;
    if !matches.elsewhere.is_empty() {
        writeln!(out)?;
        let one = |(id, value): &(String, i64)| format!("{} {}", escape(id), scale.value(*value));
        let all: Vec<_> = matches.elsewhere.iter().map(one).collect();
        let first = "in stacks without own code: ";
        wrap::write("", &format!("{first}{}", all.join(", ")), Ansi::new(), style, out)?;
    }
    leading(matches, style, out)
}

/// Explains the leading patterns, and where to read more.
fn leading(matches: &Matches, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let of_rows = matches.rows.iter().find_map(|row| row.patterns.first());
    let elsewhere = matches.elsewhere.first().map(|(id, _)| id);
    let Some(first) = of_rows.or(elsewhere) else { return Ok(()) };
    writeln!(out)?;
    for pattern in &matches.leading {
        let text = format!("{}: {}", escape(&pattern.id), escape(&pattern.title));
        wrap::write("", &text, Ansi::new(), style, out)?;
    }
    writeln!(out)?;
    let text =
        "A matching pattern is not proof of a leak: a cache that fills up has the same stacks.";
    wrap::write("", text, Ansi::new(), style, out)?;
    write_next("What one means", &format!("heapdiff patterns {}", escape(first)), style, out)
}
