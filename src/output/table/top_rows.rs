//! The rows of one profile: where the memory, or the time, is.

use super::super::Style;
use super::grid::Kind::{Number, Text};
use super::grid::{Grid, Tone};
use super::number::{self, Scale};
use super::{counted, rows, rows_word, wrap};
use crate::analysis::top::{Top, TopRow};
use crate::report::{Report, Sort};
use std::io;

pub(super) fn write(
    report: &Report,
    top: &Top,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if top.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut grid = columns(report, style);
    for row in top.rows.iter().flat_map(|row| rows::shown(row, &row.addresses)) {
        grid.push(row, rows::label(report, &row.name, row.via.as_ref()), Tone::Plain);
    }
    grid.write(style, 0, out)?;
    let omitted = (top.omitted.rows > 0).then(|| {
        let what = counted(top.omitted.rows, rows_word(report));
        let sum = Scale::new(&report.unit, style.unit.as_deref()).value(top.omitted.sum);
        ("not shown: ", format!("{what}, flat {sum} (-n 0 shows them)"))
    });
    let hidden = rows::hidden(top.rows.iter().map(|row| row.addresses.len()));
    wrap::remarks(hidden.into_iter().chain(omitted), style, out)
}

/// A value of a row: its title, that of its percent, and both.
type Value = (&'static str, &'static str, fn(&TopRow) -> (i64, Option<f64>));

const FLAT: Value = ("flat", "flat %", |row| (row.flat, row.flat_percent));
const CUM: Value = ("cum", "cum %", |row| (row.cum, row.cum_percent));

/// The value the rows are sorted by comes first and stays. The numbers are the order in which
/// columns make room for names.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, TopRow> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let counts_objects = rows::counts_objects(report);
    let (first, second) = if report.sort == Sort::Cum { (CUM, FLAT) } else { (FLAT, CUM) };
    let ((title, percent, of), (other_title, other_percent, other)) = (first, second);
    Grid::new()
        .column(Number, title, None, move |row| scale.value(of(row).0))
        .column(Number, percent, Some(2), move |row| of(row).1.map(number::percent_text))
        .column(Number, "± 95 %", Some(5), move |row| {
            row.error.map(|error| scale.margin(error, of(row).0))
        })
        .column(Number, other_title, Some(3), move |row| scale.value(other(row).0))
        .column(Number, other_percent, Some(0), move |row| other(row).1.map(number::percent_text))
        .column(Number, "objects", Some(1), move |row| {
            row.objects.filter(|_| counts_objects).map(number::count)
        })
        .name(rows::title(report))
        .column(Text, "where", Some(4), move |row| {
            rows::place(report, row.via.as_ref(), (row.file.as_ref(), row.line), style)
        })
}
