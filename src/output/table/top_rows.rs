//! The rows of one profile: where the memory, or the time, is.

use super::super::Style;
use super::grid::Kind::{Number, Text};
use super::grid::{Grid, Tone};
use super::label::RowLabel;
use super::number::{self, Scale};
use super::part_lines::{self, PartLine, Parts};
use super::{counted, rows, rows_word, wrap};
use crate::analysis::parts::PartValue;
use crate::analysis::top::{Top, TopRow};
use crate::analysis::{Bounds, OmittedRows, Place};
use crate::report::{Report, Sort};
use std::cmp::Reverse;
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
    let value = if report.sort == Sort::Cum { CUM } else { FLAT };
    // Lines of callers take the place of the last rows, as the analysis chose them.
    let limit = if top.omitted.rows > 0 { top.rows.len() } else { usize::MAX };
    let counts = top.rows.iter().map(|row| parts(row).count(report));
    let (shown, cut) = top.rows.split_at(part_lines::fitting(counts, limit));
    let mut omitted = top.omitted;
    cut.iter().for_each(|row| omitted.add((value.of)(row)));
    let mut others = OmittedRows::default();
    let lines = lines(report, shown, value, &mut others);
    writeln!(out)?;
    let mut grid = columns(report, style);
    for (line, label) in lines {
        grid.push(&line, label, Tone::Plain);
    }
    grid.write(style, 0, out)?;
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let sum = |omitted: OmittedRows| scale.omitted(omitted, value.title);
    let not_shown = (omitted.rows > 0).then(|| {
        let what = counted(omitted.rows, rows_word(report));
        ("not shown: ", format!("{what}, {} (-n 0 shows them)", sum(omitted)))
    });
    let beneath = |row: &TopRow| row.addresses.iter().map(value.of).collect();
    let hidden = rows::hidden(report, shown.iter().map(|row| ((value.of)(row), beneath(row))));
    let hidden = rows::hidden_remark(hidden, &sum(hidden));
    let others = part_lines::remark(others, &sum(others));
    wrap::remarks(hidden.into_iter().chain(others).chain(not_shown), style, out)
}

/// A value of a row: its title, that of its percent, and both.
#[derive(Clone, Copy)]
struct Value {
    title: &'static str,
    percent_title: &'static str,
    of: fn(&TopRow) -> i64,
    percent: fn(&TopRow) -> Option<f64>,
}

const FLAT: Value = Value {
    title: "flat",
    percent_title: "flat %",
    of: |row| row.flat,
    percent: |row| row.flat_percent,
};
const CUM: Value = Value {
    title: "cum",
    percent_title: "cum %",
    of: |row| row.cum,
    percent: |row| row.cum_percent,
};

/// One line of the table: a row, or a part of it.
struct Line<'a> {
    row: &'a TopRow,
    part: Option<&'a PartValue>,
    /// The caller that the label names.
    place: Option<&'a Place>,
    at_most: u64,
}

impl<'a> Line<'a> {
    fn new(row: &'a TopRow, of: PartLine<'a>) -> (Self, RowLabel) {
        let PartLine { part, place, label, at_most } = of;
        (Self { row, part, place, at_most }, label)
    }

    fn value(&self, value: Value) -> i64 {
        self.part.map_or_else(|| (value.of)(self.row), |part| part.value.after)
    }

    fn percent(&self, value: Value) -> Option<f64> {
        let whole = (value.percent)(self.row);
        let Some(part) = self.part else { return whole };
        let row = (value.of)(self.row);
        (row != 0).then_some(whole? / row as f64 * part.value.after as f64)
    }

    fn error(&self) -> Option<Bounds> {
        self.part.map_or(self.row.error, |part| part.error)
    }

    fn objects(&self) -> Option<i64> {
        self.part.map_or(self.row.objects, |part| Some(part.objects?.after))
    }
}

fn parts(row: &TopRow) -> Parts<'_> {
    let TopRow { name, via, via_share, callers, others, .. } = row;
    Parts { name, via: via.as_ref(), via_share: *via_share, callers, others: others.as_ref() }
}

/// The lines of rows, the largest first. Others without a line are added to `hidden`.
fn lines<'a>(
    report: &Report,
    rows: &'a [TopRow],
    value: Value,
    hidden: &mut OmittedRows,
) -> Vec<(Line<'a>, RowLabel)> {
    let least = rows.iter().map(|row| (value.of)(row).unsigned_abs()).min().unwrap_or(0);
    let mut lines: Vec<(Line<'a>, RowLabel)> = Vec::new();
    for row in rows {
        if row.addresses.is_empty() {
            let of_row = parts(row).lines(report, least, hidden).into_iter();
            lines.extend(of_row.map(|of| Line::new(row, of)));
        } else {
            let shown = rows::shown(row, &row.addresses).iter();
            lines.extend(shown.map(|row| Line::new(row, parts(row).whole(report))));
        }
    }
    let has_parts = lines.iter().any(|(line, _)| line.part.is_some());
    if has_parts {
        lines.sort_by_key(|(line, _)| Reverse(line.value(value).unsigned_abs().min(line.at_most)));
    }
    lines
}

/// The value the rows are sorted by comes first and stays. The numbers are the order in which
/// columns make room for names.
fn columns<'a>(report: &'a Report, style: &'a Style) -> Grid<'a, Line<'a>> {
    let scale = Scale::new(&report.unit, style.unit.as_deref());
    let counts_objects = rows::counts_objects(report);
    let (first, second) = if report.sort == Sort::Cum { (CUM, FLAT) } else { (FLAT, CUM) };
    // What a caller's part leads to isn't known.
    let other = move |line: &Line<'_>| line.part.is_none() || report.sort == Sort::Cum;
    Grid::new()
        .column(Number, first.title, None, move |line: &Line<'_>| scale.value(line.value(first)))
        .column(Number, first.percent_title, Some(2), move |line| {
            line.percent(first).map(number::percent_text)
        })
        .column(Number, "± 95 %", Some(5), move |line| {
            line.error().map(|error| scale.margin(error, line.value(first)))
        })
        .column(Number, second.title, Some(3), move |line| {
            other(line).then(|| scale.value(line.value(second)))
        })
        .column(Number, second.percent_title, Some(0), move |line| {
            line.percent(second).filter(|_| other(line)).map(number::percent_text)
        })
        .column(Number, "objects", Some(1), move |line| {
            line.objects().filter(|_| counts_objects).map(number::count)
        })
        .name(rows::title(report))
        .column(Text, "where", Some(4), move |line| {
            rows::place(report, line.place, (line.row.file.as_ref(), line.row.line), style)
        })
}
