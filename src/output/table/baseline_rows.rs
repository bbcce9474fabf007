//! Baselines for people: those of each branch, oldest first, and what they do through time.

use super::super::Style;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{Scale, percent_change, range};
use super::{escape::escape, sparkline, wrap};
use crate::report::baselines::{Branch, Rise, Row, Shelf, Total};
use crate::stats::drift::LEAST;
use anstyle::{AnsiColor, Style as Ansi};
use std::io;

/// Before what stands under a branch.
const INDENT: usize = 2;
/// Characters of a build that are shown.
const BUILD: usize = 12;
/// Columns of the shape of a branch.
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
    let mut grid = Grid::new(
        vec![
            Column::word("date (UTC)", None),
            Column::number("total", None),
            Column::number("± 95 %", Some(4)),
            Column::number("change", None),
            Column::mixed("", Some(3)),
            Column::mixed("runs", Some(2)),
            Column::mixed("period", Some(1)),
            Column::text("build", Some(5)),
            Column::word("kept", Some(0)),
        ],
        Header::Titles,
    );
    let mut before: Option<&Row> = None;
    for row in &branch.baselines {
        grid.push(line(row, before, style));
        before = Some(row);
    }
    grid.write(style.width, style.color, INDENT, out)
}

fn line(row: &Row, before: Option<&Row>, style: &Style) -> Line {
    let unit = row.total.as_ref().map_or("", |total| total.unit.as_str());
    let scale = Scale::new(unit, style.unit.as_deref());
    let total = row.total.as_ref();
    let margin = total.and_then(Total::margin);
    let base = before.and_then(|row| row.total.as_ref()).map(|total| total.value);
    let percent = row.change.zip(base.filter(|&base| base > 0));
    let percent = percent.map(|(change, base)| percent_change(change as f64 / base as f64 * 100.0));
    let build: String = row.build.iter().flat_map(|build| build.chars()).take(BUILD).collect();
    Line {
        cells: vec![
            row.time.get(..16).unwrap_or(&row.time).replace('T', " "),
            total.map_or(String::new(), |total| scale.value(total.value)),
            margin.map_or(String::new(), |margin| scale.value(margin)),
            row.change.map_or(String::new(), |change| scale.change(change)),
            percent.unwrap_or_default(),
            row.runs.to_string(),
            row.period.to_string(),
            escape(&build).into_owned(),
            row.kept.clone(),
        ],
        label: Label::default(),
        tone: Tone::Plain,
    }
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
        _ => format!("{LEAST} baselines at least show whether they drift"),
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
