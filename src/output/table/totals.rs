//! What the whole profile adds up to, per sample type. The one the rows are about comes first.

use super::super::Style;
use super::grid::{Column, Grid, Header, Line, Tone};
use super::name::Label;
use super::number::{self, Scale, percent_change};
use crate::report::{Report, Total};
use std::io;

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    if report.totals.is_empty() {
        return Ok(());
    }
    let (before, after) = match (report.answer.timeline(), &report.comparison) {
        (Some(_), _) => ("first", "last"),
        (None, Some(_)) => ("before", "after"),
        (None, None) => ("before", "total"),
    };
    let columns = vec![
        Column::text("", None),
        Column::mixed(before, Some(2)),
        Column::mixed(after, None),
        Column::mixed("Δ", None),
        Column::mixed("Δ %", Some(1)),
        Column::text("95 % interval", Some(0)),
    ];
    let mut grid = Grid::new(columns, Header::Titles);
    let (about, others): (Vec<&Total>, Vec<&Total>) =
        report.totals.iter().partition(|total| total.sample_type == report.sample_type);
    for total in about.into_iter().chain(others) {
        grid.push(line(total, style));
    }
    writeln!(out)?;
    grid.write(style.width, style.color, 0, out)
}

fn line(total: &Total, style: &Style) -> Line {
    let scale = Scale::new(&total.unit, style.unit.as_deref());
    // The interval of a single profile is around its sum, that of two around their difference.
    let interval = total.error.map(|error| match total.delta {
        Some(_) => number::range(&scale.change(error.lower), &scale.change(error.upper)),
        None => number::range(&scale.value(error.lower), &scale.value(error.upper)),
    });
    Line {
        cells: vec![
            super::escape::escape(&total.sample_type).into_owned(),
            total.before.map(|before| scale.exact(before)).unwrap_or_default(),
            scale.exact(total.after),
            total.delta.map(|delta| scale.exact_change(delta)).unwrap_or_default(),
            total.delta_percent.map(percent_change).unwrap_or_default(),
            interval.unwrap_or_default(),
        ],
        label: Label::default(),
        tone: Tone::Plain,
    }
}
