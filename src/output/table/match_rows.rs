//! Functions of own code, and the patterns of their stacks.

use super::super::{Style, Width};
use super::closing::write_next;
use super::grid::Kind::{Number, Text, Word};
use super::grid::{Grid, Tone, cut_right};
use super::label::RowLabel;
use super::number::Scale;
use super::{counted, escape::escape, rows, wrap};
use crate::analysis::matches::{Match, Matches};
use crate::report::{InputKind, Report};
use anstyle::Style as Ansi;
use std::io;
use unicode_width::UnicodeWidthStr;

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
    let is_goroutine = report.inputs.iter().all(|input| input.kind == InputKind::Goroutine);
    let held = if is_goroutine { "goroutines" } else { "in use" };
    let has_held = matches.rows.iter().any(|row| row.inuse_space.or(row.goroutines).is_some());
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let held_by = |row: &Match| row.inuse_space.or(row.goroutines);
    let mut grid = Grid::new()
        .name_at_least(24)
        .column(Number, held, None, |row| held_by(row).map(|value| scale.value(value)))
        .column(Number, "allocated", has_held.then_some(1), |row: &Match| {
            row.alloc_space.map(|value| scale.value(value))
        })
        .name("function")
        .column(Word, "patterns", None, |row| ids(&row.patterns, style.width))
        .column(Text, "file", Some(0), |row| {
            rows::in_file(row.file.as_deref(), None, style.file_names)
        });
    for row in &matches.rows {
        grid.push(row, RowLabel::new(&row.function), Tone::Plain);
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

/// The ids that fit, at least the first, and the number of others.
fn ids(patterns: &[String], width: Width) -> String {
    let Width::Columns(columns) = width else {
        return patterns.iter().map(|id| escape(id)).collect::<Vec<_>>().join(", ");
    };
    let mut text = String::new();
    for (shown, id) in patterns.iter().enumerate() {
        let id = escape(id);
        if shown > 0 && text.width() + 2 + id.width() > columns / 3 {
            text = format!("{text} +{}", patterns.len() - shown);
            break;
        }
        if shown > 0 {
            text.push_str(", ");
        }
        text.push_str(&id);
    }
    cut_right(&text, columns * 2 / 5)
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
