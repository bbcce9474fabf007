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
        let group = |one: &PlaceCount| one.value.delta.map_or(0, |delta| -delta.signum());
        let mut counts: Vec<&PlaceCount> = places.counts.iter().collect();
        // What grew comes first, then what shrank.
        counts.sort_by_key(|one| (group(one) == 0, group(one)));
        let mut previous = None;
        for one in counts {
            let group = group(one);
            if previous.is_some_and(|previous| previous != group) {
                grid.gap();
            }
            previous = Some(group);
            let tone = if is_comparison { Tone::of(-group) } else { Tone::Plain };
            let label = label(&one.at.place.function, one.at.root.as_deref());
            grid.push(one, label, tone);
        }
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
