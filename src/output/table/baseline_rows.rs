//! Baselines as a table: those of each branch, oldest first, and their drift.

use super::super::Style;
use super::grid::Kind::{Mixed, Number, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{Scale, percent_change, range};
use super::{escape::escape, sparkline, wrap};
use crate::report::baselines::{BaselineRow, Branch, Rise, Shelf};
use crate::stats::drift::LEAST;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Indent of the lines under a branch.
const INDENT: usize = 2;
/// Characters of a build that are shown.
const BUILD: usize = 12;
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

/// A baseline, and the one before it.
type Shown<'a> = (&'a BaselineRow, Option<&'a BaselineRow>);

/// The numbers are the order in which columns are left out if there is no room.
fn columns<'a>(style: &'a Style) -> Grid<'a, Shown<'a>> {
    let scale = |row: &'a BaselineRow| {
        Scale::new(row.total.as_ref().map_or("", |total| &total.unit), style.unit.as_deref())
    };
    Grid::new()
        .column(Word, "date (UTC)", None, |(row, _): &Shown<'_>| {
            row.time.get(..16).unwrap_or(&row.time).replace('T', " ")
        })
        .column(Number, "total", None, move |&(row, _)| {
            Some(scale(row).value(row.total.as_ref()?.value))
        })
        .column(Number, "± 95 %", Some(4), move |&(row, _)| {
            Some(scale(row).value(row.total.as_ref()?.margin()?))
        })
        .column(Number, "change", None, move |&(row, _)| Some(scale(row).change(row.change?)))
        .column(Mixed, "", Some(3), |(row, before)| {
            let base = before.as_ref()?.total.as_ref()?.value;
            let percent = row.change? as f64 / base as f64 * 100.0;
            (base > 0).then(|| percent_change(percent))
        })
        .column(Mixed, "runs", Some(2), |(row, _)| row.runs.to_string())
        .column(Mixed, "period", Some(1), |(row, _)| row.period.to_string())
        .column(Text, "build", Some(5), |(row, _)| {
            let build: String = row.build.as_ref()?.chars().take(BUILD).collect();
            Some(escape(&build).into_owned())
        })
        .column(Word, "kept", Some(0), |(row, _)| row.kept.clone())
}

fn rows(branch: &Branch, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut grid = columns(style);
    let mut before: Option<&BaselineRow> = None;
    for row in &branch.baselines {
        grid.push(&(row, before), RowLabel::default(), Tone::Plain);
        before = Some(row);
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
