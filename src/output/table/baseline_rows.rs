//! Baselines as a table: those of each branch, oldest first, and their drift.

use super::super::Style;
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{Scale, percent_change, range};
use super::{escape::escape, sparkline, wrap};
use crate::output::columns::baselines::{columns, lines};
use crate::report::baselines::{Branch, Rise, Shelf};
use crate::stats::drift::LEAST;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Indent of the lines under a branch.
const INDENT: usize = 2;
/// Width of the sparkline of a branch.
const SHAPE: usize = 24;

pub(in crate::output) fn write(
    shelf: &Shelf,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for (number, branch) in shelf.branches.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        let first = format!("{}  {}  ", escape(&branch.branch), escape(&branch.platform));
        wrap::write(&first, &escape(&shelf.sample_type), Ansi::new().bold(), style, out)?;
        rows(branch, style, out)?;
        drift(branch, style, out)?;
    }
    for warning in &shelf.warnings {
        writeln!(out)?;
        let yellow = AnsiColor::Yellow.on_default();
        wrap::write("warning: ", &escape(warning), yellow, style, out)?;
    }
    Ok(())
}

fn rows(branch: &Branch, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut grid = Grid::of(columns(style));
    for line in lines(branch) {
        grid.push(&line, RowLabel::default(), Tone::Plain);
    }
    grid.write(style, INDENT, out)
}

fn drift(branch: &Branch, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let totals: Vec<_> = branch.baselines.iter().filter_map(|row| row.total.as_ref()).collect();
    let said = match (&branch.drift, totals.last()) {
        (Some(rise), Some(last)) => {
            let scale = Scale::new(&last.unit, style.unit.as_deref());
            let values: Vec<i64> = totals.iter().map(|total| total.value).collect();
            let from = values.len().saturating_sub(rise.baselines);
            let shape = sparkline::sparkline(&values[from..], SHAPE);
            format!("{} {shape}", said(rise, &scale))
        }
        _ => format!("at least {LEAST} baselines are needed"),
    };
    wrap::write("  drift: ", &said, Ansi::new(), style, out)
}

fn said(rise: &Rise, scale: &Scale<'_>) -> String {
    let percent =
        rise.percent.map_or(String::new(), |percent| format!(" ({})", percent_change(percent)));
    let range = range(&scale.change(rise.lower), &scale.change(rise.upper));
    format!(
        "{}{percent} over the last {}, 95 % bounds {range}, p = {:.3}",
        scale.change(rise.value),
        rise.baselines,
        rise.p
    )
}
