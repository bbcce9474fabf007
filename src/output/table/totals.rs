//! The totals of the whole profile, by sample type. The sample type of the rows comes first.

use super::super::Style;
use super::escape::escape;
use super::grid::Kind::{Mixed, Text};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale, percent_change};
use crate::report::{Report, Total};
use std::io;

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if report.totals.is_empty() {
        return Ok(());
    }
    let mut grid = columns(report, style);
    let (about, others): (Vec<&Total>, Vec<&Total>) =
        report.totals.iter().partition(|total| total.sample_type == report.sample_type);
    for total in about.into_iter().chain(others) {
        grid.push(total, RowLabel::default(), Tone::Plain);
    }
    writeln!(out)?;
    grid.write(style, 0, out)
}

/// The numbers are the order in which columns are left out if there is no room.
fn columns<'a>(report: &Report, style: &'a Style) -> Grid<'a, Total> {
    let (before, after) = match (report.answer.timeline(), &report.comparison) {
        (Some(_), _) => ("first", "last"),
        (None, Some(_)) => ("before", "after"),
        (None, None) => ("before", "total"),
    };
    let unit = style.unit.as_deref();
    Grid::new()
        .column(Text, "", None, |total: &Total| escape(&total.sample_type).into_owned())
        .column(Mixed, before, Some(2), move |total| {
            total.value.before.map(|before| Scale::new(&total.unit, unit).exact(before))
        })
        .column(Mixed, after, None, move |total| {
            Scale::new(&total.unit, unit).exact(total.value.after)
        })
        .column(Mixed, "Δ", None, move |total| {
            total.value.delta.map(|delta| Scale::new(&total.unit, unit).exact_change(delta))
        })
        .column(Mixed, "Δ %", Some(1), |total| total.delta_percent.map(percent_change))
        .column(Text, "95 % interval", Some(0), move |total| {
            let scale = Scale::new(&total.unit, unit);
            let error = total.error?;
            // For one profile, the interval is around its sum; for two, around their difference.
            let [lower, upper] = [error.lower, error.upper].map(|end| match total.value.delta {
                Some(_) => scale.change(end),
                None => scale.value(end),
            });
            Some(number::range(&lower, &upper))
        })
}
