//! Goroutines by the place they are in: how many, what they wait for, and where.
//!
//! `←` precedes the function that `go` started, if that is another one and there is room. Counts have no sampling error.

use super::super::Style;
use super::grid::Kind::{Number, Text, Word};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::{counted, rows, wrap};
use crate::analysis::Status;
use crate::analysis::places::{GoroutinePlace, PlaceCount, PlaceCounts};
use crate::report::Report;
use std::io;

pub(super) fn write(
    report: &Report,
    places: &PlaceCounts,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let is_comparison = report.comparison.is_some();
    if !places.counts.is_empty() {
        writeln!(out)?;
        let mut grid = columns(report, style);
        push_all(&mut grid, places.counts.iter(), |one| (&one.at, one.value.delta));
        grid.write(style, 0, out)?;
    }
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let omitted = (places.omitted.rows > 0).then(|| {
        let sum = scale.omitted(places.omitted, if is_comparison { "Δ" } else { "flat" });
        let what = counted(places.omitted.rows, "places");
        ("not shown: ", format!("{what}, {sum} (-n 0 shows them)"))
    });
    wrap::remarks(omitted, style, out)
}

/// Adds rows to a grid, by their places and their Δ: those that grew, then those that shrank, then
/// the rest.
pub(super) fn push_all<'r, R: 'r>(
    grid: &mut Grid<'_, R>,
    rows: impl Iterator<Item = &'r R>,
    of: impl Fn(&'r R) -> (&'r GoroutinePlace, Option<i64>),
) {
    let mut rows: Vec<_> = rows.map(|row| (row, of(row))).collect();
    let group = |delta: Option<i64>| delta.map_or(0, |delta| -delta.signum());
    rows.sort_by_key(|(_, (_, delta))| (group(*delta) == 0, group(*delta)));
    let mut previous = None;
    for (row, (at, delta)) in rows {
        if previous.is_some_and(|previous| previous != group(delta)) {
            grid.gap();
        }
        previous = Some(group(delta));
        let tone = delta.map_or(Tone::Plain, Tone::of);
        grid.push(row, label(&at.place.function, at.root.as_deref()), tone);
    }
}

/// A place, and the function that `go` started.
pub(super) fn label(function: &str, root: Option<&str>) -> RowLabel {
    match root {
        Some(root) => RowLabel::new(function).started_as(root),
        None => RowLabel::new(function),
    }
}

/// The numbers are the order in which columns make room for names.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, PlaceCount> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let is_comparison = report.comparison.is_some();
    let percent = move |one: &PlaceCount| match one.status() {
        _ if !is_comparison => one.percent.map(number::percent_text),
        Status::New => Some("new".to_owned()),
        Status::Gone => Some("gone".to_owned()),
        _ => one.percent.map(number::percent_change),
    };
    let grid = if is_comparison {
        Grid::new()
            .column(Number, "Δ flat", None, move |one: &PlaceCount| {
                scale.change(one.value.delta_or_value())
            })
            .column(Number, "Δ %", Some(0), percent)
            .column(Number, "before", Some(1), move |one| one.value.before.map(|b| scale.value(b)))
            .column(Number, "after", Some(3), move |one| scale.value(one.value.after))
    } else {
        Grid::new()
            .column(Number, "flat", None, move |one: &PlaceCount| scale.value(one.value.after))
            .column(Number, "flat %", Some(0), percent)
    };
    grid.column(Word, "in", Some(4), |one| Some(one.at.waits_for.clone()))
        .name("goroutines at")
        .column(
            Text,
            "where",
            Some(2),
            move |PlaceCount { at: GoroutinePlace { place, .. }, .. }| {
                rows::file_and_line(place, style.file_names)
            },
        )
}
